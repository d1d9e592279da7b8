"""Worker processes on this machine, fed through pipes: the default executor."""

import contextlib
import itertools
import multiprocessing
import signal
import sys
import threading
import types
from collections.abc import Iterator
from multiprocessing import connection, resource_tracker
from pathlib import Path

from ganscape.environment import cleaned
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.executors.contract import RunningExecutor
from ganscape.sweep.executors.pool import WorkerPool
from ganscape.sweep.executors.worker import serve_pipe, worker_environment
from ganscape.sweep.messages import FromWorker, Task, Workload
from ganscape.sweep.resources import ExecutorError, Resources


class _Worker:
    """A spawned process and the driver's end of its pipe."""

    def __init__(self, workload: Workload, variables: dict[str, str]):
        context = multiprocessing.get_context("spawn")
        self.pipe, child_end = context.Pipe()
        self.process = context.Process(target=serve_pipe, args=(child_end,), daemon=True, name="ganscape-worker")
        with cleaned(variables), _without_main(), _without_interruption():
            self.process.start()
        child_end.close()
        # A workload is larger than a pipe's buffer: the driver must not wait until the worker has imported JAX.
        self._introduction = threading.Thread(target=self.send, args=(workload,), daemon=True)
        self._introduction.start()

    def send(self, message: Workload | Task | None) -> None:
        """Sends a message. A dead worker is noticed by its sentinel, not here."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def messages(self) -> Iterator[FromWorker]:
        """Yields the worker's unread messages, without waiting for more."""
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll():
                yield self.pipe.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        # Writing fails now that nobody reads. A pipe closed in the midst of it would end the thread with a traceback.
        self._introduction.join()
        self.pipe.close()


@contextlib.contextmanager
def start(out: Path, workers: int, resources: Resources) -> Iterator[RunningExecutor]:
    """Runs a backlog on this many spawned processes; dead ones are replaced.

    Raises:
      ExecutorError: for resources that processes here cannot be given; when run, if workers die as they start.
    """
    if resources.tpus or resources.others or resources.gpus * workers > 1:
        needs = " ".join(f"{name}={amount:g}" for name, amount in resources.named().items())
        raise ExecutorError(
            f"executor 'local' cannot give {needs} to each of {workers} workers: it has CPUs and one GPU to share; "
            "use --executor ray"
        )
    processes: dict[str, _Worker] = {}

    def run(backlog: Backlog, workload: Workload) -> None:
        variables = worker_environment(str(out / "xla-cache"), resources)
        pool = WorkerPool(backlog, resources, lambda worker, cohort: processes[worker].send(cohort))
        names = map(str, itertools.count(1))

        def start_worker() -> None:
            name = next(names)
            processes[name] = _Worker(workload, variables)
            pool.start(name)

        for _ in range(workers):
            start_worker()
        while not backlog.done():
            for name in _active(processes):
                worker = processes[name]
                # Before the pipe is read: the messages of a worker that was dead then are complete.
                alive = worker.process.is_alive()
                for message in worker.messages():
                    pool.on_message(name, message)
                if not alive:
                    worker.kill()
                    del processes[name]
                    pool.stop(name, f"worker died with exit code {worker.process.exitcode}")
                    start_worker()

    try:
        yield RunningExecutor(workers, run)
    finally:
        for worker in processes.values():
            worker.kill()


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """While the block lasts, processes that are spawned do not import this one's script: a worker needs nothing of it,
    and a script that runs a study, without a guard against being imported, would run it again in every worker."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextlib.contextmanager
def _without_interruption() -> Iterator[None]:
    """Holds Ctrl-C back from this process until the block ends, and from processes that it starts for good: a terminal
    sends it to all, and a worker that still imports would answer with a traceback."""
    resource_tracker.ensure_running()  # multiprocessing starts it with the first process, and lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _active(processes: dict[str, _Worker]) -> list[str]:
    """Waits until a worker has sent something or died; returns the names of all such workers."""
    ends = {end: name for name, worker in processes.items() for end in (worker.pipe, worker.process.sentinel)}
    return list(dict.fromkeys(ends[end] for end in connection.wait(list(ends))))  # type: ignore[index]
