"""Phases: parts of a search that follow one another in each method, told all that came before."""

import math
import statistics

import numpy as np
import pytest

from ganscape.results import frames, live
from ganscape.results.store import open_store
from ganscape.search_spaces import Phase, StudyError, all_phases
from ganscape.search_spaces.studies import STUDIES
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.messages import Failure, Score
from ganscape.sweep.plan import plan
from ganscape.sweep.rounds import count_trials
from ganscape.sweep.searchers import SELECTORS, Observation

LENGTH = {"images": 1280, "interval": 640, "disc_iters": 1}
LATER = (
    Phase("bandit", "gp_bandit", 5, 1, 2, {"beta1": 0.5}),
    Phase("confirm", "best", 1, 3),
)


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Two configs with two seeds, a bandit of five in two rounds, the best again on three seeds."""
    study = STUDIES["equal/wide"]
    scale = study.scales["smoke"]._replace(configs=2, seeds=2, phases=LATER)
    monkeypatch.setitem(STUDIES, "equal/wide", study._replace(scales=study.scales | {"smoke": scale}))
    return plan("equal/wide", out=tmp_path, methods=["ns_gan", "wgan"], settings=LENGTH)


def opened(planned, folder):
    store = open_store(folder)
    store.begin(planned.definition)
    store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
    return store


def backlog_of(planned, store):
    return Backlog(planned, store, 2, {}, lambda backlog: None)


def value(trial):
    """Depends on the config and, wildly, on the seed."""
    return 1 + abs(math.log10(trial.config.g_lr) + 3.3) + 0.3 * math.sin(1e3 * trial.seed)


def finish(backlog, trial):
    if trial.method == "wgan" and trial.config.g_lr > 1e-3:
        backlog.record(Failure(trial.id, 0, "diverged", 640, 1, "not finite", ""))
        return
    for rung in backlog.plan.workload.rungs:
        if rung not in backlog.outcomes.scores[trial.id]:
            picture = np.zeros((96, 8, 8, 1), np.uint8)
            backlog.record(Score(trial.id, 0, rung, rung, value(trial) * (2 - rung / 1280), 0.5, picture))


def run(backlog):
    while not backlog.done():
        for trial in backlog.take().trials:
            finish(backlog, trial)


def rows(folder):
    found = frames.load(folder).per_trial()
    return found[found["method"] == "ns_gan"]


@pytest.fixture
def finished(planned, tmp_path):
    folder = tmp_path / "whole"
    with opened(planned, folder) as store:
        backlog = backlog_of(planned, store)
        assert backlog.expected() == 2 * (2 * 2 + 5 + 3)
        run(backlog)
        assert backlog.expected() == len(backlog.trials) == 24
    return folder


def test_every_phase_has_its_configs_and_seeds_of_its_own(finished):
    counts = rows(finished).groupby("phase", sort=False)
    assert counts["config"].nunique().to_dict() == {"random": 2, "bandit": 5, "confirm": 1}
    seeds = {phase: sorted(set(group["seed"])) for phase, group in counts}
    assert seeds == {"random": [0, 1], "bandit": [2], "confirm": [3, 4, 5]}


def test_the_config_that_is_confirmed_has_the_lowest_median_of_the_search(finished):
    for method in ("ns_gan", "wgan"):
        found = frames.load(finished).per_trial()
        found = found[found["method"] == method]
        searched = found[found["phase"] != "confirm"].groupby("config")["value"].median()
        assert set(found.loc[found["phase"] == "confirm", "config"]) == {searched.idxmin()}


def test_a_phase_s_settings_hold_while_it_lasts(finished):
    found = frames.load(finished).trials()
    assert set(found.loc[found["phase"] == "bandit", "beta1"]) == {0.5}
    assert len(set(found.loc[found["phase"] == "random", "beta1"])) > 1


def test_phases_follow_one_another(planned, tmp_path):
    """No config of a phase is asked before every trial of the one before is finished."""
    with opened(planned, tmp_path / "a") as store:
        backlog = backlog_of(planned, store)
        while not backlog.done():
            cohort = backlog.take()
            for trial in cohort.trials:
                place = {phase.name: number for number, phase in enumerate(planned.phases)}
                stored = {row["trial"]: row for row in store.trials() if row["method"] == trial.method}
                own = planned.phase_index(stored[trial.id]["round"])
                earlier = [name for name, row in stored.items() if planned.phase_index(row["round"]) < own]
                assert all(name in backlog.outcomes.ended for name in earlier), place
                finish(backlog, trial)


def test_a_study_that_is_opened_anew_at_every_turn_asks_the_same(planned, finished, tmp_path):
    broken = tmp_path / "broken"
    while True:
        with opened(planned, broken) as store:
            backlog = backlog_of(planned, store)
            if backlog.done():
                break
            finish(backlog, backlog.take().trials[-1])
    whole, again = (frames.load(folder).trials()[["trial", "round", "phase"]] for folder in (finished, broken))
    assert sorted(map(tuple, whole.to_numpy())) == sorted(map(tuple, again.to_numpy()))


def test_a_phase_that_has_nothing_more_to_ask_makes_way_for_the_next(tmp_path):
    """Two options of one field: the grid ends after two of six configs."""
    pins = {"learning_rate": 1e-3, "beta1": 0.5, "confirm": 2, "configs": 6, "rounds": 3}
    planned = plan("equal/bandit", out=tmp_path, methods=["ns_gan"], settings=LENGTH | pins)
    with opened(planned, tmp_path / "a") as store:
        backlog = backlog_of(planned, store)
        assert backlog.expected() == 6 + 2
        run(backlog)
        assert backlog.expected() == live.expected_in_all(frames.load(store.folder)) == len(backlog.trials) == 2 + 2
        assert {row["round"] for row in store.trials()} == {0, 3}
        again = backlog_of(planned, store)
        assert again.done() and again.expected() == 4


def test_nothing_is_confirmed_of_a_method_that_always_failed(tmp_path):
    settings = LENGTH | {"confirm": 2, "learning_rate": 9e-3}
    planned = plan("equal/wide", out=tmp_path, methods=["wgan"], settings=settings)
    with opened(planned, tmp_path / "a") as store:
        backlog = backlog_of(planned, store)
        run(backlog)
        assert backlog.expected() == live.expected_in_all(frames.load(store.folder)) == len(backlog.trials) == 4 * 2


def test_confirm_adds_a_phase_to_any_study_and_changes_its_definition(tmp_path):
    made, plain = (plan("equal/wide", out=tmp_path, settings=each) for each in ({"confirm": 7}, {}))
    assert made.phases == (*plain.phases, Phase("confirm", "best", 1, 7))
    assert "phases" not in plain.definition and made.definition["phases"][0]["seeds"] == 7
    assert count_trials(made) == count_trials(plain) + 7 * 8
    with pytest.raises(StudyError, match="confirm=0 must be a whole number of at least 1"):
        plan("equal/wide", out=tmp_path, settings={"confirm": 0})


def test_a_field_that_a_phase_fixes_cannot_be_set(planned, tmp_path):
    with pytest.raises(StudyError, match=r"beta1=0\.1 is not for phase 'bandit', which has 0\.5"):
        plan("equal/wide", out=tmp_path, methods=["wgan"], settings={"beta1": 0.1})


def test_the_best_of_what_is_known_is_by_median_and_never_a_failure():
    table = {1: (5.0, 1.0, 9.0), 2: (4.0, 4.5, 4.5), 3: (0.1, math.inf, math.inf), 4: (4.5,)}
    told = [Observation({"a": name}, scores) for name, scores in table.items()]
    assert [settings["a"] for settings in SELECTORS["best"](told, 9)] == [2, 4, 1]
    assert statistics.median(table[2]) == statistics.median(table[4])
    assert SELECTORS["best"](told, 1) == [{"a": 2}] and SELECTORS["best"]([], 3) == []


def test_the_first_phase_is_what_the_scale_says():
    scale = STUDIES["equal/bandit"].scales["paper"]
    assert all_phases("gp_bandit", scale) == (Phase("gp_bandit", "gp_bandit", 120, 1, 12),)
