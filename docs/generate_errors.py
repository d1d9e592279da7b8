"""How often the verdict of a report is wrong, and how often it finds the best: prints a table in Markdown.

python docs/generate_errors.py [--simulations 400]
"""

import argparse
import math
from collections.abc import Callable

import numpy as np
from scipy import stats

from ganscape.results import budget, ranking


def alike(rng, method: int, configs: int, k: int) -> np.ndarray:
    """Scores of one log-normal distribution."""
    return np.exp(0.8 * rng.standard_normal((configs, 1)))


def other_spreads(rng, method: int, configs: int, k: int) -> np.ndarray:
    """Returns log-normal scores, of another standard deviation for each method, of the same expected best of k."""
    sigma = (0.2, 1.5, 0.5, 1.0)[method % 4]
    unit = (np.arange(4000) + 0.5) / 4000
    lowest = stats.norm.ppf(1 - (1 - unit) ** (1 / k))  # quantiles of the lowest of k normal draws
    return np.exp(sigma * rng.standard_normal((configs, 1))) / np.exp(sigma * lowest).mean()


def mostly_hopeless(rng, method: int, configs: int, k: int) -> np.ndarray:
    """Returns scores of a study where a fifth of the configs works and the others score twenty times as much."""
    works = rng.random((configs, 1)) < 0.2
    return np.where(works, 1.0, 20.0) * np.exp(0.3 * rng.standard_normal((configs, 1)))


def one_ahead(factor: float) -> Callable:
    return lambda rng, method, configs, k: alike(rng, method, configs, k) * (factor if method else 1.0)


ROWS = [
    *((words, draw, methods, configs) for words, draw in (
        ("equal", alike), ("equal in the expected best of k alone", other_spreads),
        ("equal, a fifth of the configs works", mostly_hopeless),
    ) for methods, configs in ((2, 12), (6, 12), (6, 25))),
    ("one ahead by a factor of 2", one_ahead(2.0), 3, 25),
    ("one ahead by a factor of 4", one_ahead(4.0), 3, 25),
    ("one ahead by a factor of 4", one_ahead(4.0), 8, 50),
]  # fmt: skip


def shares(draw: Callable, methods: int, configs: int, simulations: int) -> tuple[float, float, float]:
    """Shares of studies in which the first method is called worse, any one is, and the first is named as the best."""
    rng, k, outcomes = np.random.default_rng(0), budget.comparison_budget(configs), []
    for _ in range(simulations):
        found = ranking.by_budget({str(m): draw(rng, m, configs, k) for m in range(methods)}, k)
        outcomes.append(("0" in found.worse, bool(found.worse), found.candidates == ("0",)))
    excluded, told, named = np.mean(outcomes, axis=0)
    return float(excluded), float(told), float(named)


def table(simulations: int) -> str:
    """Returns the rows as Markdown."""
    error = 100 * math.sqrt(0.05 * 0.95 / simulations)
    text = f"{simulations} studies per row, standard error {error:.1f} points at 5 %:\n\n"
    text += "| methods that are | methods | configs | best called worse | any called worse | best named alone |\n"
    text += "| --- | --- | --- | --- | --- | --- |\n"
    for words, draw, methods, configs in ROWS:
        percents = " | ".join(f"{100 * share:.1f} %" for share in shares(draw, methods, configs, simulations))
        text += f"| {words} | {methods} | {configs} | {percents} |\n"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=400)
    print(table(parser.parse_args().simulations))  # noqa: T201


if __name__ == "__main__":
    main()
