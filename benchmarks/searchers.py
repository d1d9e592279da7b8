"""Searchers against each other on formulas: rounds of ten, judged by the best config found.

    python benchmarks/searchers.py [--searchers gp_bandit,skopt] [--functions branin] [--seeds 5] [--out FILE]

Regret is how far the noise-free value of a config is above the lowest there is: `best`, of the best config tried, and
`chosen`, of the one whose observed score was the lowest, which is the one that a user would take. The median over
seeds is printed with the order statistics around it that hold the true median with at least 90 %, or all with fewer
than five seeds. `skopt` takes minutes per run and only runs when it is named.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib.util
import json
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from search_spaces import Choice, Integer, LogUniform, Space, Uniform
from sweep.searchers import SEARCHERS, Observation
from sweep.searchers.coordinates import inner

BATCH = 10
COVERAGE = 0.9
DEFAULT = ("random", "sobol", "gp_bandit", "gp_ei", "tpe")


class Function(NamedTuple):
    """A space, settings -> noise-free value, the lowest there is, and the sd of the logarithm of the noise."""

    space: Space
    value: Callable[[dict], float]
    lowest: float
    noise: float


def branin(settings: dict) -> float:
    """Dixon and Szego 1978."""
    x, y = settings["x"], settings["y"]
    return (
        (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
    )


def hartmann6(settings: dict) -> float:
    """Dixon and Szego 1978, six variables."""
    a = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    p = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
    x = np.array([settings[field] for field in "abcdef"])
    return -float(np.dot([1.0, 1.2, 3.0, 3.2], np.exp(-np.sum(np.array(a) * (x - np.array(p)) ** 2, axis=1))))


def gan(settings: dict) -> float:
    """A surface like that of a GAN's FID: a valley along the ratio of the rates, a cliff where rates are too high."""
    g, d = math.log10(settings["g_lr"]), math.log10(settings["d_lr"])
    loss = {"non_saturating": 0.0, "hinge": 0.05, "least_squares": 0.3}[settings["loss"]]
    logarithm = (
        0.35 * (g + 3.7) ** 2
        + 0.5 * (d - g - 0.3) ** 2
        + 0.8 * (settings["beta1"] - 0.3) ** 2
        + 1.5 * (settings["ema_decay"] - 0.9) ** 2
        + 0.15 * math.log(settings["z_dim"] / 128) ** 2
        + 0.1 * (settings["disc_iters"] - 2) ** 2
        + loss
    )
    cliff = 1 / (1 + math.exp(-6 * (max(g, d) + 2.3)))
    return 12 * math.exp((1 - cliff) * min(logarithm, 3.4) + cliff * 3.4)


FUNCTIONS = {
    "branin": Function(
        Space({}, {"x": Uniform(-5.0, 10.0), "y": Uniform(0.0, 15.0)}, (), "Dixon and Szego 1978"),
        branin,
        0.397887,
        0.0,
    ),
    "hartmann6": Function(
        Space({}, {field: Uniform(0.0, 1.0) for field in "abcdef"}, (), "Dixon and Szego 1978"),
        hartmann6,
        -3.32237,
        0.0,
    ),
    "gan": Function(
        Space(
            {},
            {
                "g_lr": LogUniform(1e-5, 1e-1),
                "d_lr": LogUniform(1e-5, 1e-1),
                "beta1": Uniform(0.0, 1.0),
                "ema_decay": Uniform(0.0, 1.0),
                "z_dim": Integer(16, 512),
                "disc_iters": Integer(1, 5),
                "loss": Choice(("non_saturating", "hinge", "least_squares")),
            },
            (),
            "",
        ),
        gan,
        12.0,
        0.1,
    ),
}


class Tpe:
    """Optuna's tree of Parzen estimators, kept over all rounds."""

    def __init__(self, space: Space, seed: int):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(
            seed=seed, multivariate=True, constant_liar=True, warn_independent_sampling=False
        )
        self.space, self.study, self.trials = space, optuna.create_study(sampler=sampler), []

    def ask(self, count: int) -> list[dict]:
        self.trials = [self.study.ask() for _ in range(count)]
        return [{field: self._suggest(trial, field) for field in self.space.dimensions} for trial in self.trials]

    def _suggest(self, trial, field: str) -> Any:
        dimension = inner(self.space.dimensions[field])
        if isinstance(dimension, Choice):
            return trial.suggest_categorical(field, list(dimension.options))
        if isinstance(dimension, Integer):
            return trial.suggest_int(field, dimension.low, dimension.high)
        return trial.suggest_float(field, dimension.low, dimension.high, log=isinstance(dimension, LogUniform))

    def tell(self, observations: list[Observation]) -> None:
        for trial, observation in zip(self.trials, observations[-len(self.trials) :], strict=True):
            self.study.tell(trial, observation.scores[0])


def batches(name: str, space: Space, seed: int, rounds: int):
    """A generator that yields a batch of settings and is sent all observations so far."""
    known: list[Observation] = []
    kept = Tpe(space, seed) if name == "tpe" else None
    for number in range(rounds):
        searcher = SEARCHERS[name](space, (seed, 0, number)) if kept is None else kept
        if known or kept is None:
            searcher.tell(known)
        known = yield searcher.ask(BATCH)


def search(name: str, function: Function, seed: int, rounds: int) -> dict:
    """One search: regrets, and CPU seconds per round of the searcher."""
    noise = np.random.default_rng([seed, 1])
    asking, known, true = batches(name, function.space, seed, rounds), [], []
    seconds, batch = -time.process_time(), next(asking)
    while batch is not None:
        seconds += time.process_time()
        for settings in batch:
            value = function.value(settings)
            true.append(value)
            known.append(Observation(settings, (value * math.exp(function.noise * noise.standard_normal()),)))
        seconds -= time.process_time()
        try:
            batch = asking.send(list(known))
        except StopIteration:
            batch = None
    seconds += time.process_time()
    chosen = min(range(len(known)), key=lambda index: known[index].scores[0])
    return {
        "half": min(true[: len(true) // 2]) - function.lowest,
        "best": min(true) - function.lowest,
        "chosen": true[chosen] - function.lowest,
        "cpu_s": seconds / rounds,
    }


def interval(values: list[float]) -> tuple[float, float, float]:
    """The median, and the innermost order statistics that hold the true one with COVERAGE, or the outermost."""
    ordered, count = sorted(values), len(values)
    covering = [k for k in range(count // 2) if 1 - 2 * binom.cdf(k, count, 0.5) >= COVERAGE]
    edge = max(covering, default=0)
    return float(np.median(ordered)), ordered[edge], ordered[-1 - edge]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searchers", default=",".join(DEFAULT), help=f"of {', '.join([*SEARCHERS, 'tpe'])}")
    parser.add_argument("--functions", default=",".join(FUNCTIONS), help=f"of {', '.join(FUNCTIONS)}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--out", type=Path, help="append one JSON line per search to this file")
    given = parser.parse_args()
    names = given.searchers.split(",")
    if "tpe" in names and importlib.util.find_spec("optuna") is None:
        print("tpe is left out: optuna is not installed")
        names.remove("tpe")
    print(f"median regret over {given.seeds} seeds after {given.rounds} rounds of {BATCH}")
    for function in given.functions.split(","):
        for name in names:
            found = [search(name, FUNCTIONS[function], seed, given.rounds) for seed in range(given.seeds)]
            cells = []
            for column in ("half", "best", "chosen"):
                cells.append("{} {:7.3f} [{:7.3f}, {:7.3f}]".format(column, *interval([row[column] for row in found])))
            seconds = np.mean([row["cpu_s"] for row in found])
            print(f"{function:10s} {name:10s} {'   '.join(cells)}   {seconds:6.2f} CPU-s a round", flush=True)
            if given.out:
                about = {"benchmark": "searchers", "function": function, "searcher": name, "rounds": given.rounds}
                machine = {"machine": platform.processor() or platform.machine()}
                with given.out.open("a") as file:
                    for seed, row in enumerate(found):
                        file.write(json.dumps(about | {"seed": seed} | row | machine) + "\n")


if __name__ == "__main__":
    main()
