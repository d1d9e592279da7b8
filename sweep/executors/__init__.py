"""Where cohorts run. An executor is a function (backlog, workload, workers, resources) -> None.

It takes cohorts from the backlog until that is done, gives it every message of its workers in the
process that called it, and tells it of lost workers. When it returns or raises, no worker is left.
"""

import math
import os
from collections.abc import Callable
from typing import NamedTuple


class ExecutorError(ValueError):
    """What was asked of an executor cannot be had, or its workers do not start; one line."""


class Resources(NamedTuple):
    """What one worker gets: CPU cores, a share of GPUs, TPU chips."""

    cpus: float = 1.0
    gpus: float = 0.0
    tpus: float = 0.0


def _local(*arguments) -> None:
    from sweep.executors import local

    local.run(*arguments)


def _ray(*arguments) -> None:
    from sweep.executors import ray_tune

    ray_tune.run(*arguments)


EXECUTORS: dict[str, Callable[..., None]] = {"local": _local, "ray": _ray}


def check_executor(name: str, workers: int | None, resources: Resources) -> None:
    """Raises ExecutorError for an unknown executor, and for numbers of workers or resources that mean nothing."""
    if name not in EXECUTORS:
        raise ExecutorError(f"unknown executor {name!r}; one of: {', '.join(sorted(EXECUTORS))}")
    if workers is not None and workers < 1:
        raise ExecutorError(f"workers={workers} must be at least 1")
    for kind, amount in resources._asdict().items():
        low = "above 0" if kind == "cpus" else "at least 0"
        if not math.isfinite(amount) or amount < 0 or (kind == "cpus" and amount == 0):
            raise ExecutorError(f"{kind}_per_worker={amount:g} must be {low}")


def default_workers(resources: Resources) -> int:
    """As many workers as this process may use cores for."""
    return max(1, int(cores() // max(resources.cpus, 1.0)))


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
