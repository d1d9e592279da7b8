"""The driver's side of workers that ask for cohorts: who is there, who does what, who has which structure compiled."""

import dataclasses
from collections.abc import Callable

from sweep.backlog import Backlog
from sweep.executors import ExecutorError, Resources, check_devices
from sweep.executors.worker import Ready
from sweep.trial import Cohort

STARTS = 3


@dataclasses.dataclass
class Seat:
    """A worker: whether it has started, what it trains, and the structures it has compiled."""

    ready: bool = False
    free: bool = False
    cohort: Cohort | None = None
    warm: set[str] = dataclasses.field(default_factory=set)


class Crew:
    """Gives the workers that are free what the backlog has for them, each what it has compiled where that waits.

    Args:
      backlog: of the study.
      resources: what a worker gets.
      give: called with a worker's name and its next cohort, or None where there is nothing left to do.
    """

    def __init__(self, backlog: Backlog, resources: Resources, give: Callable[[str, Cohort | None], None]):
        self.backlog, self.resources, self.give = backlog, resources, give
        self.seats: dict[str, Seat] = {}
        self.stillborn = 0

    def wanted(self) -> bool:
        """Whether one more worker would have something to do."""
        unoccupied = sum(seat.cohort is None for seat in self.seats.values())
        return unoccupied < len(self.backlog.waiting)

    def hire(self, worker: str) -> None:
        """The worker of this name is being started."""
        self.seats[worker] = Seat()

    def hear(self, worker: str, message) -> None:
        """Commits what a worker reported; None says that it is done with what it was given."""
        seat = self.seats[worker]
        if message is None:
            self._forsake(seat, "the worker left it unfinished")
            seat.free = True
        elif isinstance(message, Ready):
            check_devices(message.devices, self.resources)
            seat.ready = True
            self.stillborn = 0
            self.backlog.greet(message)
        else:
            self.backlog.record(message)
        self._hand_out()

    def leave(self, worker: str, message: str) -> bool:
        """The worker is gone: whether it was needed. What it did not finish is handed out again.

        Raises:
          ExecutorError: when several workers in a row went before they were ready.
        """
        seat = self.seats.pop(worker)
        needed = not self.backlog.done()
        if not seat.ready and needed:
            self.stillborn += 1
        if self.stillborn >= STARTS:
            raise ExecutorError(f"{STARTS} workers died as they started; {message}")
        self._forsake(seat, message)
        self._hand_out()
        return needed

    def over(self) -> bool:
        """Whether the study is finished and every worker that had started has gone."""
        return not any(seat.ready for seat in self.seats.values()) and self.backlog.done()

    def _forsake(self, seat: Seat, message: str) -> None:
        if seat.cohort is not None:
            self.backlog.lost(seat.cohort, message)
            seat.cohort = None

    def _hand_out(self) -> None:
        free = {worker: seat for worker, seat in self.seats.items() if seat.free}
        over = bool(free) and self.backlog.done()
        for worker, seat in free.items():
            cohort = None if over else self.backlog.take(frozenset(seat.warm))
            if cohort is None and not over:
                return
            if cohort is not None:
                seat.warm.add(cohort.trials[0].config.structure())
            seat.cohort, seat.free = cohort, False
            self.give(worker, cohort)
