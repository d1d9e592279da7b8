"""What the benchmarks share: the machine in words, measurements by turns, lines of JSON, the roofline."""

import argparse
import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Peak float32 operations and bytes of memory per second; for GPUs of their tensor cores at TF32, for CPUs unknown.
# NVIDIA's data sheets of V100, A100 (80 GB, SXM), H100 and H200 (SXM, dense).
PEAKS = {
    "V100": (15.7e12, 0.9e12),
    "A100": (156e12, 2.0e12),
    "H100": (494e12, 3.35e12),
    "H200": (494e12, 4.8e12),
}


def options(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose --out names the file that lines of JSON are appended to."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="append one line of JSON per measurement to this file")
    return parser


def machine() -> dict[str, Any]:
    """What this ran on, without its name."""
    import jax

    device = jax.local_devices()[0]
    return {
        "date": datetime.date.today().isoformat(),
        "jax": jax.__version__,
        "device": f"{jax.local_device_count()} x {device.platform}: {device.device_kind}",
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
    }


def write(out: Path | None, row: dict[str, Any]) -> None:
    """The row as a line of JSON at the end of the file, if there is one."""
    if out:
        with out.open("a") as file:
            file.write(json.dumps(row | machine()) + "\n")


def by_turns(sides: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[tuple[float, float]]]:
    """(wall, CPU) seconds of every call, the sides called by turns; the CPU seconds are of all threads."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, run in sides.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return taken


def median(pairs: list[tuple[float, float]], part: int = 0) -> float:
    """The median of wall (0) or CPU (1) seconds."""
    return statistics.median(pair[part] for pair in pairs)


def ratio(above: list[tuple[float, float]], below: list[tuple[float, float]], part: int = 0) -> float:
    """The median over turns of one side's seconds in units of the other's."""
    return statistics.median(a[part] / b[part] for a, b in zip(above, below, strict=True))


def roofline(compiled, seconds: float) -> dict[str, float]:
    """Operations and bytes per second of a compiled program by XLA's own count, and the share of the most that the
    device could do, where its peaks are known.

    XLA counts the body of a loop once, so give the program of one step.
    """
    import jax

    counted = compiled.cost_analysis() or {}
    work, traffic = counted.get("flops", 0.0), counted.get("bytes accessed", 0.0)
    found = {"gflop": work / 1e9, "gflop_per_s": work / seconds / 1e9, "gbyte_per_s": traffic / seconds / 1e9}
    kind = jax.local_devices()[0].device_kind
    for name, (operations, memory) in PEAKS.items():
        if name in kind:
            bound = max(work / operations, traffic / memory)
            found |= {"roofline_seconds": bound, "roofline_share": bound / seconds}
    return {name: float(f"{value:.4g}") for name, value in found.items()}
