"""Searchers against each other on formulas: rounds of ten, judged by the best config found.

    python benchmarks/searchers.py [--searchers gp_bandit,skopt] [--functions branin] [--seeds 5] [--out FILE]

Regret is how far the noise-free value of a config is above the lowest there is: `best`, of the best config tried, and
`chosen`, of the one whose observed score was the lowest, which is the one that a user would take. The median over
seeds is printed with the order statistics around it that hold the true median with at least 90 %, or all with fewer
than five seeds. Names are those of the searchers, and `qlognei` of BoTorch; the slow ones, `skopt`, `optuna_gp` and
`qlognei`, only run when they are named.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib.util
import json
import math
import platform
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from ganscape.search_spaces import Choice, Integer, LogUniform, Space, Uniform
from ganscape.sweep.searchers import SEARCHERS, Observation
from ganscape.sweep.searchers.coordinates import Coordinates, rows
from ganscape.sweep.searchers.sequences import Sobol

BATCH = 10
COVERAGE = 0.9
DEFAULT = ("random", "sobol", "gp_bandit", "gp_ei", "optuna_tpe")


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


class QLogNEI:
    """BoTorch's noisy expected improvement of a batch (Ament et al. 2023), its settings as they come."""

    def __init__(self, space: Space, seed: tuple[int, ...]):
        self.space, self.seed, self.sequence = space, seed, Sobol(space, seed)
        self.observations: list[Observation] = []

    def tell(self, observations: list[Observation]) -> None:
        self.observations += observations
        self.sequence.tell(observations)

    def ask(self, count: int) -> list[dict]:
        if not self.observations:
            return self.sequence.ask(count)
        import torch
        from botorch.acquisition.logei import qLogNoisyExpectedImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood

        torch.set_num_threads(1)
        torch.manual_seed(int(np.random.default_rng(self.seed).integers(2**31)))
        coordinates = Coordinates(self.space)
        points, found = rows(coordinates, self.observations)
        inputs = torch.tensor(coordinates.box.transform(points), dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SingleTaskGP(inputs, torch.tensor(-found, dtype=torch.float64)[:, None])
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            acquisition = qLogNoisyExpectedImprovement(model, inputs, prune_baseline=True)
            bounds = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, inputs.shape[1])
            asked, _ = optimize_acqf(acquisition, bounds, count, num_restarts=4, raw_samples=128, sequential=True)
        places = coordinates.box.inverse_transform(asked.numpy())
        return self.sequence.completed([coordinates.settings(place) for place in places], count)


ENGINES = SEARCHERS | {"qlognei": QLogNEI}
PACKAGES = {"optuna_tpe": "optuna", "optuna_gp": "optuna", "qlognei": "botorch"}


def batches(name: str, space: Space, seed: int, rounds: int):
    """A generator that yields a batch of settings and is sent all observations so far."""
    known: list[Observation] = []
    for number in range(rounds):
        searcher = ENGINES[name](space, (seed, 0, number))
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
    parser.add_argument("--searchers", default=",".join(DEFAULT), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--functions", default=",".join(FUNCTIONS), help=f"of {', '.join(FUNCTIONS)}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--out", type=Path, help="append one JSON line per search to this file")
    given = parser.parse_args()
    names = given.searchers.split(",")
    for name, package in PACKAGES.items():
        if name in names and importlib.util.find_spec(package) is None:
            print(f"{name} is left out: {package} is not installed")
            names.remove(name)
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
