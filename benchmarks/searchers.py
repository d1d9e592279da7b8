"""Compares searchers on functions with known minima and on recorded sweeps: rounds of ten, judged by the best config.

    python benchmarks/searchers.py [--searchers gp_bandit,skopt] [--functions branin] [--seeds 5] [--out FILE]
    python benchmarks/searchers.py --functions equal_wide_mnist16/wgan_gp,equal_wide_mnist16/ns_gan

A recorded sweep is STUDY/METHOD, of `ganscape.recorded` or an output folder: its surrogate answers for every config,
with the noise between its seeds, and its error on configs unknown to it is printed. Its minimum is the lowest of what
the surrogate says of POINTS random configs.

Regret is the noise-free value of a config minus the minimum: `best` for the best config tried, `chosen` for the config
with the lowest observed score, which a user would take. The median over seeds is printed with order statistics that
contain the true median with at least 90 %, or with the extremes for fewer than five seeds. The searchers are those of
sweeps, and `qlognei` of BoTorch; the slow ones, `skopt`, `optuna_gp` and `qlognei`, only run if named.
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

import ganscape
from ganscape.benchmark import Surrogate, Tabular
from ganscape.search_spaces import Choice, Integer, LogUniform, Space, Uniform
from ganscape.search_spaces.descriptions import read_space
from ganscape.sweep.searchers import SEARCHERS, Observation
from ganscape.sweep.searchers.coordinates import Coordinates, training_data
from ganscape.sweep.searchers.sequences import Random, Sobol

BATCH = 10
POINTS = 4096
COVERAGE = 0.9
DEFAULT = ("random", "sobol", "gp_bandit", "gp_ei", "optuna_tpe")


class Function(NamedTuple):
    """A function to minimise.

    value: settings -> noise-free value. lowest: its minimum. noise: standard deviation of the logarithm of the noise.
    """

    space: Space
    value: Callable[[dict], float]
    lowest: float
    noise: float


def branin(settings: dict) -> float:
    """The Branin function (Dixon and Szego 1978)."""
    x, y = settings["x"], settings["y"]
    return (
        (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
    )


def hartmann6(settings: dict) -> float:
    """The Hartmann function of six variables (Dixon and Szego 1978)."""
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
    """Returns the value of a surface like that of a GAN's FID: a valley along the ratio of the learning rates, a cliff
    at high rates."""
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


def recorded_function(name: str) -> Function:
    """Returns the surrogate of a recorded sweep's method as a function; prints how good it is."""
    study, _, method = name.rpartition("/")
    table = Tabular(ganscape.load(study) if Path(study).is_dir() else ganscape.recorded(study))
    surrogate = Surrogate(table, method)
    print(f"{name}: {surrogate}, noise {surrogate.noise:.3f}", flush=True)
    space = read_space(table.results.study["methods"][method])
    draws = Random(space, (0,)).ask(POINTS)
    return Function(space, surrogate.predict, min(surrogate.predict_all(draws)), surrogate.noise)


class QLogNEI:
    """BoTorch's noisy expected improvement of a batch (Ament et al. 2023), with default settings."""

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
        points, values = training_data(coordinates, self.observations)
        inputs = torch.tensor(coordinates.box.transform(points), dtype=torch.float64)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SingleTaskGP(inputs, torch.tensor(-values, dtype=torch.float64)[:, None])
            fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
            acquisition = qLogNoisyExpectedImprovement(model, inputs, prune_baseline=True)
            bounds = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, inputs.shape[1])
            proposals, _ = optimize_acqf(acquisition, bounds, count, num_restarts=4, raw_samples=128, sequential=True)
        chosen = coordinates.box.inverse_transform(proposals.numpy())
        return self.sequence.complete([coordinates.settings(point) for point in chosen], count)


ENGINES = SEARCHERS | {"qlognei": QLogNEI}
PACKAGES = {"optuna_tpe": "optuna", "optuna_gp": "optuna", "qlognei": "botorch"}


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
        for settings in batch:
            value = function.value(settings)
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
    parser.add_argument("--functions", default=",".join(FUNCTIONS), help=f"of {', '.join(FUNCTIONS)}, STUDY/METHOD")
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
    for function in arguments.functions.split(","):
        sought = FUNCTIONS[function] if function in FUNCTIONS else recorded_function(function)
        for name in names:
            searches = [search(name, sought, seed, arguments.rounds) for seed in range(arguments.seeds)]
            cells = []
            for column in ("half", "best", "chosen"):
                cells.append(
                    "{} {:7.3f} [{:7.3f}, {:7.3f}]".format(column, *interval([row[column] for row in searches]))
                )
            seconds = np.mean([row["cpu_s"] for row in searches])
            print(f"{function:10s} {name:10s} {'   '.join(cells)}   {seconds:6.2f} CPU-s a round", flush=True)
            if arguments.out:
                about = {"benchmark": "searchers", "function": function, "searcher": name, "rounds": arguments.rounds}
                machine = {"machine": platform.processor() or platform.machine()}
                with arguments.out.open("a") as file:
                    for seed, row in enumerate(searches):
                        file.write(json.dumps(about | {"seed": seed} | row | machine) + "\n")


if __name__ == "__main__":
    main()
