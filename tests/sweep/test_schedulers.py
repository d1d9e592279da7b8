"""Schedulers: who goes on is a matter of scores and of the order asked, never of what came first."""

import math
import random
import statistics
from collections import defaultdict

import numpy as np
import pytest

from ganscape.results.store import open_store
from ganscape.search_spaces import StudyError, find_shipped
from ganscape.search_spaces.study_text import write_study
from ganscape.sweep import early_stopping
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.early_stopping import EarlyStopping
from ganscape.sweep.messages import Failure, Score
from ganscape.sweep.plan import plan
from ganscape.sweep.schedulers import SCHEDULERS, Course, Decision, Entrant, decide, decision_rungs, make_entrant

RUNGS = (640, 1280, 1920, 2560)
SETTINGS = {"configs": 9, "rounds": 3, "images": 2560, "interval": 640, "disc_iters": 1}
STOPPING = [name for name in SCHEDULERS if name != "none"]


def table(*scores, number=0, over=False):
    return [Entrant(number, row if isinstance(row, tuple) else (row,), over) for row in scores]


def stopped(name, entrants, index=0):
    """For every config whether it stops at that decision rung, None where it waits."""
    stops = {Decision.STOP: True, Decision.CONTINUE: False, Decision.WAIT: None}
    return [stops[decide(SCHEDULERS[name], entrants, config, index)] for config in range(len(entrants))]


@pytest.mark.parametrize(
    "rungs, expected",
    [
        ((640,), ()),
        ((640, 1280), (640,)),
        ((640, 1280, 1920), (640,)),
        (tuple(range(100, 1001, 100)), (100, 300, 900)),
        (tuple(range(100, 2801, 100)), (100, 300, 900, 2700)),
    ],
)
def test_decisions_are_at_the_first_rung_and_at_its_multiples_by_powers_of_three(rungs, expected):
    assert decision_rungs(rungs) == expected


def test_a_config_counts_with_the_median_over_seeds_of_the_lowest_so_far():
    trials = [Course({1: 5.0, 2: 9.0, 3: 2.0}, False, False), Course({1: 7.0, 2: 6.0}, False, False)]
    trials += [Course({1: 1.0}, False, True)]
    assert make_entrant(4, trials, (1, 2, 3)) == Entrant(4, (5.0, 6.0), False)
    assert make_entrant(0, [*trials, Course({}, False, True)], (1, 2)) == Entrant(0, (6.0, math.inf), True)
    assert make_entrant(0, [Course({1: 5.0, 2: 4.0}, True, False)], (2, 9)) == Entrant(0, (4.0,), True)


def test_halving_keeps_the_best_third_of_a_round_and_of_equals_the_first():
    assert stopped("halving", table(5.0, 1.0, 3.0, 2.0, 4.0, 6.0)) == [True, False, True, False, True, True]
    assert stopped("halving", table(1.0, 1.0, 1.0)) == [False, True, True]
    assert stopped("halving", table(2.0, 1.0)) == [True, False]
    others = table(0.1, 0.2, number=0) + table(3.0, 9.0, number=1)
    assert stopped("halving", others) == [False, True, False, True]


def test_halving_waits_for_its_round_but_not_for_those_that_are_over():
    coming, failed = Entrant(0, (), False), Entrant(0, (), True)
    assert stopped("halving", [*table(1.0, 2.0), coming]) == [None, None, None]
    assert stopped("halving", [*table(1.0, 2.0), failed])[:2] == [False, True]
    assert stopped("halving", [*table(1.0, 2.0), coming._replace(round=1)])[:2] == [False, True]


def test_asha_looks_at_those_asked_before_alone():
    scores = (5.0, 6.0, 4.0, 3.0, 3.5, 2.0, 1.0)
    # Ranks among the first 1, 2, ... of them: 0 1 0 0 1 0 0; a third of them, at least one: 1 1 1 1 1 2 2.
    assert stopped("asha", table(*scores)) == [False, True, False, False, True, False, False]
    assert stopped("asha", [*table(5.0, 6.0), Entrant(0, (), False), *table(1.0)]) == [False, True, None, None]


def test_median_compares_with_the_mean_over_decisions_of_earlier_rounds():
    earlier = table((8.0, 2.0), (6.0, 6.0), (9.0, 3.0))
    assert stopped("median", earlier, 1) == [False, False, False]
    now = table((9.0, 5.0), (9.0, 6.0), (9.0, 6.1), number=1)
    assert stopped("median", earlier + now, 1)[3:] == [False, False, True]
    assert stopped("median", earlier[:2] + now, 1)[2:] == [False, False, False]


def test_a_config_of_which_half_failed_is_not_trained_further():
    for name in SCHEDULERS:
        assert stopped(name, table(math.inf)) == [True]


# In a sweep


def planned(folder, scheduler, **settings):
    made = plan(
        "equal/wide", out=folder, methods=["ns_gan", "wgan"], seeds=2, scheduler=scheduler, settings=SETTINGS | settings
    )
    assert made.workload.rungs == RUNGS and made.decision_rungs(0) == (640, 1920)
    return made


def report(backlog, trial, rung):
    """A score, or a failure, that depends on the trial and the rung alone."""
    draw = random.Random(f"{trial.id}/{rung}")
    if draw.random() < 0.05:
        backlog.record(Failure(trial.id, 0, "diverged", rung, 1, "not finite", ""))
        return
    value = draw.uniform(1, 2) + 640 / rung
    backlog.record(Score(trial.id, 0, rung, rung, value, 0.5, np.zeros((1, 8, 8, 1), np.uint8)))


def advance(backlog, cohort, most=math.inf):
    """At most that many reports of the cohort."""
    for rung, trial in ((rung, trial) for rung in RUNGS for trial in cohort.trials):
        held = backlog.running.get(trial.id) is cohort
        if held and rung not in backlog.outcomes.scores[trial.id] and most > 0:
            report(backlog, trial, rung)
            most -= 1


def swept(made, folder, order):
    """The store's tables after a sweep of six workers who report in a random order, with a restart now and then."""
    while True:
        with opened(made, folder) as store:
            backlog, held = Backlog(made, store, 6, {}, lambda backlog: None), []
            while not backlog.done():
                while len(held) < 6 and (cohort := backlog.take()) is not None:
                    held.append(cohort)
                cohort = held.pop(order.randrange(len(held)))
                if order.random() < 0.1:
                    advance(backlog, cohort, order.randrange(6))
                    break
                advance(backlog, cohort)
                backlog.lost(cohort, "left unfinished")
            else:
                return store.trials(), store.scores(), store.failures()


def opened(made, folder):
    store = open_store(folder)
    store.begin(made.definition)
    store.add_protocol(made.protocol.fingerprint, made.protocol.describe())
    return store


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr("ganscape.sweep.pictures.save_grid", lambda *arguments: None)


@pytest.mark.parametrize("name", STOPPING)
def test_the_same_trials_are_stopped_whatever_comes_first(name, tmp_path):
    found = []
    for number in range(4):
        folder = tmp_path / str(number)
        trials, scores, failures = swept(planned(folder, name), folder, random.Random(number))
        assert {row["cause"] for row in failures} == {"stopped", "diverged"}
        found.append(
            (
                sorted((row["trial"], row["round"]) for row in trials),
                sorted((row["trial"], row["rung"], row["value"]) for row in scores),
                sorted((row["trial"], row["cause"], row["rung"], row["step"], row["message"]) for row in failures),
            )
        )
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.parametrize("name", STOPPING)
def test_decisions_are_those_of_one_who_has_forgotten_what_was_decided_before(name, tmp_path, monkeypatch):
    add, decisions, entries, compared = EarlyStopping.add, EarlyStopping.decisions, defaultdict(list), []

    def add_and_keep(stopping, entry):
        entries[id(stopping)].append(entry)
        add(stopping, entry)

    def decide_twice(stopping, method, paused, course):
        anew = EarlyStopping(made)
        for entry in entries[id(stopping)]:
            add(anew, entry)
        found = decisions(stopping, method, paused, course)
        assert found == decisions(anew, method, paused, course)
        compared.extend(found)
        return found

    made, order = planned(tmp_path, name), random.Random(7)
    monkeypatch.setattr(EarlyStopping, "add", add_and_keep)
    monkeypatch.setattr(EarlyStopping, "decisions", decide_twice)
    with opened(made, tmp_path) as store:
        backlog = Backlog(made, store, 6, {}, lambda backlog: None)
        while not backlog.done():
            held = list(iter(backlog.take, None))
            for cohort in order.sample(held, len(held)):
                advance(backlog, cohort)
    assert {decision for _, decision in compared} == {Decision.STOP, Decision.CONTINUE}


def test_after_a_report_one_config_is_looked_at_anew(tmp_path, monkeypatch):
    looked_at = []

    def look(number, trials, rungs):
        looked_at.append(number)
        return make_entrant(number, trials, rungs)

    monkeypatch.setattr(early_stopping, "make_entrant", look)
    made = planned(tmp_path, "halving", rounds=1)
    with opened(made, tmp_path) as store:
        backlog = Backlog(made, store, 6, {}, lambda backlog: None)
        cohort = backlog.take()
        advance(backlog, cohort, 1)
        assert len(looked_at) == 9
        advance(backlog, cohort, 2)
        assert 10 <= len(looked_at) <= 11


def test_who_survives_halving_is_worked_out_from_the_table(tmp_path):
    made = planned(tmp_path / "a", "halving")
    trials, scores, failures = swept(made, tmp_path / "a", random.Random(0))
    curve = {(row["trial"], row["rung"]): row["value"] for row in scores}
    over = {row["trial"]: (row["cause"], row["rung"], row["step"]) for row in failures}
    survivors = 0
    for method, number in {(row["method"], row["round"]) for row in trials}:
        group: dict = {}
        for row in trials:
            if (row["method"], row["round"]) == (method, number):
                group.setdefault(row["config"], []).append(row["trial"])
        assert len(group) == 3
        for rungs in (RUNGS[:1], RUNGS[:3]):

            def lowest(config, rungs=rungs, group=group):
                known = [[curve.get((trial, rung), math.inf) for rung in rungs] for trial in group[config]]
                return statistics.median(min(row) if row[-1] < math.inf else math.inf for row in known)

            ranked = sorted(group, key=lowest)
            kept = [config for config in ranked[: -(-len(ranked) // 3)] if lowest(config) < math.inf]
            for config in ranked:
                for trial in group[config]:
                    if config not in kept and over.get(trial, ("",))[0] != "diverged":
                        assert over[trial] == ("stopped", rungs[-1], rungs[-1] // 64)
            group = {config: group[config] for config in kept}
        survivors += len(group)
    assert survivors and sum(cause == "stopped" for cause, *_ in over.values()) > len(trials) / 3


def test_a_cohort_goes_no_further_than_its_next_decision(tmp_path):
    with opened(planned(tmp_path, "asha"), tmp_path) as store:
        backlog = Backlog(planned(tmp_path, "asha"), store, 2, {}, lambda backlog: None)
        first = backlog.take()
        assert first.pause_at == 640
        advance(backlog, first)
        assert not any(trial.id in backlog.running for trial in first.trials)
        later = [cohort for cohort in iter(backlog.take, None) if cohort.pause_at != 640]
        assert later and {cohort.pause_at for cohort in later} == {1920}
        assert all(known == {640} for cohort in later for known in cohort.committed)


def test_one_that_went_on_elsewhere_is_not_lost_with_the_cohort_it_left(tmp_path):
    with opened(planned(tmp_path, "asha"), tmp_path) as store:
        backlog = Backlog(planned(tmp_path, "asha"), store, 2, {}, lambda backlog: None)
        first = backlog.take()
        advance(backlog, first)
        elsewhere = list(iter(backlog.take, None))
        assert {trial for each in elsewhere for trial in each.trials} & set(first.trials)
        backlog.lost(first, "killed")
        assert not [row for row in store.failures() if row["cause"] == "lost"]
        assert not backlog.waiting


def test_without_a_scheduler_everything_is_as_before(tmp_path):
    plain = plan("equal/wide", out=tmp_path, settings=SETTINGS)
    assert plain == plan("equal/wide", out=tmp_path, scheduler="none", settings=SETTINGS)._replace(
        workload=plain.workload
    )
    assert "scheduler" not in plain.definition and plain.decision_rungs(0) == ()
    assert planned(tmp_path, "asha").definition == plain.definition | {
        "scheduler": "asha", "seeds": 2, "methods": {m: plain.definition["methods"][m] for m in ("ns_gan", "wgan")}
    }  # fmt: skip


def test_trials_that_confirm_are_trained_to_the_end(tmp_path):
    made = planned(tmp_path, "halving", confirm=3)
    assert made.decision_rungs(1) == ()
    trials, scores, failures = swept(made, tmp_path / "a", random.Random(1))
    confirming = {row["trial"] for row in trials if row["round"] == 3}
    assert len(confirming) == 6
    assert not [row for row in failures if row["trial"] in confirming and row["cause"] == "stopped"]
    by_searcher = {row["trial"] for row in failures if row["cause"] == "stopped"}
    assert by_searcher <= {row["trial"] for row in scores} - confirming


@pytest.mark.parametrize(
    "scheduler, settings, text",
    [
        ("ascha", {}, r"unknown scheduler 'ascha' \(did you mean 'asha'\?\); one of: none, median, halving, asha"),
        ("asha", {"interval": 2560}, "between two rungs; interval=2560 leaves one alone"),
        ("median", {"rounds": 1}, "this search has one: set rounds, or take one of: halving, asha"),
    ],
)
def test_a_scheduler_that_could_stop_nothing_is_refused(tmp_path, scheduler, settings, text):
    with pytest.raises(StudyError, match=text):
        planned(tmp_path, scheduler, **settings)


def test_a_file_may_name_a_scheduler(tmp_path):
    study = find_shipped("equal/bandit")
    scales = {name: each._replace(scheduler="asha") for name, each in study.scales.items()}
    file = tmp_path / "mine.toml"
    file.write_text(write_study(study._replace(scales=scales)))
    assert plan(str(file), out=tmp_path, methods=["wgan"], settings=SETTINGS).scheduler == "asha"
    file.write_text(file.read_text().replace('scheduler = "asha"', 'scheduler = "hyper"'))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "hyper" in text)
    with pytest.raises(StudyError, match=f":{line}: unknown scheduler 'hyper'"):
        plan(str(file), out=tmp_path)
