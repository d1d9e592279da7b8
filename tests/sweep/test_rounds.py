"""A study in rounds: what is asked follows from what was scored, whatever happened in between."""

import math

import numpy as np
import pytest

from ganscape.results.store import open_store
from ganscape.sweep import plan_checks, rounds
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.growth import united_plan
from ganscape.sweep.keeping import find_keep
from ganscape.sweep.memory import memory_warnings
from ganscape.sweep.messages import Failure, Score
from ganscape.sweep.plan import plan
from ganscape.sweep.rounds import Rounds, count_trials, first_configs, shortages
from ganscape.sweep.searchers import SEARCHERS

SETTINGS = {"configs": 8, "rounds": 3, "images": 1280, "interval": 640, "disc_iters": 1}
FAMILIES = ["ns_gan", "wgan"]


@pytest.fixture
def planned(tmp_path):
    return plan("equal/bandit", out=tmp_path, methods=FAMILIES, seeds=2, settings=SETTINGS)


def opened(planned, folder):
    store = open_store(folder)
    store.begin(planned.definition)
    store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
    return store


def backlog_of(planned, store):
    return Backlog(planned, store, 2, {}, lambda backlog: None)


def value(trial, rung):
    """A score that depends on the trial alone, lowest at the first rung."""
    return rung / 640 + abs(math.log10(trial.config.g_lr) + 3.3) + 0.01 * trial.seed


def report(backlog, trial, rung):
    """A score, or a failure where the learning rate is too high."""
    if trial.config.g_lr > 5e-3:
        backlog.record(Failure(trial.id, 0, "diverged", rung, 1, "not finite", ""))
        return
    picture = np.zeros((96, 8, 8, 1), np.uint8)
    backlog.record(Score(trial.id, 0, rung, rung, value(trial, rung), 0.5, picture))


def finish(backlog, cohort):
    for trial in cohort.trials:
        for rung in backlog.plan.workload.rungs:
            if trial.id in backlog.running:
                report(backlog, trial, rung)


def asked(store):
    return [(row["method"], row["round"], row["trial"]) for row in store.trials()]


def run(backlog):
    while not backlog.done():
        finish(backlog, backlog.take())


def test_a_round_has_its_share_of_the_configs_and_the_last_what_is_left(planned, tmp_path):
    with opened(planned, tmp_path / "a") as store:
        run(backlog_of(planned, store))
        sizes = {(method, number): 0 for method, number, _ in asked(store)}
        for method, number, _ in asked(store):
            sizes[method, number] += 1
    assert sizes == {(method, number): size for method in FAMILIES for number, size in enumerate((6, 6, 4))}


def test_no_method_waits_for_another(planned, tmp_path):
    with opened(planned, tmp_path / "a") as store:
        backlog, held = backlog_of(planned, store), []
        while (cohort := backlog.take()) is not None:
            held.append(cohort) if cohort.trials[0].method == "wgan" else finish(backlog, cohort)
        rounds = {method: {number for name, number, _ in asked(store) if name == method} for method in FAMILIES}
        assert rounds == {"ns_gan": {0, 1, 2}, "wgan": {0}}
        assert not backlog.done() and backlog.expected() == 2 * 8 * 2


def test_a_round_is_not_asked_before_every_score_of_the_one_before(planned, tmp_path):
    with opened(planned, tmp_path / "a") as store:
        backlog = backlog_of(planned, store)
        handed = []
        while (cohort := backlog.take()) is not None:
            handed.append(cohort)
        for cohort in handed[:-1]:
            finish(backlog, cohort)
        *first, last = handed[-1].trials
        for trial in [*first, last]:
            report(backlog, trial, 640)
        for trial in first:
            report(backlog, trial, 1280)
        assert max(number for method, number, _ in asked(store) if method == last.method) == 0
        report(backlog, last, 1280)
        backlog.done()
        assert max(number for method, number, _ in asked(store) if method == last.method) == 1


def test_a_study_that_is_opened_anew_at_every_turn_asks_the_same(planned, tmp_path):
    with opened(planned, tmp_path / "whole") as store:
        run(backlog_of(planned, store))
        whole = sorted(asked(store))
        scores = {(row["trial"], row["rung"]) for row in store.scores()}
    assert store.folder.is_dir()
    broken = tmp_path / "broken"
    while True:
        with opened(planned, broken) as store:
            backlog = backlog_of(planned, store)
            if backlog.done():
                break
            cohort = backlog.take()
            trial = cohort.trials[-1]
            report(backlog, trial, min(set(planned.workload.rungs) - backlog.outcomes.scores[trial.id].keys()))
    with opened(planned, broken) as store:
        assert sorted(asked(store)) == whole
        assert {(row["trial"], row["rung"]) for row in store.scores()} == scores


def test_the_searcher_is_told_the_lowest_rung_of_every_trial_and_of_failures_infinity(planned, tmp_path, monkeypatch):
    heard, bandit = [], SEARCHERS["gp_bandit"]

    def spied(space, seed):
        searcher = bandit(space, seed)
        tell = searcher.tell
        searcher.tell = lambda observations: (heard.append((seed, observations)), tell(observations))[1]
        return searcher

    monkeypatch.setitem(SEARCHERS, "gp_bandit", spied)
    with opened(planned, tmp_path / "a") as store:
        backlog = backlog_of(planned, store)
        run(backlog)
        rows = store.trials()
    rounds = [seed[-1] for seed, observations in heard if observations]
    assert sorted(rounds) == [1, 1, 2, 2]
    for (_, _, number), observations in heard:
        assert len(observations) == min(3 * number, 8)
        for observation in observations:
            rate = observation.settings["learning_rate"]
            lowest = math.inf if rate > 5e-3 else 1 + abs(math.log10(rate) + 3.3)
            assert observation.scores == pytest.approx((lowest, lowest + 0.01))
    assert any(math.inf in each.scores for _, observations in heard for each in observations) == any(
        row["settings"]["g_lr"] > 5e-3 for row in rows
    )


def test_the_expected_number_of_trials_is_that_of_all_rounds_until_a_space_is_exhausted(tmp_path):
    pins = {"learning_rate": 1e-3, "beta1": 0.5}
    planned = plan("equal/bandit", out=tmp_path, methods=["ns_gan"], settings=SETTINGS | pins)
    with opened(planned, tmp_path / "a") as store:
        backlog = backlog_of(planned, store)
        assert backlog.expected() == 8
        run(backlog)
        assert backlog.expected() == len(backlog.trials) == 2


def all_entries(planned, before=()):
    """What a plan asks for beside the entries that are there, where every score is 1."""
    rounds, fresh = Rounds(planned), []
    for entry in before:
        rounds.add(entry)
    for method in planned.methods:
        while entries := rounds.next(method, lambda trial: 1.0):
            fresh += entries
            for entry in entries:
                rounds.add(entry)
    assert sum(map(rounds.expected, planned.methods)) == len(before) + len(fresh)
    return fresh


@pytest.mark.parametrize(
    "searcher, steps",
    [
        ("random", ({"configs": 2}, {"configs": 5}, {"configs": 9})),
        ("sobol", ({"configs": 2}, {"configs": 5}, {"configs": 9})),
        ("gp_bandit", ({"configs": 2, "rounds": 1}, {"configs": 4, "rounds": 2}, {"configs": 7, "rounds": 4})),
    ],
)
def test_a_plan_that_grows_asks_for_what_the_larger_one_asks_for_at_once(tmp_path, searcher, steps):
    def of(step, seeds):
        settings = SETTINGS | {"rounds": 1} | step
        return plan("equal/bandit", out=tmp_path, methods=["ns_gan"], searcher=searcher, seeds=seeds, settings=settings)

    grown = []
    for step, seeds in zip(steps, (1, 2, 2), strict=True):
        grown += all_entries(of(step, seeds), grown)
    assert set(grown) == set(all_entries(of(steps[-1], 2)))
    assert len({entry.trial.id for entry in grown}) == len(grown)


def test_seeds_that_a_phase_gets_later_are_none_that_a_later_phase_has(tmp_path):
    def of(seeds):
        settings = SETTINGS | {"configs": 3, "rounds": 1, "confirm": 2}
        return plan("equal/wide", out=tmp_path, methods=["wgan"], seeds=seeds, settings=settings)

    before = all_entries(of(2))
    more = all_entries(of(3), before)
    assert sorted({entry.trial.seed for entry in before}) == [0, 1, 2, 3]
    assert [entry.trial.seed for entry in more] == [4, 4, 4]


@pytest.fixture
def sizes(monkeypatch):
    """How many settings random searchers were asked for in this test."""
    counts = []

    class Counted(SEARCHERS["random"]):
        def ask(self, count):
            counts.append(count)
            return super().ask(count)

    monkeypatch.setitem(SEARCHERS, "random", Counted)
    return counts


def start(made, folder):
    """Everything that a start does with the first round before a trial runs."""
    count_trials(made)
    shortages(made)
    memory_warnings(made, 2)
    find_keep(made)
    with opened(made, folder) as store:
        backlog = backlog_of(made, store)
        backlog.done()
        return list(backlog.trials.values())


def test_a_start_asks_each_method_for_its_first_round_once(tmp_path, sizes):
    made = plan("equal/wide", out=tmp_path, methods=FAMILIES, seeds=1, settings={"configs": 5, "images": 1280})
    trials = start(made, tmp_path)
    assert len(trials) == 10 and sizes == [5, 5]


def test_the_configs_that_were_checked_are_those_that_would_be_asked_again(tmp_path, sizes):
    made = plan("equal/wide", out=tmp_path, methods=FAMILIES, seeds=1, settings={"configs": 5, "images": 1280})
    again = start(made._replace(first_configs={}), tmp_path)
    assert start(made, tmp_path / "other") == again and len(sizes) > 2 * 2


def test_a_first_round_of_more_than_is_checked_is_asked_whole(tmp_path, monkeypatch, sizes):
    for module in (rounds, plan_checks):
        monkeypatch.setattr(module, "ASKED", 3)
    made = plan("equal/wide", out=tmp_path, methods=["wgan"], seeds=1, settings={"configs": 5, "images": 1280})
    with opened(made, tmp_path) as store:
        backlog = backlog_of(made, store)
        backlog.done()
        assert len(backlog.trials) == 5 and sizes == [3, 5]


def test_methods_that_the_folder_alone_has_are_asked_too(tmp_path):
    wgan, ns_gan = (
        plan("equal/wide", out=tmp_path, methods=[method], seeds=1, settings={"configs": 3, "images": 1280})
        for method in ("wgan", "ns_gan")
    )
    with opened(wgan, tmp_path):
        united = united_plan(ns_gan, tmp_path)
    assert {*united.methods} == {"wgan", "ns_gan"}
    for made, method in ((wgan, "wgan"), (ns_gan, "ns_gan")):
        assert first_configs(united, method) == first_configs(made, method) and len(first_configs(made, method)) == 3
