"""Where cohorts run. An executor is a context manager (out, workers, resources) -> run.

Entering it checks that the workers can be had, before anything is written; `run(backlog, workload)`
takes cohorts from the backlog until that is done, gives it every message in the process that
called, and tells it of lost workers. When it returns or raises, no worker is left.
"""

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

Opened = AbstractContextManager[Callable[[Any, Any], None]]


class ExecutorError(ValueError):
    """What was asked of an executor cannot be had, or its workers do not start; one line."""


class Resources(NamedTuple):
    """What one worker gets: CPU cores, a share of GPUs, TPU chips."""

    cpus: float = 1.0
    gpus: float = 0.0
    tpus: float = 0.0


def _local(out: Path, workers: int, resources: Resources) -> Opened:
    from sweep.executors import local

    return local.opened(out, workers, resources)


def _ray(out: Path, workers: int, resources: Resources) -> Opened:
    from sweep.executors import ray_tune

    return ray_tune.opened(out, workers, resources)


EXECUTORS: dict[str, Callable[[Path, int, Resources], Opened]] = {"local": _local, "ray": _ray}


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
