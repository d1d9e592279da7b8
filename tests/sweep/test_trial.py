import dataclasses
import time

import numpy as np
import pytest

from ganscape.metrics import METRICS
from ganscape.models import Config
from ganscape.sweep import checkpoints, members, trial
from ganscape.sweep.measuring.diagnostics import diagnose
from ganscape.sweep.messages import Compiled, Failure, Score
from ganscape.sweep.trial import train

WILD = Config(g_lr=1e12, d_lr=1e12, z_dim=8)


def reports(cohort, workload, judge):
    messages = []
    train(cohort, workload, judge, messages.append)
    return messages


def scores(messages):
    return {(m.trial, m.rung): m.value for m in messages if isinstance(m, Score)}


def failures(messages):
    return [m for m in messages if isinstance(m, Failure)]


def test_every_trial_is_scored_at_every_rung(configs, make_cohort, workload, judge):
    cohort = make_cohort(*configs)
    messages = reports(cohort, workload, judge)
    assert len(scores(messages)) == 9 and not failures(messages)
    assert [type(m) for m in messages].count(Compiled) == 1
    for message in messages[1:]:
        assert message.images == message.rung
        assert np.isfinite(message.value) and message.seconds > 0
        assert message.grid.shape == (64 + 4 * 8, 8, 8, 1) and message.grid.dtype == np.uint8


def test_seconds_grow_from_rung_to_rung(configs, make_cohort, workload, judge):
    cohort = make_cohort(configs[0])
    before = time.process_time()
    messages = [message for message in reports(cohort, workload, judge) if isinstance(message, Score)]
    for unit in ("seconds", "cpu_seconds"):
        spent = [getattr(message, unit) for message in messages]
        assert spent == sorted(spent) and spent[0] < spent[-1]
    assert messages[-1].cpu_seconds <= time.process_time() - before


def test_scores_are_bit_equal_alone_and_in_a_cohort(configs, make_cohort, workload, judge, scores_of):
    together = scores(reports(make_cohort(*configs, size=4), workload, judge))
    for config in configs:
        assert scores_of(config).items() <= together.items()


def test_a_diverged_trial_is_a_failure_with_its_step_and_the_others_go_on(
    configs, make_cohort, workload, judge, scores_of
):
    cohort = make_cohort(configs[0], WILD)
    messages = reports(cohort, workload, judge)
    (failure,) = failures(messages)
    assert (failure.trial, failure.cause) == (cohort.trials[1].id, "diverged")
    assert 0 < failure.step <= workload.rungs[0] // 64 and failure.rung == workload.rungs[0]
    assert scores(messages) == scores_of(configs[0])


def test_trials_that_wait_take_free_places_and_score_as_they_do_alone(configs, make_cohort, workload, judge, scores_of):
    """Three places for six trials, of which two diverge: a place is free when they do, or at the end of others."""
    others = [Config(g_lr=rate, d_lr=rate, z_dim=8) for rate in (2e-4, 1e-3)]
    cohort = make_cohort(configs[0], WILD, *configs[1:], dataclasses.replace(WILD, beta1=0.1), *others, size=3)
    programs = trial.advance._cache_size()
    messages = reports(cohort, workload, judge)
    assert trial.advance._cache_size() <= programs + 1
    alone = {}
    for config in (*configs, *others):
        alone |= scores_of(config)
    assert scores(messages) == alone
    assert [failure.trial for failure in failures(messages)] == [cohort.trials[1].id, cohort.trials[4].id]
    ends = [message.trial for message in messages if getattr(message, "rung", 0) == workload.rungs[-1]]
    assert ends.index(cohort.trials[3].id) < len(ends) - 1


def test_what_was_sampled_is_compared_while_the_next_segment_is_trained(
    configs, make_cohort, workload, judge, monkeypatch
):
    events = []

    def noted(event, function):
        def call(*arguments, **options):
            events.append(event)
            return function(*arguments, **options)

        return call

    monkeypatch.setattr(trial, "advance", noted("train", trial.advance))
    monkeypatch.setattr(trial, "sample_and_encode", noted("sample", trial.sample_and_encode))
    noting = judge._replace(metric=judge.metric._replace(compare=noted("compare", judge.metric.compare)))
    reports(make_cohort(configs[0]), workload, noting)
    after_compilation = " ".join(events[2:])
    assert after_compilation.count("sample train compare") == len(workload.rungs) - 1
    assert after_compilation.endswith("sample compare") and events.count("compare") == len(workload.rungs)


def test_an_evaluation_that_raises_fails_its_trial_alone(configs, make_cohort, workload, judge, scores_of):
    seen = []

    def compare(reference, features):
        seen.append(len(features))
        if len(seen) == 1:
            raise ZeroDivisionError("not today")
        return METRICS["fd_digits"].compare(reference, features)

    broken = judge._replace(metric=judge.metric._replace(compare=compare))
    messages = reports(make_cohort(configs[0], configs[1]), workload, broken)
    (failure,) = failures(messages)
    assert failure.cause == "crashed" and "ZeroDivisionError: not today" in failure.message
    assert "Traceback" in failure.detail
    assert scores(messages) == scores_of(configs[1])


def test_signs_that_raise_fail_their_trial_alone(configs, make_cohort, workload, judge, scores_of, monkeypatch):
    alone = scores_of(configs[1])
    known = iter([ZeroDivisionError("no signs today")])

    def signs(*values):
        if error := next(known, None):
            raise error
        return diagnose(*values)

    monkeypatch.setattr(trial, "diagnose", signs)
    messages = reports(make_cohort(configs[0], configs[1]), workload, judge)
    assert [(failure.cause, failure.message) for failure in failures(messages)] == [
        ("crashed", "ZeroDivisionError: no signs today")
    ]
    assert scores(messages) == alone


def test_what_raises_for_the_shared_program_fails_every_trial(configs, make_cohort, workload, judge, monkeypatch):
    def advance(*arguments, **options):
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(trial, "advance", advance)
    messages = reports(make_cohort(*configs), workload, judge)
    assert [failure.cause for failure in failures(messages)] == ["crashed"] * 3
    assert all("RESOURCE_EXHAUSTED" in failure.message for failure in failures(messages))


class Cut(BaseException):
    """The power goes off."""


def interrupted(cohort, workload, judge, after):
    """Messages until the worker is cut off, right after this many scores."""
    messages = []

    def report(message):
        messages.append(message)
        if len(scores(messages)) == after:
            raise Cut

    with pytest.raises(Cut):
        train(cohort, workload, judge, report)
    return messages


@pytest.mark.parametrize(("every", "after"), [(0.0, 1), (0.0, 3), (0.0, 5), (1e9, 3)])
def test_a_resumed_trial_is_bit_equal_and_computes_no_score_twice(
    configs, make_cohort, workload, judge, scores_of, every, after
):
    pair = configs[:2]
    workload = workload._replace(checkpoint_seconds=every)
    whole = scores_of(*pair)
    before = scores(interrupted(make_cohort(*pair), workload, judge, after))
    names = [one.id for one in make_cohort(*pair).trials]
    committed = [frozenset(rung for name, rung in before if name == each) for each in names]
    computed = []

    def compare(reference, features):
        computed.append(METRICS["fd_digits"].compare(reference, features))
        return computed[-1]

    counting = judge._replace(metric=judge.metric._replace(compare=compare))
    after_resume = reports(make_cohort(*pair, committed=committed), workload, counting)
    assert not set(scores(after_resume)) & set(before)
    assert scores(after_resume) | before == whole
    assert not set(computed) & set(before.values())


def test_a_checkpoint_hands_over_scores_that_were_not_committed(configs, make_cohort, workload, judge):
    workload = workload._replace(checkpoint_seconds=0.0)
    before = scores(interrupted(make_cohort(configs[0]), workload, judge, 3))

    def compare(reference, features):
        raise AssertionError("computed again")

    forgetful = judge._replace(metric=judge.metric._replace(compare=compare))
    workload = workload._replace(rungs=workload.rungs[:2])
    known = {(trial, rung): value for (trial, rung), value in before.items() if rung in workload.rungs}
    assert scores(reports(make_cohort(configs[0]), workload, forgetful)) == known and len(known) == 2


def test_a_trial_that_pauses_hands_over_its_score_if_that_was_not_committed(configs, make_cohort, workload, judge):
    cohort = make_cohort(configs[0])._replace(pause_at=workload.rungs[0])
    before = scores(interrupted(cohort, workload, judge, 1))

    def compare(reference, features):
        raise AssertionError("computed again")

    forgetful = judge._replace(metric=judge.metric._replace(compare=compare))
    messages = reports(cohort, workload, forgetful)
    assert scores(messages) == before and len(before) == 1 and not failures(messages)


def test_a_damaged_checkpoint_costs_time_only(configs, make_cohort, workload, judge):
    workload = workload._replace(checkpoint_seconds=0.0)
    whole = scores(reports(make_cohort(configs[0]), workload, judge))
    trial_id = make_cohort(configs[0]).trials[0].id
    files = [path for path in (checkpoints.Path(workload.checkpoints) / trial_id).rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert scores(reports(make_cohort(configs[0]), workload, judge)) == whole


def test_a_checkpoint_of_another_program_is_not_used(configs, make_cohort, workload, judge):
    workload = workload._replace(checkpoint_seconds=0.0)
    whole = scores(reports(make_cohort(configs[0]), workload, judge))
    trial_id = make_cohort(configs[0]).trials[0].id
    arrays = checkpoints.load_checkpoint(workload.checkpoints, trial_id)
    arrays["leaf0000"] = np.zeros((3, 3), np.float32)
    checkpoints.save_checkpoint(workload.checkpoints, trial_id, 1000, arrays)
    assert scores(reports(make_cohort(configs[0]), workload, judge)) == whole


def test_a_config_that_cannot_be_initialised_is_a_crash_at_step_0(configs, make_cohort, workload, judge, monkeypatch):
    def start(*arguments):
        raise KeyError("no such layer")

    monkeypatch.setattr(members, "start_member", start)
    found = failures(reports(make_cohort(*configs), workload, judge))
    assert [(failure.cause, failure.step) for failure in found] == [("crashed", 0)] * 3
    assert all("no such layer" in failure.message for failure in found)


def test_trials_that_stand_at_different_cycles_go_on_together(configs, make_cohort, workload, judge, scores_of):
    """One trial resumes from a late checkpoint, another from an early one, a third begins."""
    whole = scores_of(*configs)
    workload = workload._replace(checkpoint_seconds=0.0)
    scored = {}
    for config, after in zip(configs[:2], (2, 1), strict=True):
        scored |= scores(interrupted(make_cohort(config), workload, judge, after))
    names = [one.id for one in make_cohort(*configs).trials]
    committed = [frozenset(rung for name, rung in scored if name == each) for each in names]
    later = scores(reports(make_cohort(*configs, committed=committed), workload, judge))
    assert not set(later) & set(scored)
    assert later | scored == whole


def test_a_program_that_raises_for_one_member_fails_that_one_alone(
    configs, make_cohort, workload, judge, scores_of, monkeypatch
):
    """As when the device runs out of memory, or a callback raises, in the midst of training."""
    expected = scores_of(configs[0])
    culprit = make_cohort(configs[1]).trials[0]
    advance = trial.advance

    def explosive(population, images, cycles, labels, first, *, lanes):
        places = [place for place, halted in enumerate(population.halted) if not halted]
        here = {tuple(population.key[place].tolist()): int(population.cycle[place]) for place in places}
        after = advance(population, images, cycles, labels, first, lanes=lanes)
        if here.get(tuple(culprit.key), 0) + int(cycles) > 12:
            raise RuntimeError("boom")
        return after

    monkeypatch.setattr(trial, "advance", explosive)
    messages = reports(make_cohort(configs[0], configs[1]), workload, judge)
    (failure,) = failures(messages)
    assert (failure.trial, failure.cause, failure.rung) == (culprit.id, "crashed", workload.rungs[1])
    assert "boom" in failure.message
    assert expected.items() <= scores(messages).items()
    assert len([m for m in messages if isinstance(m, Score)]) == len(scores(messages))
