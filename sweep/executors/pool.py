"""The driver's side of workers that ask for cohorts: who is there, who does what, who has which structure compiled."""

import dataclasses
from collections.abc import Callable

from ganscape.sweep.backlog import Backlog
from ganscape.sweep.messages import Cohort, Free, Ready
from ganscape.sweep.resources import ExecutorError, Resources, check_devices

STARTS = 3


@dataclasses.dataclass
class WorkerState:
    """A worker: what it trains, or what it asked with, and for how many bytes of reports."""

    ready: bool = False
    cohort: Cohort | None = None
    asked: Free | None = None
    reported: int = 0


class WorkerPool:
    """Gives the workers that are free what the backlog has for them, each what it has compiled where that waits.

    Args:
      backlog: of the study.
      resources: what a worker gets.
      give: called with a worker's name and its next cohort, or None to end its shift.
      shift: bytes of reports after which a worker is given None though there is more to do: another comes in its place.
    """

    def __init__(
        self, backlog: Backlog, resources: Resources, give: Callable[[str, Cohort | None], None], shift: float
    ):
        self.backlog, self.resources, self.give, self.shift = backlog, resources, give, shift
        self.seats: dict[str, WorkerState] = {}
        self.stillborn = 0

    def wanted(self) -> bool:
        """Whether one more worker would have something to do."""
        unoccupied = sum(seat.cohort is None for seat in self.seats.values())
        return unoccupied < len(self.backlog.waiting)

    def hire(self, worker: str) -> None:
        """The worker of this name is being started."""
        self.seats[worker] = WorkerState()

    def hear(self, worker: str, message, size: int) -> None:
        """Commits what a worker reported, in so many bytes."""
        seat = self.seats[worker]
        if isinstance(message, Free):
            self._forsake(seat, "the worker left it unfinished")
            seat.asked = message
        elif isinstance(message, Ready):
            check_devices(message.devices, self.resources)
            seat.ready = True
            self.stillborn = 0
            self.backlog.greet(message)
        else:
            seat.reported += size
            self.backlog.record(message)
        self._hand_out()

    def leave(self, worker: str, message: str) -> None:
        """The worker is gone; what it did not finish is handed out again.

        Raises:
          ExecutorError: when several workers in a row went before they were ready.
        """
        seat = self.seats.pop(worker)
        if not seat.ready and not self.backlog.done():
            self.stillborn += 1
        if self.stillborn >= STARTS:
            raise ExecutorError(f"{STARTS} workers died as they started; their logs say why")
        self._forsake(seat, message)
        self._hand_out()

    def over(self) -> bool:
        """Whether the study is finished and every worker that had started has gone."""
        return not any(seat.ready for seat in self.seats.values()) and self.backlog.done()

    def _forsake(self, seat: WorkerState, message: str) -> None:
        if seat.cohort is not None:
            self.backlog.lost(seat.cohort, message)
            seat.cohort = None

    def _hand_out(self) -> None:
        over = self.backlog.done()
        for worker, seat in self.seats.items():
            if seat.asked is None or not (over or self.backlog.waiting):
                continue
            if not over and seat.reported < self.shift:
                seat.cohort = self.backlog.take(seat.asked.warm)
            seat.asked = None
            self.give(worker, seat.cohort)
