"""Worker processes of this machine: how they are started, and what they do before they are given a workload.

Importing JAX and Flax takes a worker more than a second. A new process does it at once, whether there is a workload for
it or not, so that it can be started before the driver has imported them itself and has made its plan. This module
imports neither.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Iterator
from multiprocessing import connection, resource_tracker
from typing import TYPE_CHECKING

from ganscape.environment import ONE_THREAD, cleaned
from ganscape.sweep.pinning import pinned_cpus
from ganscape.sweep.resources import Resources

if TYPE_CHECKING:
    from ganscape.sweep.messages import FromWorker, Task, Workload

THREAD_FLAG = "--xla_cpu_multi_thread_eigen"
# Processes that were started before there was a plan, and wait for a workload.
_early: list["WorkerProcess"] = []


def worker_environment(cache: str, resources: Resources) -> dict[str, str]:
    """Returns the environment variables of a worker, which are added to a cleaned environment; see
    `ganscape.environment`.

    One XLA and one BLAS thread: results then do not depend on the machine's cores, and as many
    workers as cores use all of them. Other flags of XLA are those of this process. A worker without
    accelerators does not look for any; one with a share of a GPU takes that share of its memory.
    Compiled programs are kept in the cache folder, or where JAX_COMPILATION_CACHE_DIR says.
    """
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if not flag.startswith(THREAD_FLAG)]
    variables = {
        "XLA_FLAGS": " ".join([*flags, f"{THREAD_FLAG}=false"]),
        **ONE_THREAD,
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR") or cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Each session on Ray is a thread, for which glibc would make a memory pool that keeps what it once had.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
    }
    if weights := os.environ.get("GANSCAPE_WEIGHTS"):
        variables["GANSCAPE_WEIGHTS"] = weights
    if not resources.gpus and not resources.tpus:
        variables["JAX_PLATFORMS"] = "cpu"
    if 0 < resources.gpus < 1:
        variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.9 * resources.gpus:.3f}"
    return variables


class WorkerProcess:
    """A spawned process that imports what training needs and waits for a workload, and the driver's end of its pipe.

    variables: of `worker_environment`. The folder of compiled programs is not one of them: it comes with the workload.
    cpus: the numbers of the CPUs that it runs on; None: all that this process may use.
    """

    def __init__(self, variables: dict[str, str], cpus: tuple[int, ...] | None = None):
        self.variables, self.cpus = variables, cpus
        self._introduction: threading.Thread | None = None
        context = multiprocessing.get_context("spawn")
        self.pipe, child_end = context.Pipe()
        self.process = context.Process(target=_serve, args=(child_end, cpus), daemon=True, name="ganscape-worker")
        # multiprocessing starts it with the first process, and lets Ctrl-C through again
        resource_tracker.ensure_running()
        with cleaned(variables), _without_main(), without_interruption():
            self.process.start()
        child_end.close()

    def begin(self, workload: "Workload", cache: str) -> None:
        """Sends the workload, and the folder where compiled programs are kept.

        A workload may be larger than a pipe's buffer: the driver does not wait until the worker has imported JAX.
        """
        self._introduction = threading.Thread(target=self.send, args=((cache, workload),), daemon=True)
        self._introduction.start()

    def send(self, message: "tuple[str, Workload] | Task | None") -> None:
        """Sends a message. A dead worker is noticed by its sentinel, not here."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def messages(self) -> "Iterator[FromWorker]":
        """Yields the worker's unread messages, without waiting for more."""
        with contextlib.suppress(EOFError, OSError):
            while self.pipe.poll():
                yield self.pipe.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        # Writing fails now that nobody reads. A pipe closed in the midst of it would end the thread with a traceback.
        if self._introduction is not None:
            self._introduction.join()
        self.pipe.close()


@contextlib.contextmanager
def started_early(workers: int, resources: Resources) -> Iterator[None]:
    """Starts worker processes now, for a plan that is made in the block, and kills those that no sweep has taken.

    They are taken by `start_process` if it is asked for processes with the same environment and CPUs.
    """
    variables = local_environment(resources)
    try:
        for cpus in pinned_cpus(workers, resources):
            _early.append(WorkerProcess(variables, cpus))
        yield
    finally:
        while _early:
            _early.pop().kill()


def start_process(variables: dict[str, str], cpus: tuple[int, ...] | None = None) -> WorkerProcess:
    """Returns a worker process with these variables and CPUs: one that was started early if there is one, else a new
    one."""
    for process in _early:
        if (process.variables, process.cpus) == (variables, cpus):
            _early.remove(process)
            return process
    return WorkerProcess(variables, cpus)


def local_environment(resources: Resources) -> dict[str, str]:
    """Returns the variables of a worker process on this machine."""
    variables = worker_environment("", resources)
    del variables["JAX_COMPILATION_CACHE_DIR"]
    return variables


def _serve(pipe: connection.Connection, cpus: tuple[int, ...] | None) -> None:
    """Runs a worker until its pipe closes. It ends at once when its parent dies, even while it imports."""
    if cpus is not None:
        os.sched_setaffinity(0, cpus)  # before there are other threads, which take it over from this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    from ganscape.sweep.executors.worker import serve_pipe

    serve_pipe(pipe)


def _die_with_parent() -> None:
    """Waits for the end of the parent process, then exits: `daemon=True` does not cover a parent that is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


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
def without_interruption() -> Iterator[None]:
    """Delays Ctrl-C until the block ends; processes that are started in the block never get it.

    A terminal sends it to all: a worker that still imports would answer with a traceback, and a process that is
    interrupted while it imports JAX may crash.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
