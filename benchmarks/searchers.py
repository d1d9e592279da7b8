"""Compares searchers on functions with known minima and on recorded sweeps: rounds of ten, judged by the best config.

    python benchmarks/searchers.py [--searchers gp_bandit,skopt] [--functions branin] [--seeds 5] [--out FILE]
    python benchmarks/searchers.py --functions equal_wide_mnist16 --rounds 4
    python benchmarks/searchers.py --functions equal_wide_mnist16/wgan_gp,runs/laptop/vae

A recorded sweep is STUDY/METHOD, of `ganscape.recorded` or an output folder: its surrogate answers for every config,
with the noise between its seeds, and its error on configs unknown to it is printed. Its minimum is the lowest of what
the surrogate says of 4,096 random configs. STUDY stands for those of its methods whose surrogate is not too bad. At the
end the ratio of the best value to the lowest is compared over all recorded functions: the geometric mean, and how often
each searcher ends lower than random search on the same function and seed.

Regret is the noise-free value of a config minus the minimum: `best` for the best config tried, `chosen` for the config
with the lowest observed score, which a user would take. The median over seeds is printed with order statistics that
contain the true median with at least 90 %, or with the extremes for fewer than five seeds. The searchers are those of
sweeps, `qlognei` of BoTorch and `syne_kde`, that of BOHB in Syne Tune; the slow ones, `skopt`, `optuna_gp` and
`qlognei`, only run if named.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib.util
import json
import math
import platform
import time
from pathlib import Path

import numpy as np
from foreign_searchers import QLogNEI, SyneTuneKDE
from functions import FUNCTIONS, Function, recorded_functions
from scipy.stats import binom

from ganscape.search_spaces import Space
from ganscape.sweep.searchers import SEARCHERS, Observation

BATCH = 10
COVERAGE = 0.9
DEFAULT = ("random", "sobol", "gp_bandit", "gp_ei", "optuna_tpe", "syne_kde")


ENGINES = SEARCHERS | {"qlognei": QLogNEI, "syne_kde": SyneTuneKDE}
PACKAGES = {"optuna_tpe": "optuna", "optuna_gp": "optuna", "qlognei": "botorch", "syne_kde": "syne_tune"}


def batches(name: str, space: Space, seed: int, rounds: int):
    """Yields batches of settings; is sent all observations so far after each."""
    observations: list[Observation] = []
    for number in range(rounds):
        searcher = ENGINES[name](space, (seed, 0, number))
        searcher.tell(observations)
        observations = yield searcher.ask(BATCH)


def search(name: str, function: Function, seed: int, rounds: int) -> dict:
    """Runs one search. Returns its regrets, and the searcher's CPU seconds per round."""
    noise = np.random.default_rng([seed, 1])
    proposals, observations, values = batches(name, function.space, seed, rounds), [], []
    seconds, batch = -time.process_time(), next(proposals)
    while batch is not None:
        seconds += time.process_time()
        for settings, value in zip(batch, function.values(batch), strict=True):
            values.append(value)
            observations.append(Observation(settings, (value * math.exp(function.noise * noise.standard_normal()),)))
        seconds -= time.process_time()
        try:
            batch = proposals.send(list(observations))
        except StopIteration:
            batch = None
    seconds += time.process_time()
    chosen = min(range(len(observations)), key=lambda index: observations[index].scores[0])
    return {
        "half": min(values[: len(values) // 2]) - function.lowest,
        "best": min(values) - function.lowest,
        "chosen": values[chosen] - function.lowest,
        "cpu_s": seconds / rounds,
    }


def interval(values: list[float]) -> tuple[float, float, float]:
    """Returns the median, and the innermost order statistics that cover the true one with COVERAGE."""
    ordered, count = sorted(values), len(values)
    covering = [k for k in range(count // 2) if 1 - 2 * binom.cdf(k, count, 0.5) >= COVERAGE]
    edge = max(covering, default=0)
    return float(np.median(ordered)), ordered[edge], ordered[-1 - edge]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searchers", default=",".join(DEFAULT), help=f"of {', '.join(ENGINES)}")
    parser.add_argument(
        "--functions", default=",".join(FUNCTIONS), help=f"of {', '.join(FUNCTIONS)}, STUDY, STUDY/METHOD"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--out", type=Path, help="append one JSON line per search to this file")
    arguments = parser.parse_args()
    names = arguments.searchers.split(",")
    for name, package in PACKAGES.items():
        if name in names and importlib.util.find_spec(package) is None:
            print(f"{name} is left out: {package} is not installed")
            names.remove(name)
    print(f"median regret over {arguments.seeds} seeds after {arguments.rounds} rounds of {BATCH}")
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for function in arguments.functions.split(","):
        sought = {function: FUNCTIONS[function]} if function in FUNCTIONS else recorded_functions(function)
        for label, each in sought.items():
            for name in names:
                searches = [search(name, each, seed, arguments.rounds) for seed in range(arguments.seeds)]
                report(label, name, searches)
                if function not in FUNCTIONS:
                    ratios[name] += [1 + row["best"] / each.lowest for row in searches]
                if arguments.out:
                    append(arguments.out, label, name, arguments.rounds, searches)
    if any(ratios.values()):
        compare(ratios)


def report(function: str, name: str, searches: list[dict]) -> None:
    """Prints the regrets of the searches of one searcher on a function."""
    cells = [
        "{} {:7.3f} [{:7.3f}, {:7.3f}]".format(column, *interval([row[column] for row in searches]))
        for column in ("half", "best", "chosen")
    ]
    seconds = np.mean([row["cpu_s"] for row in searches])
    print(f"{function:10s} {name:10s} {'   '.join(cells)}   {seconds:6.2f} CPU-s a round", flush=True)


def compare(ratios: dict[str, list[float]]) -> None:
    """Prints how far above the lowest value each searcher ends over all recorded functions and seeds, and how often
    lower and higher than random search."""
    print(
        "\nover recorded functions and seeds: best value / lowest, geometric mean; searches lower, higher than random"
    )
    for name, found in ratios.items():
        mean = float(np.exp(np.mean(np.log(found))))
        pairs = list(zip(found, ratios.get("random", found), strict=True))
        lower, higher = sum(own < other for own, other in pairs), sum(own > other for own, other in pairs)
        print(f"{name:10s} {mean:6.3f}   {lower:3d} {higher:3d} of {len(pairs)}")


def append(path: Path, function: str, name: str, rounds: int, searches: list[dict]) -> None:
    """Appends a JSON line per search to a file."""
    about = {"benchmark": "searchers", "function": function, "searcher": name, "rounds": rounds}
    machine = {"machine": platform.processor() or platform.machine()}
    with path.open("a") as file:
        for seed, row in enumerate(searches):
            file.write(json.dumps(about | {"seed": seed} | row | machine) + "\n")


if __name__ == "__main__":
    main()
