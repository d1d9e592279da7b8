import pickle

import numpy as np
import pytest

from ganscape.results.store import StoreError, kept_generators, open_store, read
from ganscape.sweep import generators, pictures
from ganscape.sweep.backlog import ATTEMPTS, Backlog
from ganscape.sweep.keeping import Keep
from ganscape.sweep.messages import Compiled, Failure, Score
from ganscape.sweep.plan import plan
from ganscape.sweep.resources import ExecutorError

SETTINGS = {"configs": 3, "images": 1280, "interval": 640}


@pytest.fixture
def planned(tmp_path):
    return plan("equal/wide", out=tmp_path, seeds=2, settings=SETTINGS)


@pytest.fixture
def store(tmp_path, planned):
    with open_store(tmp_path) as opened:
        opened.begin(planned.definition)
        opened.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        yield opened


def reopened(planned, store):
    return Backlog(planned, store, 2, {}, lambda backlog: None)


def score(trial, rung, value=1.0):
    return Score(trial.id, 0, rung, rung, value, 0.5, np.zeros((96, 8, 8, 1), np.uint8))


def finish(backlog, cohort, value=1.0):
    for trial, committed in zip(cohort.trials, cohort.committed, strict=True):
        for rung in backlog.plan.workload.rungs:
            if rung not in committed:
                backlog.record(score(trial, rung, value))


def cohorts(backlog):
    while (cohort := backlog.take()) is not None:
        yield cohort


def test_every_trial_is_handed_out_once(planned, store):
    handed = [trial.id for cohort in cohorts(reopened(planned, store)) for trial in cohort.trials]
    assert len(handed) == len(set(handed)) == 8 * 3 * 2


def test_a_cohort_shares_one_structure_and_fits_its_places(planned, store):
    for cohort in cohorts(reopened(planned, store)):
        assert len({trial.config.structure() for trial in cohort.trials}) == 1
        assert len(cohort.trials) <= cohort.size <= 8


def test_a_worker_is_given_what_it_has_compiled(planned, store):
    backlog = reopened(planned, store)
    first = backlog.take()
    other = backlog.take()
    assert other.trials[0].config.structure() != first.trials[0].config.structure()
    waiting = {backlog.trials[name].config.structure() for name in backlog.waiting}
    wanted = sorted(waiting)[-1]
    assert backlog.take(frozenset({wanted})).trials[0].config.structure() == wanted


def test_a_round_is_stored_before_it_is_handed_out(planned, store):
    reopened(planned, store).take()
    assert len(store.trials()) == 48


def test_it_is_done_when_every_trial_is(planned, store):
    backlog = reopened(planned, store)
    for cohort in cohorts(backlog):
        assert not backlog.done()
        finish(backlog, cohort)
    assert backlog.done() and backlog.outcomes.failed() == 0
    assert reopened(planned, store).done()


def test_after_a_crash_the_same_trials_are_asked_and_only_what_is_missing_is_handed_out(planned, store):
    backlog = reopened(planned, store)
    first = backlog.take()
    finish(backlog, first)
    second = backlog.take()
    backlog.record(score(second.trials[0], 640))
    asked = set(backlog.trials)

    again = reopened(planned, store)
    handed = {}
    for each in cohorts(again):
        handed |= {trial.id: known for trial, known in zip(each.trials, each.committed, strict=True)}
    assert set(again.trials) == asked
    assert set(handed) == asked - {trial.id for trial in first.trials}
    assert handed[second.trials[0].id] == {640}


def test_a_restart_makes_no_config_of_a_trial_that_has_ended(planned, store, monkeypatch):
    backlog = reopened(planned, store)
    finish(backlog, backlog.take())
    ended, asked, settings = set(backlog.outcomes.ended), [], store.settings
    monkeypatch.setattr(store, "settings", lambda trial: asked.append(trial) or settings(trial))
    again = reopened(planned, store)
    assert not asked
    handed = [trial for cohort in cohorts(again) for trial in cohort.trials]
    received = pickle.loads(pickle.dumps(handed))
    assert ended and set(asked) == {trial.id for trial in handed} == set(again.trials) - ended
    assert received == handed and [trial.config for trial in received] == [
        backlog.trials[trial.id].config for trial in handed
    ]


def test_a_failure_ends_its_trial(planned, store):
    backlog = reopened(planned, store)
    trial = backlog.take().trials[0]
    backlog.record(Failure(trial.id, 0, "diverged", 640, 3, "the loss is not finite", ""))
    (row,) = store.failures()
    assert (row["trial"], row["cause"], row["step"], row["final"]) == (trial.id, "diverged", 3, True)
    assert backlog.outcomes.failed() == 1
    assert trial.id not in {each.id for cohort in cohorts(reopened(planned, store)) for each in cohort.trials}


def test_a_lost_cohort_is_tried_again_alone_and_given_up_in_the_end(planned, store):
    backlog = reopened(planned, store)
    whole = next(cohort for cohort in cohorts(backlog) if len(cohort.trials) > 1)
    warm = frozenset({whole.trials[0].config.structure()})
    backlog.lost(whole, "killed")
    for attempt in range(1, ATTEMPTS):
        handed = [backlog.take(warm) for _ in whole.trials]
        assert {cohort.trials[0].id for cohort in handed} == {trial.id for trial in whole.trials}
        assert all(len(cohort.trials) == 1 and cohort.attempt == (attempt,) for cohort in handed)
        for cohort in handed:
            backlog.lost(cohort, "killed again")
    assert backlog.outcomes.failed() == len(whole.trials)
    final = [row for row in store.failures() if row["final"]]
    assert {row["cause"] for row in final} == {"lost"} and len(final) == len(whole.trials)


@pytest.fixture
def side_by_side(tmp_path):
    """Twenty trials of one structure, eight at a time."""
    settings = {"configs": 20, "disc_iters": 1, "discriminator_normalization": "none", "images": 640, "interval": 640}
    return plan("equal/wide", out=tmp_path, methods=["ns_gan"], seeds=1, lanes=8, settings=settings)


def test_side_by_side_a_worker_gets_its_share_to_fill_free_places_from(side_by_side, store):
    handed = list(cohorts(reopened(side_by_side, store)))
    assert [len(cohort.trials) for cohort in handed] == [10, 8, 2]
    assert [cohort.size for cohort in handed] == [8, 8, 8]
    assert len({trial.id for cohort in handed for trial in cohort.trials}) == 20


@pytest.mark.parametrize("ended", [0, 1])
def test_only_trials_that_had_places_are_lost_with_their_worker(side_by_side, store, ended):
    backlog = reopened(side_by_side, store)
    cohort = backlog.take()
    for trial in cohort.trials[:ended]:
        backlog.record(score(trial, 640))
    backlog.lost(cohort, "gone")
    lost = {trial.id for trial in cohort.trials[ended : ended + 8]}
    assert {row["trial"] for row in store.failures()} == lost
    again = [{trial.id for trial in each.trials} for each in cohorts(backlog)]
    assert sum(map(len, again)) == 20 - ended
    assert all(len(each) == 1 for each in again if each & lost)


def test_what_was_finished_before_a_loss_stays_finished(planned, store):
    backlog = reopened(planned, store)
    cohort = next(each for each in cohorts(backlog) if len(each.trials) > 1)
    done, *others = cohort.trials
    for rung in planned.workload.rungs:
        backlog.record(score(done, rung))
    backlog.lost(cohort, "killed")
    assert done.id not in backlog.waiting and {trial.id for trial in others} <= set(backlog.waiting)


def test_the_best_score_is_known_after_a_restart(planned, store):
    backlog = reopened(planned, store)
    for number, cohort in enumerate(cohorts(backlog)):
        finish(backlog, cohort, 10.0 - number)
        lowest = (10.0 - number, cohort.trials[0].config.structure())
    again = reopened(planned, store)
    assert (again.best[0], again.best[1].config.structure()) == lowest


def test_samples_are_kept_for_every_score(planned, store, tmp_path):
    backlog = reopened(planned, store)
    trial = backlog.take().trials[0]
    backlog.record(score(trial, 640))
    assert (tmp_path / "samples" / trial.id / "640.png").is_file()


def crashed(trial, cause="crashed"):
    return Failure(trial.id, 0, cause, 640, 3, "ValueError: out of memory", "")


def test_a_sweep_of_which_most_trials_crash_ends_itself_and_goes_on_when_started_again(planned, store):
    for start in range(2):
        backlog = reopened(planned, store)
        handed = [trial for cohort in cohorts(backlog) for trial in cohort.trials]
        assert len(handed) == 48 - 11 * start
        for trial in handed[:5]:
            backlog.record(crashed(trial, "diverged"))
        for trial in handed[5:10]:
            backlog.record(crashed(trial))
        with pytest.raises(ExecutorError, match=r"6 of 11 trials .* more than --max-failures 0\.5 .* out of memory"):
            backlog.record(crashed(handed[10]))


def test_what_diverged_is_a_result_and_a_larger_share_may_be_allowed(planned, store):
    backlog = reopened(planned, store)
    handed = [trial for cohort in cohorts(backlog) for trial in cohort.trials]
    for trial in handed[:24]:
        backlog.record(crashed(trial, "diverged"))
    assert backlog.outcomes.failed() == 24
    lenient = Backlog(planned, store, 2, {}, lambda backlog: None, max_failures=1.0)
    for trial in handed[24:]:
        lenient.record(crashed(trial))
    assert lenient.outcomes.failed() == 48


def test_programs_that_a_worker_made_are_in_the_store_and_those_it_had_are_not(planned, store):
    backlog = reopened(planned, store)
    for compiled, loaded in ((2, 0), (0, 0), (0, 2)):
        backlog.record(Compiled("loss=hinge", 3.5, compiled, loaded, 4))
    rows = read(store.folder)["programs"]
    assert [(row["structure"], row["compiled"], row["loaded"], row["seconds"], row["lanes"]) for row in rows] == [
        ("loss=hinge", 2, 0, 3.5, 4),
        ("loss=hinge", 0, 2, 3.5, 4),
    ]
    assert backlog.compilations == 2


def test_a_failed_trial_that_is_retried_is_handed_out_again_and_its_failure_stays_a_row(planned, store):
    backlog = reopened(planned, store)
    crashed, diverged = backlog.take().trials[:2]
    backlog.record(Failure(crashed.id, 0, "crashed", 640, 3, "no memory", "trace"))
    backlog.record(Failure(diverged.id, 0, "diverged", 640, 3, "the loss is not finite", ""))
    assert store.retry({"crashed"}) == 1
    assert store.retry({"crashed"}) == 0, "a failure is retried once"
    again = reopened(planned, store)
    handed = {trial.id for cohort in cohorts(again) for trial in cohort.trials}
    assert crashed.id in handed and diverged.id not in handed
    assert [(row["message"], row["final"]) for row in store.failures()] == [
        ("no memory", False),
        ("the loss is not finite", True),
    ]
    again.record(Failure(crashed.id, 1, "crashed", 640, 3, "no memory again", "trace"))
    assert [row["final"] for row in store.failures()] == [False, True, True]
    assert crashed.id not in {each.id for cohort in cohorts(reopened(planned, store)) for each in cohort.trials}


# Generators


def with_generator(store, trial, rung, value):
    """The score of a generator whose file a worker has written."""
    path = generators.path_of(store.folder / "generators", trial.id, rung)
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".json", ".safetensors"):
        path.with_suffix(suffix).write_bytes(b"weights")
    return score(trial, rung, value)._replace(generator_bytes=7)


def keeping(planned, store, top=1):
    workload = planned.workload._replace(generators=str(store.folder / "generators"))
    plan = planned._replace(workload=workload)
    return Backlog(plan, store, 2, {}, lambda backlog: None, keep=Keep(top, top))


def files(store):
    return set(generators.found_in(store.folder / "generators"))


def test_a_better_generator_takes_the_place_of_another_in_the_score_s_own_transaction(planned, store):
    backlog = keeping(planned, store)
    first, second = backlog.take().trials[:2]
    assert first.method == second.method
    for trial, rung, value, kept in (
        (first, 640, 5.0, {(first.id, 640)}),
        (second, 640, 6.0, {(first.id, 640)}),
        (second, 1280, 2.0, {(second.id, 1280)}),
        (first, 1280, 1.0, {(first.id, 1280)}),
    ):
        backlog.record(with_generator(store, trial, rung, value))
        stated = {(row["trial"], row["rung"]) for row in kept_generators(store.generators())}
        assert stated == files(store) == kept
    assert {row["bytes"] for row in store.generators()} == {7}


def test_a_generator_may_be_removed_while_the_next_one_of_its_trial_is_written(planned, store, monkeypatch):
    """The driver removes files when a score is committed; the worker may be anywhere in writing the next file."""
    trial = keeping(planned, store).take().trials[0]
    folder = store.folder / "generators"
    workload = planned.workload._replace(generators=str(folder))
    with_generator(store, trial, 640, 5.0)
    opened = generators.replacing

    def removing(path, mode="wb", **options):
        generators.remove(folder, trial.id, 640)
        return opened(path, mode, **options)

    def save_generator(path, *rest):
        with removing(path) as file:
            return file.write(b"weights")

    monkeypatch.setattr(generators, "replacing", removing)
    monkeypatch.setattr(generators, "save_generator", save_generator)
    assert generators.write_generator(workload, trial, 20, score(trial, 1280, 4.0), None) == 7
    assert files(store) == {(trial.id, 1280)}


def test_a_score_that_the_store_refuses_leaves_the_generators_as_they_were(planned, store):
    backlog = keeping(planned, store)
    trial = backlog.take().trials[0]
    backlog.record(with_generator(store, trial, 640, 5.0))
    with pytest.raises(StoreError):
        backlog.record(with_generator(store, trial, 640, 4.0))
    assert [(row["rung"], row["kept"]) for row in store.generators()] == [(640, True)]


def test_a_start_removes_what_a_killed_one_left_and_says_what_is_missing(planned, store):
    backlog = keeping(planned, store, top=3)
    kept, gone, unsaid, running = backlog.take().trials[:4]
    for trial in (kept, gone):
        backlog.record(with_generator(store, trial, 640, 5.0))
    backlog.record(score(unsaid, 640))
    with_generator(store, unsaid, 640, 5.0)
    with_generator(store, running, 640, 5.0)
    generators.path_of(store.folder / "generators", gone.id, 640).unlink()
    keeping(planned, store, top=3)
    assert {row["trial"] for row in kept_generators(store.generators())} == {kept.id}
    assert files(store) == {(kept.id, 640), (running.id, 640)}, "a checkpoint may still report the score of the last"


def test_a_failed_trial_s_generator_goes_with_its_failure(planned, store):
    backlog = keeping(planned, store)
    trial = backlog.take().trials[0]
    backlog.record(with_generator(store, trial, 640, 5.0))
    backlog.record(Failure(trial.id, 0, "diverged", 1280, 1, "not finite", ""))
    assert kept_generators(store.generators()) == [] and files(store) == set()


def test_scores_by_another_metric_finish_no_trial(planned, store):
    trial = reopened(planned, store).take().trials[0]
    row = {"trial": trial.id, "rung": 1280, "images": 1280, "metric": "other", "value": 0.1, "attempt": 0, "seconds": 1}
    store.add_scores([row | {"protocol": planned.protocol.fingerprint}])
    backlog = reopened(planned, store)
    assert trial.id in backlog.waiting and backlog.best is None


def test_a_config_whose_networks_cannot_be_built_is_handed_out_alone_and_the_sweep_goes_on(planned, store, monkeypatch):
    def cannot_build(config, image_shape):
        raise ValueError("no such shape")

    monkeypatch.setattr("ganscape.sweep.cohort_size.parameters", cannot_build)
    handed = list(cohorts(reopened(planned, store)))
    assert {len(cohort.trials) for cohort in handed} == {1} and len(handed) == 8 * 3 * 2


def test_a_large_sweep_keeps_pictures_of_the_lowest_scores_of_a_method_alone(planned, store, monkeypatch):
    monkeypatch.setattr(pictures, "PICTURED", 47)
    backlog = reopened(planned, store)
    first, second, third = next(cohort.trials for cohort in cohorts(backlog) if len(cohort.trials) > 2)[:3]
    for trial, value in ((first, 2.0), (second, 3.0), (third, 1.0)):
        backlog.record(score(trial, 640, value))
    kept = {path.name for path in (store.folder / "samples").iterdir()}
    assert backlog.expected() == 48 and kept == {first.id, third.id}
    again = reopened(planned, store)
    again.record(score(second, 1280, 1.5))
    assert not (store.folder / "samples" / second.id).exists()
