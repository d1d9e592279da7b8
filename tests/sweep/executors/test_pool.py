import pytest

from ganscape.models import Config
from ganscape.sweep.executors.pool import FAILED_STARTS, WorkerPool
from ganscape.sweep.messages import BaselineTask, Cohort, Free, Ready
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.resources import ExecutorError, Resources

READY = Ready("1 x cpu: cpu")


class FakeBaselines:
    """What a BaselineQueue would hand out, and whether somebody measures."""

    def __init__(self, *tasks):
        self.tasks, self.pending = list(tasks), False

    def take(self, trials):
        self.pending = self.pending or bool(self.tasks)
        return self.tasks.pop() if self.tasks else None

    def end(self):
        self.pending = False


class FakeBacklog:
    """Cohorts in a row, in place of a backlog; what became of them."""

    def __init__(self, cohorts):
        self.waiting, self.open = list(cohorts), set()
        self.asked, self.requeued, self.recorded = [], [], []
        self.baselines, self.trials = FakeBaselines(), {}

    def take(self, warm):
        self.asked.append(warm)
        cohort = self.waiting.pop(0)
        self.open.add(cohort)
        return cohort

    def lost(self, cohort, message):
        self.requeued.append(cohort)
        self.open.discard(cohort)
        self.waiting.append(cohort)

    def record(self, message):
        self.recorded.append(message)

    def worker_ready(self, message):
        self.recorded.append(message)

    def done(self):
        return not (self.waiting or self.open or self.baselines.pending)


def cohort(seed):
    return Cohort((trial_of(0, "ns_gan", Config(), seed),), (frozenset(),), (0,), 1)


@pytest.fixture
def backlog():
    return FakeBacklog(map(cohort, range(2)))


@pytest.fixture
def sent():
    return []


@pytest.fixture
def pool(backlog, sent):
    return WorkerPool(backlog, Resources(), lambda worker, cohort: sent.append((worker, cohort)), 100)


def arrive(pool, worker, warm=()):
    pool.start(worker)
    pool.on_message(worker, READY, 0)
    pool.on_message(worker, Free(frozenset(warm)), 0)


def test_who_asks_is_sent_a_cohort_for_what_it_has_compiled(pool, backlog, sent):
    first, second = backlog.waiting
    arrive(pool, "one", ["a"])
    arrive(pool, "two", ["b"])
    assert sent == [("one", first), ("two", second)]
    assert backlog.asked == [frozenset("a"), frozenset("b")]


def test_no_more_workers_are_wanted_than_there_are_cohorts_for(pool):
    assert pool.needs_worker()
    pool.start("one")
    assert pool.needs_worker()
    pool.start("two")
    assert not pool.needs_worker()


def test_who_asks_when_nothing_waits_is_sent_what_another_did_not_finish(pool, backlog, sent):
    first, _ = backlog.waiting
    for worker in ("one", "two", "three"):
        arrive(pool, worker)
    assert len(sent) == 2
    pool.stop("one", "gone")
    assert backlog.requeued == [first]
    assert sent[2:] == [("three", first)]


def test_at_the_end_all_who_ask_end_their_session(pool, backlog, sent):
    arrive(pool, "one")
    backlog.waiting.clear()
    pool.on_message("one", "the last score", 1)
    backlog.open.clear()
    pool.workers["one"].cohort = None
    pool.on_message("one", Free(frozenset()), 0)
    assert sent[-1] == ("one", None) and not pool.finished()
    pool.stop("one", "its session is over")
    assert pool.finished() and not backlog.requeued


@pytest.fixture
def measuring(pool, backlog, sent):
    """The pool after its first worker was sent a request for baselines."""
    task = BaselineTask(())
    backlog.baselines = FakeBaselines(task)
    arrive(pool, "one")
    assert sent.pop() == ("one", task)
    return pool


def test_one_worker_measures_baselines_and_the_others_train(measuring, backlog, sent):
    first, second = backlog.waiting
    assert measuring.needs_worker()
    arrive(measuring, "two")
    assert sent == [("two", first)]
    measuring.on_message("one", Free(frozenset()), 0)
    assert not backlog.baselines.pending and sent[1:] == [("one", second)]


def test_the_end_waits_for_baselines_that_are_being_measured(measuring, backlog, sent):
    backlog.waiting.clear()
    arrive(measuring, "two")
    assert not sent
    measuring.on_message("one", Free(frozenset()), 0)
    assert sorted(sent) == [("one", None), ("two", None)]


def test_a_worker_that_dies_as_it_measures_baselines_holds_up_nothing(measuring, backlog):
    backlog.waiting.clear()
    measuring.stop("one", "gone")
    assert backlog.done() and not backlog.requeued


def test_a_session_ends_after_so_many_bytes_of_reports(pool, backlog, sent):
    arrive(pool, "one")
    pool.on_message("one", "a long score", 100)
    backlog.open.clear()
    pool.workers["one"].cohort = None
    pool.on_message("one", Free(frozenset()), 0)
    assert sent[-1] == ("one", None) and len(backlog.waiting) == 1


def test_workers_that_die_as_they_start_end_the_sweep_unless_one_was_ready_between(pool):
    for worker in range(FAILED_STARTS - 1):
        pool.start(str(worker))
        pool.stop(str(worker), "gone")
    arrive(pool, "ready")
    for worker in range(FAILED_STARTS - 1):
        pool.start(str(worker))
        pool.stop(str(worker), "gone")
    pool.start("last")
    with pytest.raises(ExecutorError, match="died as they started"):
        pool.stop("last", "gone")
