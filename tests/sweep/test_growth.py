"""A sweep that is given more in its folder is, in the end, the sweep that asks for all at once."""

import math

import numpy as np
import pandas as pd
import pytest

from ganscape.results import frames
from ganscape.results.definition import UNSTATED
from ganscape.results.store import open_store
from ganscape.search_spaces import StudyError
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.growth import confirming_plan, stored_plan, united_plan
from ganscape.sweep.messages import Score
from ganscape.sweep.plan import plan

LENGTH = {"images": 1280, "interval": 640, "disc_iters": 1}


def value(trial, rung):
    """Depends on the config and, wildly, on the seed."""
    return 1280 / rung + abs(math.log10(trial.config.g_lr) + 3.3) + 0.3 * math.sin(1e3 * trial.seed)


def run(planned, out):
    """Trains nothing: every trial of the plan, united with what is there, gets its scores. Returns who was scored."""
    planned, scored = united_plan(planned, out), []
    with open_store(out) as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        backlog = Backlog(planned, store, 2, {}, lambda backlog: None)
        while not backlog.done():
            for trial in backlog.take().trials:
                for rung in planned.workload.rungs:
                    if rung not in backlog.outcomes.scores[trial.id]:
                        scored.append((trial.id, rung))
                        picture = np.zeros((96, 8, 8, 1), np.uint8)
                        backlog.record(Score(trial.id, 0, rung, rung, value(trial, rung), 0.5, picture))
    return scored


def planned(out, methods=("ns_gan", "wgan"), seeds=2, study="equal/wide", **settings):
    return plan(study, out=out, methods=list(methods), seeds=seeds, settings=LENGTH | settings)


def tables(out):
    """In which order methods came to a round depends on who was faster; within a method the order counts."""
    results = frames.load(out)
    rounds = results.trials().set_index("trial")["round"]
    for table in (results.trials(), results.per_trial(), results.confirmed(), results.searched("last")):
        yield table.assign(asked=table["trial"].map(rounds)).sort_values(["asked", "method"], kind="stable")


def check_equal(grown, at_once):
    for one, other in zip(tables(grown), tables(at_once), strict=True):
        pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))


def test_a_study_grown_in_steps_is_the_study_asked_for_at_once(tmp_path):
    grown, at_once = tmp_path / "grown", tmp_path / "once"
    scored = run(planned(grown, methods=["wgan"], seeds=1, configs=2), grown)
    scored += run(planned(grown, configs=5), grown)
    scored += run(planned(grown, configs=5, images=1920), grown)
    scored += run(planned(grown, configs=7, images=1920, confirm=3), grown)
    assert len(scored) == len(set(scored)), "nothing is scored twice"
    run(planned(at_once, configs=7, images=1920, confirm=3), at_once)
    check_equal(grown, at_once)


def test_a_bandit_goes_on_with_further_rounds(tmp_path):
    grown, at_once = tmp_path / "grown", tmp_path / "once"
    run(planned(grown, study="equal/bandit", configs=4, rounds=2), grown)
    run(planned(grown, study="equal/bandit", configs=8, rounds=4), grown)
    run(planned(at_once, study="equal/bandit", configs=8, rounds=4), at_once)
    check_equal(grown, at_once)


def test_rounds_after_a_confirmation_do_not_move_its_trials_and_the_new_best_counts(tmp_path):
    out = tmp_path / "out"
    run(planned(out, configs=1, confirm=2), out)
    before = frames.load(out).confirmed()
    run(planned(out, configs=6, rounds=6, confirm=2), out)
    results = frames.load(out)
    trials = results.trials().set_index("trial")
    assert set(trials.loc[before["trial"], "phase"]) == {"confirm"} and set(trials.loc[before["trial"], "round"]) == {6}
    for method in ("ns_gan", "wgan"):
        searched, confirmed = (rows[rows["method"] == method] for rows in (results.searched(), results.confirmed()))
        best = searched.groupby("config")["value"].median().idxmin()
        assert set(confirmed["config"]) == {best} and len(confirmed) == 2


def test_the_best_of_a_stored_study_is_confirmed_by_the_folder_alone(tmp_path):
    out, at_once = tmp_path / "out", tmp_path / "once"
    run(planned(out, configs=3), out)
    stored = stored_plan(out)
    assert stored.definition == planned(out, configs=3).definition
    assert run(stored, out) == [], "the plan of a folder has nothing new"
    run(confirming_plan(stored, 4), out)
    run(planned(at_once, configs=3, confirm=4), at_once)
    check_equal(out, at_once)
    assert len(run(confirming_plan(stored_plan(out), 6), out)) == 2 * 2 * 2, "two seeds more for two methods, two rungs"
    with pytest.raises(StudyError, match="seeds=0 must be a whole number of at least 1"):
        confirming_plan(stored, 0)


def test_a_folder_of_an_older_version_grows(tmp_path, recorded):
    """The recorded study was stored before trials had phases."""
    results = frames.load(recorded)
    trials, definition = results.trials(), results.study
    with open_store(recorded) as store:
        store.begin({**definition, "seeds": definition["seeds"] + 1})
    again = frames.load(recorded)
    assert again.study["seeds"] == definition["seeds"] + 1
    pd.testing.assert_frame_equal(again.trials(), trials)


def test_a_folder_goes_on_under_the_names_that_it_has_for_its_searchers(tmp_path):
    """It was begun when the searcher `defaults` was called `points` and definitions stated no facts."""
    begun = planned(tmp_path, study="equal/defaults", seeds=1)
    definition = {key: value for key, value in begun.definition.items() if key not in UNSTATED} | {"searcher": "points"}
    run(begun._replace(definition=definition, phases=(begun.phases[0]._replace(name="points"),)), tmp_path)
    assert run(planned(tmp_path, study="equal/defaults", seeds=1), tmp_path) == []
    assert run(planned(tmp_path, study="equal/defaults", seeds=2, confirm=2), tmp_path)
    assert run(stored_plan(tmp_path), tmp_path) == []
    results = frames.load(tmp_path)
    assert results.trials().groupby("phase", sort=False).size().to_dict() == {"points": 2 * 2, "confirm": 2 * 2}
    assert results.study["searcher"] == "points" and results.exchangeable() and len(results.confirmed()) == 4
