import pytest

from ganscape.models import Config
from ganscape.sweep.executors.pool import STARTS, WorkerPool
from ganscape.sweep.messages import Cohort, Free, Ready
from ganscape.sweep.plan import trial_of
from ganscape.sweep.resources import ExecutorError, Resources

READY = Ready("1 x cpu: cpu")


class Shelf:
    """Cohorts in a row, in place of a backlog; what became of them."""

    def __init__(self, cohorts):
        self.waiting, self.open = list(cohorts), set()
        self.asked, self.forsaken, self.heard = [], [], []

    def take(self, warm):
        self.asked.append(warm)
        cohort = self.waiting.pop(0)
        self.open.add(cohort)
        return cohort

    def lost(self, cohort, message):
        self.forsaken.append(cohort)
        self.open.discard(cohort)
        self.waiting.append(cohort)

    def record(self, message):
        self.heard.append(message)

    def greet(self, message):
        self.heard.append(message)

    def done(self):
        return not (self.waiting or self.open)


def cohort(seed):
    return Cohort((trial_of(0, "ns_gan", Config(), seed),), (frozenset(),), (0,), 1)


@pytest.fixture
def shelf():
    return Shelf(map(cohort, range(2)))


@pytest.fixture
def given():
    return []


@pytest.fixture
def crew(shelf, given):
    return WorkerPool(shelf, Resources(), lambda worker, cohort: given.append((worker, cohort)), 100)


def arrive(crew, worker, warm=()):
    crew.hire(worker)
    crew.hear(worker, READY, 0)
    crew.hear(worker, Free(frozenset(warm)), 0)


def test_who_asks_is_given_a_cohort_for_what_it_has_compiled(crew, shelf, given):
    first, second = shelf.waiting
    arrive(crew, "one", ["a"])
    arrive(crew, "two", ["b"])
    assert given == [("one", first), ("two", second)]
    assert shelf.asked == [frozenset("a"), frozenset("b")]


def test_no_more_workers_are_wanted_than_there_are_cohorts_for(crew):
    assert crew.wanted()
    crew.hire("one")
    assert crew.wanted()
    crew.hire("two")
    assert not crew.wanted()


def test_who_asks_when_nothing_waits_is_given_what_another_did_not_finish(crew, shelf, given):
    first, _ = shelf.waiting
    for worker in ("one", "two", "three"):
        arrive(crew, worker)
    assert len(given) == 2
    crew.leave("one", "gone")
    assert shelf.forsaken == [first]
    assert given[2:] == [("three", first)]


def test_at_the_end_all_who_ask_are_sent_home(crew, shelf, given):
    arrive(crew, "one")
    shelf.waiting.clear()
    crew.hear("one", "the last score", 1)
    shelf.open.clear()
    crew.seats["one"].cohort = None
    crew.hear("one", Free(frozenset()), 0)
    assert given[-1] == ("one", None) and not crew.over()
    crew.leave("one", "its shift is over")
    assert crew.over() and not shelf.forsaken


def test_a_shift_ends_after_so_many_bytes_of_reports(crew, shelf, given):
    arrive(crew, "one")
    crew.hear("one", "a long score", 100)
    shelf.open.clear()
    crew.seats["one"].cohort = None
    crew.hear("one", Free(frozenset()), 0)
    assert given[-1] == ("one", None) and len(shelf.waiting) == 1


def test_workers_that_die_as_they_start_end_the_sweep_unless_one_was_ready_between(crew):
    for worker in range(STARTS - 1):
        crew.hire(str(worker))
        crew.leave(str(worker), "gone")
    arrive(crew, "ready")
    for worker in range(STARTS - 1):
        crew.hire(str(worker))
        crew.leave(str(worker), "gone")
    crew.hire("last")
    with pytest.raises(ExecutorError, match="died as they started"):
        crew.leave("last", "gone")
