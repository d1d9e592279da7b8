"""Overhead of Ray, the backlog and the store: a study whose trials do nothing.

    python benchmarks/ray_overhead.py [--trials 1000] [--workers 2] [--cohort 1] [--out FILE]

Every trial reports one score with pictures of 8x8, which is committed and drawn as in any sweep. Printed: seconds and
CPU-seconds of the driver per trial, that as a share of a trial of ten seconds, and the driver's memory on the way.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path

from idle_workers import answer_session

from ganscape.results.store import open_store
from ganscape.sweep import backlog as backlogs
from ganscape.sweep import cohort_size
from ganscape.sweep.executors import ray_tune
from ganscape.sweep.plan import plan
from ganscape.sweep.resources import ALONE, Resources

TRIAL_SECONDS = 10.0


def resident() -> float:
    """Returns the resident memory of this process in MiB."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(folder: Path, trials: int, workers: int, cohort: int) -> dict:
    """Runs one sweep of trials that do nothing, in cohorts of at most `cohort` trials."""
    settings = {"configs": trials, "images": 1280, "interval": 1280, "samples": 100}
    planned = plan("equal/wide", out=folder, methods=["ns_gan"], seeds=1, settings=settings)
    ray_tune._serve_session = answer_session  # type: ignore[assignment]
    cohort_size.COHORT_TRIALS = cohort
    marks: dict[int, tuple[float, float, float]] = {}

    def observe(backlog) -> None:
        done = len(backlog.outcomes.ended)
        if done and done % max(1, trials // 10) == 0 and done not in marks:
            marks[done] = (time.monotonic(), time.process_time(), resident())

    with ray_tune.start(folder, workers, Resources(), ALONE) as running, open_store(folder) as store:
        store.begin(planned.definition)
        store.add_protocol(planned.protocol.fingerprint, planned.protocol.describe())
        running.run(backlogs.Backlog(planned, store, workers, {}, observe), planned.workload)
        assert len(store.scores()) == trials
    (first, began), *_, (last, ended) = sorted(marks.items())
    wall, cpu = ((ended[column] - began[column]) / (last - first) for column in (0, 1))
    return {
        "trials": trials, "workers": workers, "cohort": cohort, "ms_per_trial": 1e3 * wall,
        "driver_cpu_ms_per_trial": 1e3 * cpu, "share_of_10_s": cpu / TRIAL_SECONDS,
        "driver_mib": [round(marks[done][2], 1) for done in sorted(marks)],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cohort", type=int, default=1, help="trials that a worker is given at a time")
    parser.add_argument("--out", type=Path, help="append a JSON line to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        row = measure(Path(folder) / "out", arguments.trials, arguments.workers, arguments.cohort)
    print(f"{row['trials']} trials, {row['workers']} workers, cohorts of {row['cohort']}:")
    print(f"{row['ms_per_trial']:.1f} ms a trial, {row['driver_cpu_ms_per_trial']:.1f} CPU-ms of it in the driver")
    print(f"{100 * row['share_of_10_s']:.2f} % of trials of {TRIAL_SECONDS:g} s")
    print(f"driver's memory after each tenth, MiB: {', '.join(map(str, row['driver_mib']))}")
    if arguments.out:
        with arguments.out.open("a") as file:
            machine = {"benchmark": "ray_overhead", "machine": platform.processor() or platform.machine()}
            file.write(json.dumps(machine | row) + "\n")


if __name__ == "__main__":
    main()
