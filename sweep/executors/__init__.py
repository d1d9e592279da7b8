"""Executors run cohorts on workers. An executor is a context manager (out, workers, resources, cluster) ->
RunningExecutor.

Entering it checks that the workers can be had, before anything is written; `run(backlog, workload)`
takes cohorts from the backlog until that is done, records every message of the workers in the
process that called it, and reports lost workers. When it returns or raises, no worker is left.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ganscape.errors import check_name, shown
from ganscape.limits import LIMITS, check_size
from ganscape.sweep.executors.contract import RunningExecutor
from ganscape.sweep.pinning import check_pinning
from ganscape.sweep.resources import ALONE, TPU_CHIPS, Cluster, ExecutorError, Resources, default_workers


def _local(
    out: Path, workers: int | None, resources: Resources, cluster: Cluster
) -> AbstractContextManager[RunningExecutor]:
    from ganscape.sweep.executors import local

    return local.start(out, default_workers(resources) if workers is None else workers, resources)


def _ray(
    out: Path, workers: int | None, resources: Resources, cluster: Cluster
) -> AbstractContextManager[RunningExecutor]:
    from ganscape.sweep.executors import ray_tune

    return ray_tune.start(out, workers, resources, cluster)


EXECUTORS: dict[str, Callable[[Path, int | None, Resources, Cluster], AbstractContextManager[RunningExecutor]]] = {
    "local": _local,
    "ray": _ray,
}


def check_executor(name: str, workers: int | None, resources: Resources, cluster: Cluster = ALONE) -> None:
    """Raises ExecutorError for an unknown executor, and for numbers of workers or resources that make no sense."""
    check_name("executor", name, sorted(EXECUTORS), ExecutorError)
    if name != "ray" and cluster != ALONE:
        option = "address" if cluster.address is not None else "callback"
        raise ExecutorError(f"--{option} means nothing to executor {name!r}; use --executor ray")
    if workers is not None and workers < 1:
        raise ExecutorError(f"workers={shown(workers)} must be at least 1")
    if workers is not None:
        check_size("workers", workers, ExecutorError)
    for kind, amount in (*list(resources._asdict().items())[:3], *resources.others):
        low = "above 0" if kind == "cpus" else "at least 0"
        if not math.isfinite(amount) or amount < 0 or (kind == "cpus" and amount == 0):
            raise ExecutorError(f"{kind}_per_worker={amount:g} must be {low}")
        if amount > LIMITS["amount"].value:
            raise ExecutorError(f"{kind}_per_worker={amount:g} is more than any machine has")
    if resources.gpus > 1 and resources.gpus % 1:
        raise ExecutorError(f"gpus_per_worker={resources.gpus:g} must be a share of one GPU or a whole number of them")
    if resources.tpus not in TPU_CHIPS:
        raise ExecutorError(f"tpus_per_worker={resources.tpus:g} must be one of: {', '.join(map(str, TPU_CHIPS))}")
    check_pinning(default_workers(resources) if workers is None else workers, resources, name)
