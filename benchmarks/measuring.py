"""Shared by the benchmarks: alternating measurements, lines of JSON, the description of the machine, the roofline."""

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
    """Returns a parser with the option --out, a file to append lines of JSON to."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="append one line of JSON per measurement to this file")
    return parser


def machine() -> dict[str, Any]:
    """Returns facts about the machine: date, JAX, devices, architecture, cores."""
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
    """Appends the row as a line of JSON to the file `out`, if there is one."""
    if out:
        with out.open("a") as file:
            file.write(json.dumps(row | machine()) + "\n")


def alternate(sides: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Returns (wall, CPU) seconds of every call of each side; the sides alternate. CPU seconds are of all threads."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, run in sides.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return taken


def median(pairs: list[tuple[float, float]], part: int = 0) -> float:
    """Returns the median of wall (part 0) or CPU (part 1) seconds."""
    return statistics.median(pair[part] for pair in pairs)


def ratio(above: list[tuple[float, float]], below: list[tuple[float, float]], part: int = 0) -> float:
    """Returns the median over turns of the ratio of two sides' seconds."""
    return statistics.median(a[part] / b[part] for a, b in zip(above, below, strict=True))


def roofline(compiled, seconds: float) -> dict[str, float]:
    """Returns operations and bytes per second of a compiled program by XLA's count, and its share of the roofline.

    The share is known for the devices in PEAKS. XLA counts the body of a loop once, so pass the program of one step.
    """
    import jax

    counted = compiled.cost_analysis() or {}
    work, traffic = counted.get("flops", 0.0), counted.get("bytes accessed", 0.0)
    facts = {"gflop": work / 1e9, "gflop_per_s": work / seconds / 1e9, "gbyte_per_s": traffic / seconds / 1e9}
    kind = jax.local_devices()[0].device_kind
    for name, (operations, memory) in PEAKS.items():
        if name in kind:
            bound = max(work / operations, traffic / memory)
            facts |= {"roofline_seconds": bound, "roofline_share": bound / seconds}
    return {name: float(f"{value:.4g}") for name, value in facts.items()}
