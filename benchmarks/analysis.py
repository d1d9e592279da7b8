"""Time to read and summarise large sweeps: budget curves against a bootstrap, and an output folder from load to report.

    python benchmarks/analysis.py [--scores 100000] [--out benchmarks/analysis.jsonl]

Curves: 10 methods with 100,000 scores each; naive is a bootstrap of 1000 resamples for one of them, at 20 budgets. Both
run in one process, so compare their ratio: seconds depend on the machine and its load. The folders hold --scores scores
of 10 methods, with ten rungs per trial and with one. Seconds are CPU seconds, imports included.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ganscape.results import budget, frames, report, store

FAMILIES, SCORES, RESAMPLES = 10, 100_000, 1000
SETTINGS = {f"setting_{i}": value for i, value in enumerate(["adam", "none", 64, 0.999, "mlp", 1.0, 5, "normal"] * 2)}
NAIVE_BUDGETS = np.unique(np.geomspace(1, 1000, 20).astype(int))  # to k = 1000 only: beyond it takes minutes


def naive_curve(scores: np.ndarray) -> list[float]:
    """Returns the mean minimum over resamples of k scores, for each budget k."""
    rng = np.random.default_rng(0)
    return [np.mean([rng.choice(scores, k).min() for _ in range(RESAMPLES)]) for k in NAIVE_BUDGETS]


def seconds(work: Callable) -> float:
    """Returns the CPU seconds that a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def curves() -> dict:
    """Returns the seconds of budget curves: ours, those of Lucic et al. 2018, and the naive bootstrap's."""
    scores = np.random.default_rng(0).lognormal(3, 1, (FAMILIES, SCORES))
    budget.expected_best_curve(scores[0, :100])
    row = {"case": f"curves of {FAMILIES} x {SCORES:,} scores"}
    row["ours_s"] = round(
        min(seconds(lambda: [budget.expected_best_curve(row) for row in scores]) for _ in range(3)), 3
    )
    row["lucic_s"] = round(seconds(lambda: [budget.lucic_curve(row) for row in scores]), 3)
    row["naive_s"] = round(FAMILIES * seconds(lambda: naive_curve(scores[0])), 2)
    return row | {"naive_over_ours": round(row["naive_s"] / row["ours_s"], 1)}


def folder(path: Path, trials: int, count: int) -> None:
    """Writes an output folder with random scores: `trials` per method, `count` rungs each."""
    rng = np.random.default_rng(0)
    names = [f"method{i}" for i in range(FAMILIES)]
    rungs = [1000 * (i + 1) for i in range(count)]
    with store.open_store(path) as out:
        out.begin({"study": "benchmark", "methods": {name: {} for name in names}, "seeds": 1, "configs": trials,
                   "rungs": rungs, "metric": "fd_digits", "protocol": "p", "data": "digits"})  # fmt: skip
        out.add_protocol("p", {"metric": "fd_digits"})
        for name in names:
            draws = rng.random((trials, 2))
            settings = [SETTINGS | {"loss": name, "g_lr": float(lr), "beta1": float(b)} for lr, b in draws]
            rows = [{"trial": f"{name}-{i}", "config": f"{name}-{i}", "method": name, "seed": 0, "structure": "s",
                     "settings": values} for i, values in enumerate(settings)]  # fmt: skip
            out.add_trials(0, rows)
            values = rng.lognormal(3, 1, (trials, count))
            out.add_scores([{"trial": f"{name}-{i}", "rung": rung, "images": rung, "metric": "fd_digits",
                             "value": values[i, r], "protocol": "p", "attempt": 0, "seconds": rung / 1e3}
                            for i in range(trials) for r, rung in enumerate(rungs)])  # fmt: skip


def whole(trials: int, rungs: int) -> dict:
    """Returns the seconds to load and report a folder with so many trials per method and rungs per trial."""
    row: dict = {"case": f"{FAMILIES} x {trials:,} trials of {rungs} rungs"}
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "out"
        folder(path, trials, rungs)
        row["load_s"] = round(seconds(lambda: frames.load(path)), 2)
        sweep = frames.load(path)
        row["per_trial_s"] = round(seconds(sweep.per_trial), 2)
        row["scores_s"] = round(seconds(sweep.scores), 2)
        row["report_s"] = round(seconds(lambda: report.render(sweep)), 2)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=int, default=100_000)
    parser.add_argument("--out", type=Path, help="append one JSON line per case to this file")
    options = parser.parse_args()
    about = {"benchmark": "analysis", "pandas": pd.__version__, "machine": platform.processor() or platform.machine()}
    per_method = options.scores // FAMILIES
    for row in (curves(), whole(per_method // 10, 10), whole(per_method, 1)):
        print("   ".join(f"{name} {value}" for name, value in row.items()))
        if options.out:
            with options.out.open("a") as file:
                file.write(json.dumps(row | about) + "\n")


if __name__ == "__main__":
    main()
