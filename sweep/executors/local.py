"""Worker processes on this machine, fed through pipes: the embedded default."""

import contextlib
import multiprocessing
import threading
from collections.abc import Iterator
from multiprocessing import connection
from pathlib import Path

from ganscape.sweep.backlog import Backlog
from ganscape.sweep.executors.contract import RunningExecutor
from ganscape.sweep.executors.worker import environment, live
from ganscape.sweep.messages import Cohort, Ready, Workload
from ganscape.sweep.resources import ExecutorError, Resources, check_devices

STARTS = 3
_NOTHING = object()


class _Worker:
    """A worker process: what it is doing, and the structures it has compiled."""

    def __init__(self, workload: Workload, variables: dict[str, str]):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=live, args=(theirs, variables), daemon=True, name="ganscape-worker")
        self.process.start()
        theirs.close()
        threading.Thread(target=self._send, args=(workload,), daemon=True).start()
        self.cohort: Cohort | None = None
        self.ready = False
        self.warm: set[str] = set()

    def give(self, cohort: Cohort | None) -> None:
        if cohort is None:
            return
        self.cohort = cohort
        self.warm.add(cohort.trials[0].config.structure())
        self._send(cohort)

    def _send(self, something) -> None:
        """Sent, unless the worker is dead: then its sentinel says so."""
        with contextlib.suppress(OSError):
            self.pipe.send(something)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextlib.contextmanager
def opened(out: Path, workers: int, resources: Resources) -> Iterator[RunningExecutor]:
    """Runs a backlog on this many spawned processes; dead ones are replaced.

    Raises:
      ExecutorError: for resources that processes here cannot be given; when run, if workers die as they start.
    """
    if resources.tpus or resources.others or resources.gpus * workers > 1:
        wanted = " ".join(f"{name}={amount:g}" for name, amount in resources.named().items())
        raise ExecutorError(
            f"executor 'local' cannot give {wanted} to each of {workers} workers: it has CPUs and one GPU to share; "
            "use --executor ray"
        )
    crew: list[_Worker] = []

    def run(backlog: Backlog, workload: Workload) -> None:
        variables = environment(str(out / "xla-cache"), resources)
        crew.extend(_Worker(workload, variables) for _ in range(workers))
        stillborn = 0
        while not backlog.done():
            for worker in crew:
                if worker.ready and worker.cohort is None:
                    worker.give(backlog.take(frozenset(worker.warm)))
            for worker in _stirring(crew):
                if _listen(worker, backlog, resources):
                    continue
                stillborn = 0 if worker.ready else stillborn + 1
                _bury(worker, backlog)
                if stillborn >= STARTS:
                    raise ExecutorError(
                        f"{STARTS} workers died as they started (exit code {worker.process.exitcode}); "
                        "what they printed says why"
                    )
                crew[crew.index(worker)] = _Worker(workload, variables)

    try:
        yield RunningExecutor(workers, run)
    finally:
        for worker in crew:
            worker.stop()


def _stirring(crew: list[_Worker]) -> list[_Worker]:
    """The workers that said something or died."""
    ready = connection.wait([each for worker in crew for each in (worker.pipe, worker.process.sentinel)])
    return [worker for worker in crew if worker.pipe in ready or worker.process.sentinel in ready]


def _listen(worker: _Worker, backlog: Backlog, resources: Resources) -> bool:
    """Commits all that the worker has sent; False if it was dead before and has sent no more."""
    alive = worker.process.is_alive()
    while (message := _next(worker.pipe)) is not _NOTHING:
        if message is None and worker.cohort is not None:
            backlog.lost(worker.cohort, "the worker left it unfinished")
            worker.cohort = None
        elif isinstance(message, Ready):
            check_devices(message.devices, resources)
            worker.ready = True
            backlog.greet(message)
        else:
            backlog.record(message)
    return alive


def _next(pipe: connection.Connection):
    """What the worker sent next, _NOTHING if there is no more now."""
    try:
        return pipe.recv() if pipe.poll() else _NOTHING
    except (EOFError, OSError):
        return _NOTHING


def _bury(worker: _Worker, backlog: Backlog) -> None:
    worker.process.join()
    if worker.cohort is not None:
        backlog.lost(worker.cohort, f"worker died with exit code {worker.process.exitcode}")
    worker.stop()
