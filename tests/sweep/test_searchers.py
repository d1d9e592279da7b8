import importlib.util

import pytest

from ganscape.search_spaces import SPACES, StudyError
from ganscape.sweep.plan import plan
from ganscape.sweep.searchers import SEARCHERS, Observation

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


def test_points_end():
    assert SEARCHERS["points"](SPACE, (0,)).ask(10) == list(SPACE.defaults)


@pytest.mark.parametrize("name, needed", [("optuna_tpe", "optuna"), ("optuna_gp", "optuna and torch")])
def test_a_searcher_whose_package_is_missing_is_refused_with_a_sentence(name, needed, tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n in ("optuna", "torch") else found(n))
    with pytest.raises(StudyError, match=rf"{name}' needs {needed}, not installed here; pip install 'ganscape\[optuna"):
        plan("equal/wide", out=tmp_path, searcher=name)
