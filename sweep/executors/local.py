"""Worker processes on this machine, fed through pipes: the default executor."""

import contextlib
import itertools
import logging
import os
from collections.abc import Iterator
from multiprocessing import connection
from pathlib import Path

from ganscape.data.mapped import in_one_file
from ganscape.sweep.backlog import Backlog
from ganscape.sweep.executors.contract import RunningExecutor
from ganscape.sweep.executors.pool import WorkerPool
from ganscape.sweep.executors.processes import WorkerProcess, local_environment, start_process
from ganscape.sweep.messages import Workload
from ganscape.sweep.pinning import pinned_cpus
from ganscape.sweep.resources import ExecutorError, Resources

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def start(out: Path, workers: int, resources: Resources) -> Iterator[RunningExecutor]:
    """Runs a backlog on this many spawned processes; dead ones are replaced, on the same CPUs where these are pinned.

    Raises:
      ExecutorError: for resources or CPUs that processes here cannot be given; when run, if workers die as they
        start.
    """
    if resources.tpus or resources.others or resources.gpus * workers > 1:
        needs = " ".join(f"{name}={amount:g}" for name, amount in resources.named().items())
        raise ExecutorError(
            f"executor 'local' cannot give {needs} to each of {workers} workers: it has CPUs and one GPU to share; "
            "use --executor ray"
        )
    processes: dict[str, WorkerProcess] = {}
    assigned = pinned_cpus(workers, resources)

    def run(backlog: Backlog, workload: Workload) -> None:
        variables = local_environment(resources)
        cache = os.environ.get("JAX_COMPILATION_CACHE_DIR") or str(out / "xla-cache")
        pool = WorkerPool(backlog, resources, lambda worker, cohort: processes[worker].send(cohort))
        names = map(str, itertools.count(1))

        def start_worker(workload: Workload, cpus: tuple[int, ...] | None) -> None:
            name = next(names)
            processes[name] = start_process(variables, cpus)
            if cpus is not None:
                logger.info("worker %s is pinned to CPUs %s", name, ", ".join(map(str, cpus)))
            processes[name].begin(workload, cache)
            pool.start(name)

        with _shared(workload) as workload:
            for cpus in assigned:
                start_worker(workload, cpus)
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
                        start_worker(workload, worker.cpus)

    try:
        yield RunningExecutor(workers, run)
    finally:
        for worker in processes.values():
            worker.kill()


@contextlib.contextmanager
def _shared(workload: Workload) -> Iterator[Workload]:
    """Yields the workload with images that all processes of this machine map from one file, not copied to each."""
    data = workload.dataset
    with in_one_file(data.train) as train, in_one_file(data.test) as test:
        yield workload._replace(dataset=data._replace(train=train, test=test))


def _active(processes: dict[str, WorkerProcess]) -> list[str]:
    """Waits until a worker has sent something or died; returns the names of all such workers."""
    ends = {end: name for name, worker in processes.items() for end in (worker.pipe, worker.process.sentinel)}
    return list(dict.fromkeys(ends[end] for end in connection.wait(list(ends))))  # type: ignore[index]
