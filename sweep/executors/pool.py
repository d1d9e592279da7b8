"""The driver's side of worker processes, the same for every executor: their states, and the tasks that they get."""

import dataclasses
import logging
import math
from collections.abc import Callable

from ganscape.sweep.backlog import Backlog
from ganscape.sweep.messages import Cohort, Free, FromWorker, LogLine, Ready, Task
from ganscape.sweep.resources import ExecutorError, Resources, check_computes, check_devices

FAILED_STARTS = 3
logger = logging.getLogger(__name__)


@dataclasses.dataclass
class WorkerState:
    """One worker's state: whether it has started, its current cohort, whether it measures baselines, its pending
    request for a task, and the bytes it has reported so far."""

    ready: bool = False
    cohort: Cohort | None = None
    measuring: bool = False
    request: Free | None = None
    reported: int = 0


class WorkerPool:
    """Assigns cohorts to idle workers, preferring structures that a worker has already compiled.

    The executor starts the processes and carries messages; it calls `start`, `on_message` and `stop`.

    Args:
      backlog: the queue of the sweep.
      resources: what each worker gets.
      send: called with a worker's name and its next task, or None to end its session.
      session_bytes: bytes of reports after which a worker is sent None though there is more to do, so that a fresh
        one takes its place.
    """

    def __init__(
        self,
        backlog: Backlog,
        resources: Resources,
        send: Callable[[str, Task | None], None],
        session_bytes: float = math.inf,
    ):
        self.backlog, self.resources, self.send, self.session_bytes = backlog, resources, send, session_bytes
        self.workers: dict[str, WorkerState] = {}
        self.failed_starts = 0

    def needs_worker(self) -> bool:
        """Whether one more worker would have something to do."""
        idle = sum(state.cohort is None and not state.measuring for state in self.workers.values())
        return idle < len(self.backlog.waiting)

    def start(self, worker: str) -> None:
        """Registers a worker whose process is being started."""
        self.workers[worker] = WorkerState()

    def on_message(self, worker: str, message: FromWorker, size: int = 0) -> None:
        """Handles a message of `size` bytes from a worker: commits reports, notes requests, assigns cohorts."""
        state = self.workers[worker]
        if isinstance(message, Free):
            self._requeue(state, "the worker left it unfinished")
            state.request = message
        elif isinstance(message, Ready):
            if message.refusal:
                raise ExecutorError(message.refusal)
            check_devices(message.devices, self.resources)
            check_computes(message.fault, message.devices)
            logger.info("worker %s started on %s", worker, message.devices)
            state.ready = True
            self.failed_starts = 0
            self.backlog.worker_ready(message)
        elif isinstance(message, LogLine):
            logger.log(message.level, "worker %s: %s", worker, message.text)
        else:
            state.reported += size
            self.backlog.record(message)
        self._assign()

    def stop(self, worker: str, reason: str) -> None:
        """Removes a worker whose process has ended and puts its unfinished trials back into the backlog.

        Raises:
          ExecutorError: when FAILED_STARTS workers in a row ended before they were ready.
        """
        state = self.workers.pop(worker)
        if state.cohort is not None:
            logger.warning("worker %s lost: %s", worker, reason)
        if not state.ready and not self.backlog.done():
            logger.warning("worker %s ended as it started: %s", worker, reason)
            self.failed_starts += 1
        if self.failed_starts >= FAILED_STARTS:
            raise ExecutorError(
                f"{FAILED_STARTS} workers died as they started ({reason}); what they printed, or their logs, say why"
            )
        self._requeue(state, reason)
        self._assign()

    def finished(self) -> bool:
        """Whether the study is done and every worker that was ready has ended."""
        return not any(state.ready for state in self.workers.values()) and self.backlog.done()

    def _requeue(self, state: WorkerState, reason: str) -> None:
        """Reports the worker's cohort as lost, if it has one, and its measurement of baselines as ended."""
        if state.measuring:
            state.measuring = False
            self.backlog.baselines.end()
        if state.cohort is not None:
            self.backlog.lost(state.cohort, reason)
            state.cohort = None

    def _assign(self) -> None:
        """Answers waiting workers: with a task if there is one, with None if there is nothing more to do."""
        done = self.backlog.done()
        for worker, state in self.workers.items():
            if state.request is None:
                continue
            if not done and (task := self.backlog.baselines.take(self.backlog.trials.values())):
                state.measuring, state.request = True, None
                self.send(worker, task)
                continue
            if not (done or self.backlog.waiting):
                continue
            if not done and state.reported < self.session_bytes:
                state.cohort = self.backlog.take(state.request.warm)
            state.request = None
            self.send(worker, state.cohort)
