"""Overhead of the driver and the store of a sweep, as shares of the workers' CPU seconds and of wall time.

    python benchmarks/overhead.py [--trials 16] [--scale smoke] [--workers 2] [--out FILE]

The driver's CPU seconds are of all work of the process that was started: assigning cohorts, receiving messages, saving
samples, committing. The store's seconds are wall time inside its append functions, durable commits included.
"""

import os
import resource
import tempfile
import time

from measuring import options, write

from ganscape.results.store import Store
from ganscape.sweep.driver import run_study
from ganscape.sweep.plan import plan
from ganscape.sweep.rounds import count_trials

APPENDS = ("begin", "add_environment", "add_protocol", "add_trials", "add_scores", "add_failure", "add_programs")


def timed(name: str, spent: dict[str, float]):
    """Returns the method of Store of this name, wrapped to add its wall seconds to spent["store"]."""
    append = getattr(Store, name)

    def method(self, *arguments, **options):
        began = time.perf_counter()
        try:
            return append(self, *arguments, **options)
        finally:
            spent["store"] += time.perf_counter() - began

    return method


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--scale", default="smoke")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    spent = {"store": 0.0}
    for name in APPENDS:
        setattr(Store, name, timed(name, spent))
    with tempfile.TemporaryDirectory() as out:
        settings = {"configs": arguments.trials // 2}
        planned = plan("equal/wide", out=out, methods=["ns_gan"], scale=arguments.scale, seeds=2, settings=settings)
        began, driver = time.perf_counter(), time.process_time()
        run_study(planned, out, workers=arguments.workers)
        wall, driver = time.perf_counter() - began, time.process_time() - driver
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    workers = used.ru_utime + used.ru_stime
    row = {
        "benchmark": "overhead",
        "trials": count_trials(planned),
        "scale": arguments.scale,
        "wall_s": round(wall, 1),
        "workers_cpu_s": round(workers, 1),
        "driver_cpu_s": round(driver, 2),
        "store_s": round(spent["store"], 3),
        "driver_over_workers": round(driver / workers, 4),
        "driver_over_wall": round(driver / wall, 4),
        "store_over_wall": round(spent["store"] / wall, 4),
    }
    print(
        f"{row['trials']} trials in {wall:.1f} s: driver {driver:.2f} CPU-s ({row['driver_over_workers']:.1%} of the "
        f"workers', {row['driver_over_wall']:.1%} of wall time), store {spent['store']:.2f} s "
        f"({row['store_over_wall']:.1%} of wall time)"
    )
    write(arguments.out, row)


if __name__ == "__main__":
    main()
