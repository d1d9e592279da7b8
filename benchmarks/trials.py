"""Trials per hour against the baseline benchmarks/naive_ray_jax.py.

    python benchmarks/trials.py [--scales smoke,laptop] [--trials 100,20] [--naive 8,4] [--workers 2] [--out FILE]

Ours is a whole study, from an empty folder and an empty compilation cache to the last score, on the executor `local`.
All trials of the baseline cost about the same, so only a few are run, half of them before ours and half after. Each
half is a multiple of the workers, so that none of them is idle. The baseline's rate is computed from these, from its
first process to its last score. On a busy machine compare the ratio of the workers' CPU seconds per trial.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import options, write

SCALES = {"smoke": (160_000, 40_000), "laptop": (1_000_000, 200_000)}


def naive(scale: str, trials: int, workers: int) -> dict:
    """Runs naive_ray_jax.py. Returns the row that it prints."""
    images, interval = SCALES[scale]
    script = Path(__file__).with_name("naive_ray_jax.py")
    numbers = {"trials": trials, "images": images, "interval": interval, "workers": workers}
    command = [sys.executable, str(script), *(word for name, n in numbers.items() for word in (f"--{name}", str(n)))]
    paths = os.pathsep.join([str(script.parents[1]), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as home:
        variables = os.environ | {"PYTHONPATH": paths}
        done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True, cwd=home)
    return json.loads(done.stdout.splitlines()[-1])


def ours(scale: str, trials: int, workers: int) -> dict:
    """Runs a study of method ns_gan with `trials` trials, two seeds per config. Returns its wall and CPU seconds."""
    from ganscape.sweep.driver import run_study
    from ganscape.sweep.plan import plan
    from ganscape.sweep.rounds import count_trials

    began, before = time.perf_counter(), _cpu_of_children()
    with tempfile.TemporaryDirectory() as out:
        planned = plan(
            "equal/wide", out=out, methods=["ns_gan"], scale=scale, seeds=2, settings={"configs": trials // 2}
        )
        run_study(planned, out, workers=workers)
    return {
        "trials": count_trials(planned),
        "seconds": time.perf_counter() - began,
        "cpu_seconds": _cpu_of_children() - before,
    }


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--scales", default="smoke,laptop")
    parser.add_argument("--trials", default="100,20", help="ours, for each scale")
    parser.add_argument("--naive", default="8,4", help="the naive one's at least, for each scale")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    for scale, trials, few in zip(
        *(text.split(",") for text in (arguments.scales, arguments.trials, arguments.naive)), strict=True
    ):
        half = -(-int(few) // (2 * arguments.workers)) * arguments.workers
        before = naive(scale, half, arguments.workers)
        study = ours(scale, int(trials), arguments.workers)
        parts = [before, naive(scale, half, arguments.workers)]
        naive_cpu = [seconds for part in parts for seconds in part["cpu_seconds"]]
        naive_rate = len(naive_cpu) / sum(part["seconds"] for part in parts) * 3600
        row = {
            "benchmark": "trials",
            "scale": scale,
            "workers": arguments.workers,
            "trials": study["trials"],
            "naive_trials": len(naive_cpu),
            "trials_per_hour": round(study["trials"] / study["seconds"] * 3600, 1),
            "naive_trials_per_hour": round(naive_rate, 1),
            "cpu_seconds_per_trial": round(study["cpu_seconds"] / study["trials"], 2),
            "naive_cpu_seconds_per_trial": round(sum(naive_cpu) / len(naive_cpu), 2),
        }
        row["ratio"] = round(row["trials_per_hour"] / naive_rate, 2)
        row["ratio_cpu_seconds"] = round(row["naive_cpu_seconds_per_trial"] / row["cpu_seconds_per_trial"], 2)
        print(
            f"{scale:7s} ours {row['trials_per_hour']:8.1f} trials/h ({row['cpu_seconds_per_trial']:.2f} CPU-s each)  "
            f"naive {row['naive_trials_per_hour']:7.1f} ({row['naive_cpu_seconds_per_trial']:.2f})  "
            f"ratio {row['ratio']:.1f}, of CPU seconds {row['ratio_cpu_seconds']:.1f}",
            flush=True,
        )
        write(arguments.out, row)


if __name__ == "__main__":
    main()
