"""The trials that wait for a worker, in order, and which of them come next."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from ganscape.sweep.messages import Trial


class Kind(NamedTuple):
    """What the trials of a cohort have in common.

    separate: whether each is trained by itself. pause_at: the rung at which they will be handed back, None for the end.
    """

    structure: str
    separate: bool
    pause_at: int | None


class WaitingTrials:
    """The ids of trials that wait for a worker, in order.

    What a call costs depends on the number of kinds of trials that wait, not on that of the trials.

    trials: all trials of the sweep by their ids.
    pause_at: trial -> the rung at which it will be handed back, None if it is trained to the end.
    """

    def __init__(self, trials: Mapping[str, Trial], pause_at: Callable[[str], int | None]):
        self._trials, self._pause_at = trials, pause_at
        # A trial's place in the whole queue is a number, so that every kind has a queue of its own.
        self._queues: dict[Kind, deque[tuple[int, str]]] = {}
        self._front = self._back = 0
        self._waiting: Counter[str] = Counter()
        self._started: set[str] = set()
        self._separate: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter([trial for _, trial in sorted(pair for queue in self._queues.values() for pair in queue)])

    def __len__(self) -> int:
        return self._waiting.total()

    def add(self, trial: str) -> None:
        """Puts a trial at the end."""
        self._back += 1
        self._queue_of(trial).append((self._back, trial))

    def put_back(self, trial: str) -> None:
        """Puts a trial that a worker has not finished at the head."""
        self._front -= 1
        self._queue_of(trial).appendleft((self._front, trial))

    def separate(self, trial: str) -> None:
        """Has a trial that was lost trained by itself from now on, because it may have killed its worker. It does not
        wait now."""
        self._separate.add(trial)

    def next_kind(self, warm: Collection[str]) -> Kind:
        """Returns the kind of trials to train next.

        They are of a structure that the worker has compiled (`warm`), else of one that no worker has yet; among these,
        of the one with most trials waiting, and there of the kind of the first trial.
        """

        def rank(kind: Kind) -> tuple[bool, bool, int, int]:
            structure, (first, _) = kind.structure, self._queues[kind][0]
            return structure in warm, structure not in self._started, self._waiting[structure], -first

        return max(self._queues, key=rank)

    def count(self, kind: Kind) -> int:
        """Returns how many trials of a kind wait."""
        return len(self._queues[kind])

    def first(self, kind: Kind) -> str:
        """Returns the first trial of a kind; it goes on waiting."""
        return self._queues[kind][0][1]

    def take(self, kind: Kind, most: int) -> list[str]:
        """Removes and returns the first trials of a kind, at most so many."""
        queue = self._queues[kind]
        taken = [queue.popleft()[1] for _ in range(min(most, len(queue)))]
        self._waiting[kind.structure] -= len(taken)
        self._started.add(kind.structure)
        if not queue:
            del self._queues[kind]
        return taken

    def _queue_of(self, trial: str) -> deque[tuple[int, str]]:
        """Returns the queue of a trial that is about to wait in it."""
        structure = self._trials[trial].structure
        self._waiting[structure] += 1
        kind = Kind(structure, trial in self._separate, self._pause_at(trial))
        return self._queues.setdefault(kind, deque())
