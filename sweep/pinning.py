"""Which CPUs each worker of this machine runs on, where workers are pinned.

A CPU is what Linux numbers so: one hardware thread of a core. Cores and NUMA nodes are those that /sys describes; where
it does not, as in some containers, every CPU is a core, and all are of one node.
"""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ganscape.sweep.resources import ExecutorError, Resources

SYSTEM = Path("/sys/devices/system")


class Cpu(NamedTuple):
    """A CPU: its number, the lowest number among the threads of its core, and its NUMA node."""

    number: int
    core: int
    node: int = 0


def check_pinning(workers: int, resources: Resources, executor: str) -> None:
    """Raises ExecutorError if workers are to be pinned and cannot be."""
    if not resources.pin_cores:
        return
    if executor == "ray":
        raise ExecutorError(
            "--pin-cores is for local workers; Ray pins none, but they keep to the CPUs of the `ray start` of their "
            "node: taskset -c 0-7 ray start ..., or Slurm's --cpu-bind"
        )
    if executor != "local":
        raise ExecutorError(f"--pin-cores means nothing to executor {executor!r}; use --executor local")
    pinned_cpus(workers, resources)


def pinned_cpus(workers: int, resources: Resources) -> list[tuple[int, ...] | None]:
    """Returns the numbers of the CPUs that each worker is pinned to, or None for each where none is pinned.

    Raises:
      ExecutorError: if workers are to be pinned on a system that cannot do it, to parts of a CPU, or to more CPUs than
        this process may use.
    """
    if not resources.pin_cores:
        return [None] * workers
    if not hasattr(os, "sched_setaffinity"):
        raise ExecutorError("--pin-cores needs Linux: this system cannot keep a process on chosen CPUs; leave it out")
    if resources.cpus % 1:
        raise ExecutorError(f"--pin-cores needs whole CPUs for a worker, not cpus_per_worker={resources.cpus:g}")
    cpus, each = read_topology(os.sched_getaffinity(0)), int(resources.cpus)
    if workers * each > len(cpus):
        raise ExecutorError(
            f"--pin-cores: workers={workers} with cpus_per_worker={each} need {workers * each} CPUs, and this process "
            f"may use {len(cpus)}; lower --workers or --cpus-per-worker"
        )
    return list(assign_cpus(cpus, workers, each))


def describe_pinning(workers: int, resources: Resources) -> str:
    """Returns in words which CPUs each worker is pinned to, such as "to CPUs 0,1 | 2,3"."""
    groups = [",".join(map(str, cpus)) for cpus in pinned_cpus(workers, resources) if cpus is not None]
    return f"to CPUs {' | '.join(groups)}"


def read_topology(allowed: set[int], system: Path = SYSTEM) -> list[Cpu]:
    """Returns the allowed CPUs with their cores and NUMA nodes, by number."""
    nodes = {}
    for folder in system.glob("node/node[0-9]*"):
        for number in _read_list(folder / "cpulist"):
            nodes[number] = int(folder.name.removeprefix("node"))
    siblings = {number: _read_list(system / f"cpu/cpu{number}/topology/thread_siblings_list") for number in allowed}
    return [Cpu(number, min(siblings[number], default=number), nodes.get(number, 0)) for number in sorted(allowed)]


def assign_cpus(cpus: Sequence[Cpu], workers: int, each: int) -> list[tuple[int, ...]]:
    """Returns `each` CPUs for every worker, none of them twice; there must be enough.

    Workers are spread over the nodes. The CPUs of a worker are of one node, unless no node has so many left. In a node,
    every worker gets cores of its own as far as they suffice: threads of a core that another worker runs on are
    assigned last.
    """
    free: dict[int, list[Cpu]] = {}
    for cpu in cpus:
        free.setdefault(cpu.node, []).append(cpu)
    counts = _workers_of_nodes(free, workers, each)
    assigned = []
    for node, count in counts.items():
        taken = _assign_in_node(free[node], count, each)
        assigned += taken
        free[node] = [cpu for cpu in free[node] if all(cpu.number not in numbers for numbers in taken)]
    rest = [cpu for node in free.values() for cpu in node]
    return assigned + _assign_in_node(rest, workers - len(assigned), each)


def _workers_of_nodes(free: dict[int, list[Cpu]], workers: int, each: int) -> dict[int, int]:
    """Returns how many workers each node gets: the next one is of the node that has most cores left for it."""
    counts = dict.fromkeys(sorted(free), 0)
    cores = {node: len({cpu.core for cpu in cpus}) for node, cpus in free.items()}
    for _ in range(workers):
        fitting = [node for node, count in counts.items() if (count + 1) * each <= len(free[node])]
        if not fitting:
            break
        counts[max(fitting, key=lambda node: cores[node] - counts[node] * each)] += 1
    return counts


def _assign_in_node(cpus: Sequence[Cpu], workers: int, each: int) -> list[tuple[int, ...]]:
    """Returns `each` of these CPUs for every worker: of an equal share of the idle cores first threads before second
    ones, then second threads of cores that other workers run on."""
    cores: dict[int, list[Cpu]] = {}
    for cpu in cpus:
        cores.setdefault(cpu.core, []).append(cpu)
    idle, shared, assigned = list(cores.values()), list[Cpu](), []
    for left in range(workers, 0, -1):
        count = min(each, len(idle) // left)
        while count < len(idle) and sum(map(len, idle[:count])) < each:
            count += 1
        own, idle = idle[:count], idle[count:]
        threads = [cpu for rank in itertools.zip_longest(*own) for cpu in rank if cpu is not None]
        pool = threads[:each] + shared + threads[each:]
        shared = pool[each:]
        assigned.append(tuple(sorted(cpu.number for cpu in pool[:each])))
    return assigned


def _read_list(path: Path) -> list[int]:
    """Returns the numbers in a list of Linux such as "0-3,8"; none where the file is not there."""
    try:
        parts = path.read_text().strip().split(",")
    except OSError:
        return []
    ends = [part.split("-") for part in parts if part]
    return [number for first, *last in ends for number in range(int(first), int(last[0] if last else first) + 1)]
