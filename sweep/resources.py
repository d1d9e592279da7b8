"""The resources of a worker and the cluster that it runs on, with checks of both."""

import math
import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ganscape.errors import UserError

TPU_CHIPS = (0, 1, 2, 4, 8)
ADDRESS_SPACE = 4 * 2**30  # bytes that a worker needs at least; JAX and its threads reserve 1.5 GiB before any work


class ExecutorError(UserError):
    """An executor cannot give what a sweep needs, or its workers do not work; one line."""


class Resources(NamedTuple):
    """What one worker gets: CPUs, a share of GPUs, TPU chips; others: custom resources of a cluster, with amounts;
    pin_cores: whether the CPUs of a local worker are its own, which it never leaves."""

    cpus: float = 1.0
    gpus: float = 0.0
    tpus: float = 0.0
    others: tuple[tuple[str, float], ...] = ()
    pin_cores: bool = False

    def named(self) -> dict[str, float]:
        """Returns the amounts that are not 0, by Ray's names."""
        amounts = {"CPU": self.cpus, "GPU": self.gpus, "TPU": self.tpus} | dict(self.others)
        return {name: amount for name, amount in amounts.items() if amount}


class Cluster(NamedTuple):
    """Where Ray runs, and which callbacks see every score.

    address: of a running cluster, "host:port" or "auto"; None: what RAY_ADDRESS says, else a cluster of its own.
    callbacks: "module:factory" of callbacks of Ray Tune.
    """

    address: str | None = None
    callbacks: tuple[str, ...] = ()


ALONE = Cluster()


def with_others(resources: Resources, assignments: Sequence[str]) -> Resources:
    """Returns the resources with those of assignments "NAME=AMOUNT" too; ExecutorError for other text."""
    custom, builtin = dict(resources.others), {"CPU": resources.cpus, "GPU": resources.gpus, "TPU": resources.tpus}
    for assignment in assignments:
        name, _, text = assignment.partition("=")
        try:
            amount = float(text)
        except ValueError:
            amount = math.nan
        if not name or math.isnan(amount):
            raise ExecutorError(f"--resource {assignment!r} must be NAME=AMOUNT, such as --resource TPU=4") from None
        (builtin if name in builtin else custom)[name] = amount
    return Resources(builtin["CPU"], builtin["GPU"], builtin["TPU"], tuple(custom.items()), resources.pin_cores)


def check_devices(devices: str, resources: Resources) -> None:
    """Raises ExecutorError if a worker that should have an accelerator computes on the CPU."""
    for kind, amount in (("GPU", resources.gpus), ("TPU", resources.tpus)):
        if amount and "cpu" in devices:
            raise ExecutorError(
                f"workers were to have {amount:g} {kind}s each but JAX sees {devices} there; "
                f"install JAX for that {kind}, or leave the option out"
            )


def check_computes(fault: str, devices: str) -> None:
    """Raises ExecutorError if a worker computed a known result wrongly."""
    if fault:
        raise ExecutorError(
            f"a worker on {devices} computes {fault} wrongly, so that no score of it could be trusted; "
            "check its memory, XLA_FLAGS and the installation of jaxlib"
        )


def check_address_space() -> None:
    """Raises ExecutorError if this process, and so its workers, may not address as much memory as a worker needs."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < ADDRESS_SPACE:
        raise ExecutorError(
            f"`ulimit -v` leaves {gibibytes(limit)} of address space, too little to trust what XLA computes; it needs "
            f"{gibibytes(ADDRESS_SPACE)}: ulimit -v {ADDRESS_SPACE // 1024}, or unlimited"
        )


def available_bytes() -> int | None:
    """Returns the memory that new processes could have on this machine; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def gibibytes(amount: float) -> str:
    """Returns bytes in words, such as "1.5 GiB"."""
    return f"{amount / 2**30:.3g} GiB"


def default_workers(resources: Resources) -> int:
    """Returns how many workers the cores of this process suffice for."""
    return max(1, int(cores() // max(resources.cpus, 1.0)))


def cores() -> int:
    """Returns how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
