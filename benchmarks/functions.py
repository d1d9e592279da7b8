"""What benchmarks of searchers minimise: formulas with known minima, and surrogates of recorded sweeps."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import ganscape
from ganscape.benchmark import Surrogate, Tabular
from ganscape.results.surrogate import FEWEST
from ganscape.search_spaces import Choice, Integer, LogUniform, Space, Uniform
from ganscape.search_spaces.descriptions import read_space
from ganscape.sweep.searchers.sequences import Random

POINTS = 4096
KNOWN = 0.6  # the rank correlation from which on a surrogate is taken for its table


class Function(NamedTuple):
    """A function to minimise.

    values: settings of several configs -> their noise-free values. lowest: its minimum. noise: standard deviation of
      the logarithm of the noise.
    """

    space: Space
    values: Callable[[list[dict]], list[float]]
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
        lambda configs: list(map(branin, configs)),
        0.397887,
        0.0,
    ),
    "hartmann6": Function(
        Space({}, {field: Uniform(0.0, 1.0) for field in "abcdef"}, (), "Dixon and Szego 1978"),
        lambda configs: list(map(hartmann6, configs)),
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
        lambda configs: list(map(gan, configs)),
        12.0,
        0.1,
    ),
}


def recorded_functions(name: str) -> dict[str, Function]:
    """Returns the surrogates of a recorded sweep's methods as functions by name; prints how good each is.

    name: STUDY/METHOD, or STUDY for all methods whose surrogate has a rank correlation of KNOWN or more; of
    `ganscape.recorded` or an output folder.
    """
    path, _, method = name.rpartition("/")
    alone = bool(path) and not Path(name).is_dir()
    study = path if alone else name
    table = Tabular(ganscape.load(study) if Path(study).is_dir() else ganscape.recorded(study))
    found = {}
    for each in [method] if alone else table.methods:
        if not alone and len(table.configs(each)) < FEWEST:
            continue
        surrogate = Surrogate(table, each)
        print(f"{study}/{each}: {surrogate}, noise {surrogate.noise:.3f}", flush=True)
        if alone or surrogate.error.rank_correlation >= KNOWN:
            space = read_space(table.results.study["methods"][each])
            draws = surrogate.predict_all(Random(space, (0,)).ask(POINTS))
            found[f"{study}/{each}"] = Function(space, surrogate.predict_all, min(draws), surrogate.noise)
    return found
