"""Where cohorts run. An executor is a context manager (out, workers, resources, cluster) -> Opened.

Entering it checks that the workers can be had, before anything is written; `run(backlog, workload)`
takes cohorts from the backlog until that is done, gives it every message in the process that
called, and tells it of lost workers. When it returns or raises, no worker is left.
"""

import math
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

TPU_CHIPS = (0, 1, 2, 4, 8)


class Opened(NamedTuple):
    """An executor that is ready: how many workers it has, and what makes them work."""

    workers: int
    run: Callable[[Any, Any], None]


class ExecutorError(ValueError):
    """What was asked of an executor cannot be had, or its workers do not work; one line."""


class Resources(NamedTuple):
    """What one worker gets: CPU cores, a share of GPUs, TPU chips; others: names and amounts that a cluster knows."""

    cpus: float = 1.0
    gpus: float = 0.0
    tpus: float = 0.0
    others: tuple[tuple[str, float], ...] = ()

    def named(self) -> dict[str, float]:
        """Amounts by the names that Ray gives them, without those that are 0."""
        known = {"CPU": self.cpus, "GPU": self.gpus, "TPU": self.tpus} | dict(self.others)
        return {name: amount for name, amount in known.items() if amount}


class Cluster(NamedTuple):
    """Where Ray runs, and who else is told.

    address: of a running cluster, "host:port" or "auto"; None: what RAY_ADDRESS says, else a cluster of its own.
    callbacks: "module:factory" of callbacks of Ray Tune.
    """

    address: str | None = None
    callbacks: tuple[str, ...] = ()


ALONE = Cluster()


def _local(out: Path, workers: int | None, resources: Resources, cluster: Cluster) -> AbstractContextManager[Opened]:
    from sweep.executors import local

    return local.opened(out, default_workers(resources) if workers is None else workers, resources)


def _ray(out: Path, workers: int | None, resources: Resources, cluster: Cluster) -> AbstractContextManager[Opened]:
    from sweep.executors import ray_tune

    return ray_tune.opened(out, workers, resources, cluster)


EXECUTORS: dict[str, Callable[[Path, int | None, Resources, Cluster], AbstractContextManager[Opened]]] = {
    "local": _local,
    "ray": _ray,
}


def check_executor(name: str, workers: int | None, resources: Resources, cluster: Cluster = ALONE) -> None:
    """Raises ExecutorError for an unknown executor, and for numbers of workers or resources that mean nothing."""
    if name not in EXECUTORS:
        raise ExecutorError(f"unknown executor {name!r}; one of: {', '.join(sorted(EXECUTORS))}")
    if name != "ray" and cluster != ALONE:
        option = "address" if cluster.address is not None else "callback"
        raise ExecutorError(f"--{option} means nothing to executor {name!r}; use --executor ray")
    if workers is not None and workers < 1:
        raise ExecutorError(f"workers={workers} must be at least 1")
    for kind, amount in (*list(resources._asdict().items())[:3], *resources.others):
        low = "above 0" if kind == "cpus" else "at least 0"
        if not math.isfinite(amount) or amount < 0 or (kind == "cpus" and amount == 0):
            raise ExecutorError(f"{kind}_per_worker={amount:g} must be {low}")
    if resources.gpus > 1 and resources.gpus % 1:
        raise ExecutorError(f"gpus_per_worker={resources.gpus:g} must be a share of one GPU or a whole number of them")
    if resources.tpus not in TPU_CHIPS:
        raise ExecutorError(f"tpus_per_worker={resources.tpus:g} must be one of: {', '.join(map(str, TPU_CHIPS))}")


def with_others(resources: Resources, assignments: Sequence[str]) -> Resources:
    """The resources with those of "NAME=AMOUNT"; ExecutorError for other text."""
    named, known = dict(resources.others), {"CPU": resources.cpus, "GPU": resources.gpus, "TPU": resources.tpus}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        try:
            amount = float(text)
        except ValueError:
            amount = math.nan
        if not name or math.isnan(amount):
            raise ExecutorError(f"--resource {assignment!r} must be NAME=AMOUNT, such as --resource TPU=4") from None
        (known if name in known else named)[name] = amount
    return Resources(known["CPU"], known["GPU"], known["TPU"], tuple(named.items()))


def check_devices(devices: str, resources: Resources) -> None:
    """Raises ExecutorError if a worker that was to have an accelerator computes on the CPU."""
    for kind, amount in (("GPU", resources.gpus), ("TPU", resources.tpus)):
        if amount and "cpu" in devices:
            raise ExecutorError(
                f"workers were to have {amount:g} {kind}s each but JAX sees {devices} there; "
                f"install JAX for that {kind}, or leave the option out"
            )


def default_workers(resources: Resources) -> int:
    """As many workers as this process may use cores for."""
    return max(1, int(cores() // max(resources.cpus, 1.0)))


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
