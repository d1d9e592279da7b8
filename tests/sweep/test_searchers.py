import importlib.util
import math

import numpy as np
import pytest

from ganscape.results import frames, live, plots
from ganscape.results.definition import UNSTATED, current_searcher
from ganscape.results.store import open_store
from ganscape.search_spaces import SPACES, STUDIES, StudyError
from ganscape.search_spaces.study_text import write_study
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.messages import Score
from ganscape.sweep.plan import find_study, plan
from ganscape.sweep.searchers import SEARCHERS, SELECTORS, Observation, facts_of
from ganscape.sweep.searchers.sequences import Sobol

SPACE = SPACES["equal/wide"]["wgan_gp"]
EXTRA = {"optuna_tpe": ("optuna",), "optuna_gp": ("optuna", "torch")}


@pytest.fixture(params=sorted(SEARCHERS))
def searcher(request):
    for package in EXTRA.get(request.param, ()):
        pytest.importorskip(package)
    return lambda: SEARCHERS[request.param](SPACE, (3, 1, 0))


def test_the_defaults_are_asked_first(searcher):
    assert searcher().ask(1) == [SPACE.defaults[0]]


def test_the_same_state_asks_the_same(searcher):
    assert searcher().ask(5) == searcher().ask(5)


def test_asking_in_parts_is_asking_at_once(searcher):
    whole, parts = searcher(), searcher()
    assert whole.ask(5) == parts.ask(2) + parts.ask(3)


def test_what_was_told_is_not_asked_again(searcher):
    first, later = searcher(), searcher()
    asked = first.ask(3)
    later.tell([Observation(settings, (1.0,)) for settings in asked])
    assert later.ask(2) == first.ask(2)


def test_random_draws_are_distinct_and_inside_the_space():
    asked = SEARCHERS["random"](SPACE, (0, 0, 0)).ask(40)
    assert len({tuple(sorted(settings.items())) for settings in asked}) == 40
    for settings in asked[1:]:
        assert 1e-5 <= settings["learning_rate"] <= 1e-2
        assert settings["disc_iters"] in (1, 5)


def test_random_draws_depend_on_the_seed():
    one, other = (SEARCHERS["random"](SPACE, (seed, 0, 0)).ask(3) for seed in (0, 1))
    assert one[0] == other[0] and one[1] != other[1]


def test_the_searcher_of_defaults_ends_with_them():
    assert SEARCHERS["defaults"](SPACE, (0,)).ask(10) == list(SPACE.defaults)


@pytest.mark.parametrize("name, needed", [("optuna_tpe", "optuna"), ("optuna_gp", "optuna and torch")])
def test_a_searcher_whose_package_is_missing_is_refused_with_a_sentence(name, needed, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in ("optuna", "torch") else found(n))
    with pytest.raises(StudyError, match=rf"{name}' needs {needed}, not installed here; pip install 'ganscape\[optuna"):
        plan("equal/wide", out=tmp_path, searcher=name)


def test_facts_of_searchers_are_those_that_definitions_did_not_always_state():
    """Old folders are read by the names of UNSTATED, new ones by what searchers state; `later` ones always did."""
    later = {"leaders"}
    for fact, earlier in UNSTATED.items():
        names = (SEARCHERS.keys() | SELECTORS.keys()) - later
        assert {name for name in names if facts_of(name)[fact]} == set(map(current_searcher, earlier)), fact


@pytest.mark.parametrize("name", [name for name in SEARCHERS if facts_of(name)["independent"]])
def test_what_an_independent_searcher_asks_does_not_depend_on_scores(name):
    first = SEARCHERS[name](SPACE, (3, 1, 0)).ask(4)
    rising, falling = (SEARCHERS[name](SPACE, (3, 1, 1)) for _ in range(2))
    rising.tell([Observation(settings, (float(rank),)) for rank, settings in enumerate(first)])
    falling.tell([Observation(settings, (math.inf if rank else 1.0,)) for rank, settings in enumerate(first)])
    assert rising.ask(4) == falling.ask(4)


def test_an_earlier_name_of_a_searcher_means_the_present_one(tmp_path):
    settings = {"images": 1280, "interval": 640}
    same, other = (
        plan("equal/wide", out=tmp_path, methods=["wgan"], searcher=name, settings=settings).definition
        for name in ("published", "original")
    )
    assert same == other and same["searcher"] == "published"
    text = write_study(STUDIES["equal/defaults"]).replace('searcher = "defaults"', 'searcher = "points"')
    assert 'searcher = "points"' in text
    (tmp_path / "mine.toml").write_text(text)
    assert find_study(str(tmp_path / "mine.toml")).searcher == "defaults"


class FromOutside:
    """The Sobol sequence under another name, by composition."""

    def __init__(self, space, seed):
        sequence = Sobol(space, seed)
        self.ask, self.tell = sequence.ask, sequence.tell


class IndependentFromOutside(FromOutside):
    independent = True


@pytest.mark.parametrize("searcher, draws", [(FromOutside, False), (IndependentFromOutside, True)])
def test_a_searcher_from_outside_that_states_its_independence_gets_budget_curves(
    tmp_path, monkeypatch, searcher, draws
):
    monkeypatch.setitem(SEARCHERS, "outside", searcher)
    settings = {"configs": 6, "images": 1280, "interval": 640, "disc_iters": 1}
    planned = plan("equal/wide", out=tmp_path, methods=["ns_gan"], searcher="outside", seeds=1, settings=settings)
    with open_store(tmp_path / "out") as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        backlog = Backlog(planned, store, 2, {}, lambda backlog: None)
        while not backlog.done():
            for trial in backlog.take().trials:
                for rung in planned.workload.rungs:
                    grid = np.zeros((96, 8, 8, 1), np.uint8)
                    backlog.record(Score(trial.id, 0, rung, rung, trial.config.g_lr * rung, 0.5, grid))
    results = frames.load(tmp_path / "out")
    assert results.exchangeable() is draws and len(results.independent()) == (6 if draws else 0)
    assert np.isfinite(live.by_method(results)["expected"].iloc[0]) == draws
    assert bool(plots.budget_curves(results).lines) is draws


def test_leaders_are_those_that_were_the_best_after_a_half_a_quarter_of_the_search():
    scores = [8.0, 5.0, float("inf"), 6.0, 7.0, 3.0, 4.0, 9.0]
    observations = [Observation({"number": number}, (score,)) for number, score in enumerate(scores)]
    chosen = [settings["number"] for settings in SELECTORS["leaders"](observations, 4)]
    assert chosen == [5, 1, 0]  # after 8, after 4 and after 2, after 1
    assert [settings["number"] for settings in SELECTORS["leaders"](observations[2:3], 4)] == []
