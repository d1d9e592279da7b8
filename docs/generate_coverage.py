"""How often the intervals of `results` cover the truth, as the table of docs/statistics.md.

    python docs/generate_coverage.py [--write] [--simulations 2000]

Prints the table; --write puts it between the marks of docs/statistics.md.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import integrate, stats

from ganscape.results import budget, comparisons, incumbents, interquartile, statistics
from ganscape.results.agreement import rank_agreement

PAGE = Path(__file__).parent / "statistics.md"
MARKS = "<!-- coverage -->\n", "<!-- end of coverage -->\n"


def expected_best(n: int, k: int, draw: Callable, truth: float):
    return lambda rng: [(budget.interval(draw(rng, n), k), truth)]


def best_of_lognormal(k: int) -> float:
    return integrate.quad(lambda x: stats.lognorm.sf(x, 1.0) ** k, 0, np.inf)[0]


def mean(draw: Callable, n: int, truth: float):
    return lambda rng: [(statistics.mean(draw(rng, n))[1:], truth)]


def components(sizes: list[int], noise: Callable):
    """Configs of deviation 2 and seeds of deviation 1: the share between configs is 0.8."""

    def draw(rng):
        found = statistics.variance_components([rng.normal(0, 2) + noise(rng, size) for size in sizes])
        return [(found.seeds[1:], 1.0), (found.share[1:], 0.8)]

    return draw


def improvement(n: int, m: int, shift: float, seeds: int = 1):
    def draw(rng):
        x, y = rng.normal(size=(n, 1)), rng.normal(shift, 1, (m, 1))
        x, y = (each + 0.3 * rng.normal(size=(len(each), seeds)) for each in (x, y))
        return [(comparisons.improvement(x, y)[1:], stats.norm.cdf(shift / math.sqrt(2 * 1.09)))]

    return draw


def agreement(n: int, rho: float, shape: Callable = lambda pairs: pairs):
    def draw(rng):
        x, y = shape(rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)).T
        found = rank_agreement(x, y)
        truths = {"spearman": 6 / math.pi * math.asin(rho / 2), "kendall": 2 / math.pi * math.asin(rho)}
        return [(found[kind][1:], truths[kind]) for kind in ("spearman", "kendall")]

    return draw


def profile(n: int):
    grid = np.linspace(0, 1, 201)

    def draw(rng):
        curve = statistics.profile(rng.random(n), grid)
        worst = max((curve["low"] - grid).max(), (grid - curve["high"]).max())
        return [((worst, np.inf), 0.0)] if worst <= 0 else [((np.inf, np.inf), 0.0)]

    return draw


def shrunk(n: int, seeds: int, spread: float):
    def draw(rng):
        effect = spread * rng.normal(size=(n, 1))
        table = effect + rng.normal(size=(n, seeds))
        return [(statistics.shrunken_best(table)[1:], float(effect[table.mean(axis=1).argmin(), 0]))]

    return draw


def middle(n: int, draw: Callable, truth: float):
    return lambda rng: [(interquartile.interquartile_mean([draw(rng, n)])[1:], truth)]


def share(n: int, p: float):
    return lambda rng: [(statistics.share(rng.binomial(n, p), n)[1:], p)]


def searches(count: int):
    """Searches of 10 log-normal scores: the mean of their best."""

    def draw(rng):
        row = incumbents.of_searches(rng.lognormal(0, 1, (count, 10))).iloc[-1]
        return [((row["low"], row["high"]), best_of_lognormal(10))]

    return draw


def normal(rng, n):
    return rng.normal(size=n)


def heavy(rng, n):
    return rng.standard_t(4, n) / math.sqrt(2)


def lognormal(rng, n):
    return rng.lognormal(0, 1, n)


QUARTILE = stats.norm.ppf(0.75)
MIDDLE_OF_LOGNORMAL = 2 * math.exp(0.5) * (stats.norm.cdf(QUARTILE - 1) - stats.norm.cdf(-QUARTILE - 1))
EQUAL, UNEQUAL = [3] * 8, [1, 2, 3, 4, 2, 3, 5, 2]  # seeds of each config
ROWS: list[tuple[list[str], str, Callable]] = [
    (["`budget.interval`"], "n = 20, k = 5, log-normal", expected_best(20, 5, lognormal, best_of_lognormal(5))),
    (["`budget.interval`"], "n = 50, k = 10, log-normal", expected_best(50, 10, lognormal, best_of_lognormal(10))),
    (["`budget.interval`"], "n = 6, k = 3, log-normal", expected_best(6, 3, lognormal, best_of_lognormal(3))),
    (["`incumbents.of_searches`"], "5 searches of 10, log-normal", searches(5)),
    (["`mean`"], "n = 5, normal", mean(normal, 5, 0.0)),
    (["`mean`"], "n = 10, log-normal (not normal)", mean(lognormal, 10, math.exp(0.5))),
    (["`interquartile_mean`"], "n = 8, normal", middle(8, normal, 0.0)),
    (["`interquartile_mean`"], "n = 25, normal", middle(25, normal, 0.0)),
    (["`interquartile_mean`"], "n = 25, log-normal", middle(25, lognormal, MIDDLE_OF_LOGNORMAL)),
    (["`share`"], "n = 20, p = 0.1", share(20, 0.1)),
    (["seed deviation", "share of configs"], "8 configs of 3 seeds, normal", components(EQUAL, normal)),
    (["seed deviation", "share of configs"], "8 configs of 1 to 5 seeds, normal", components(UNEQUAL, normal)),
    (["seed deviation", "share of configs"], "8 configs of 3 seeds, t of 4 (not normal)", components(EQUAL, heavy)),
    (["`improvement`"], "6 against 6 configs, P = 0.5", improvement(6, 6, 0.0)),
    (["`improvement`"], "20 against 10 configs of 3 seeds, P = 0.75", improvement(20, 10, 1.0, 3)),
    (["`improvement`"], "30 against 30 configs, P = 0.95", improvement(30, 30, 2.5)),
    (["Spearman", "Kendall"], "10 configs, rho = 0.8, normal", agreement(10, 0.8)),
    (["Spearman", "Kendall"], "50 configs, rho = 0.95, normal", agreement(50, 0.95)),
    (["`profile`, whole band"], "n = 20", profile(20)),
    (["`shrunken_best`"], "60 configs of 3 seeds, equal deviations", shrunk(60, 3, 1.0)),
    (["`shrunken_best`"], "8 configs of 3 seeds, equal deviations", shrunk(8, 3, 1.0)),
]  # fmt: skip


def coverage(draw: Callable, simulations: int) -> list[float]:
    rng, covered = np.random.default_rng(0), []
    for _ in range(simulations):
        covered.append([low <= truth <= high for (low, high), truth in draw(rng)])
    return np.mean(covered, axis=0).tolist()


def table(simulations: int) -> str:
    """Returns the rows as Markdown, under the command that makes them."""
    error = 100 * math.sqrt(0.95 * 0.05 / simulations)
    command = f"python docs/generate_coverage.py --write --simulations {simulations}"
    text = f"`{command}`, standard error {error:.1f} points:\n\n"
    text += "| interval, nominal 95 % | simulated | covered |\n| --- | --- | --- |\n"
    for names, words, draw in ROWS:
        for name, found in zip(names, coverage(draw, simulations), strict=True):
            text += f"| {name} | {words} | {100 * found:.1f} % |\n"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="into docs/statistics.md")
    parser.add_argument("--simulations", type=int, default=2000)
    options = parser.parse_args()
    text = table(options.simulations)
    if options.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        PAGE.write_text(f"{before}{MARKS[0]}{text}{MARKS[1]}{after}", encoding="utf-8")
    else:
        print(text)  # noqa: T201


if __name__ == "__main__":
    main()
