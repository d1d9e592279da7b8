"""Tests whether one method is better than another, and how many more runs would decide it.

Lower scores are better, +inf for a failed run.

The unit is a config. If configs have several seeds, tests use each config's median, because seeds of one config are not
independent runs of the method.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from ganscape.errors import check_name
from ganscape.results import budget
from ganscape.results.frames import Results
from ganscape.results.statistics import Interval, log_scale

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 4999
MOST = 100_000
BEYOND = 1e9  # larger than any difference of two scores
LEAST = 4  # configs of each method; with fewer no rank test can reach p < 0.05


def improvement(x, y, level: float = 0.95) -> Interval:
    """Returns P(X < Y) + P(X = Y) / 2, the probability that a run of x is better than one of y (Agarwal et al. 2021).

    x, y: [configs] or [configs, seeds], independent of each other. The interval inverts the score test with Newcombe's
    (2006) fifth variance, n counting configs; it exists for complete separation too, and is wide for few configs.
    """
    x, y = (np.asarray(scores, dtype=np.float64) for scores in (x, y))
    if np.isnan(x).any() or np.isnan(y).any():
        raise ValueError("scores hold NaN; a failed run is +inf, an unfinished one is left out")
    ordered = np.sort(y, axis=None)
    below, above = (np.searchsorted(ordered, x.ravel(), side) for side in ("left", "right"))
    value = float(1 - (below + above).mean() / (2 * len(ordered)))
    n, m = len(x), len(y)
    z, typical = stats.norm.ppf((1 + level) / 2), (n + m) / 2 - 1

    def beyond(p):
        variance = p * (1 - p) / (n * m) * (1 + typical * ((1 - p) / (2 - p) + p / (1 + p)))
        return (value - p) ** 2 - z**2 * variance

    if n + m < 3:
        return Interval(value, np.nan, np.nan)
    tiny = 1e-9
    low = optimize.brentq(beyond, 1e-12, min(value, 1 - tiny)) if value > tiny else 0.0
    high = optimize.brentq(beyond, max(value, tiny), 1 - 1e-12) if value < 1 - tiny else 1.0
    return Interval(value, float(low), float(high))


def mann_whitney(x, y, rng=None) -> float:
    """Returns p of the two-sided rank test for two independent samples; exact for fewer than 9 without ties."""
    return float(stats.mannwhitneyu(x, y, alternative="two-sided").pvalue)


def permutation(x, y, rng=None) -> float:
    """Returns p of the difference of means under random labels, two-sided; exact if there are few labellings.

    Scores are put on their log scale, failures count as the worst score of both; this is valid because it does not
    depend on the labels.
    """
    x, y = _capped(x, y)
    test = stats.permutation_test((x, y), _difference, n_resamples=RESAMPLES, vectorized=True, rng=_rng(rng))
    return float(test.pvalue)


def wilcoxon(x, y, rng=None) -> float:
    """Returns p of the signed-rank test for pairs, two-sided; 1 if all pairs are equal.

    Differences are of scores on their log scale; a failure differs from a score by more than any two scores.
    """
    failed = np.isinf(x).astype(float) - np.isinf(y)
    gap = np.where(failed, failed * BEYOND, np.subtract(*_capped(x, y)))
    return float(stats.wilcoxon(gap).pvalue) if gap.any() else 1.0


def sign_flip(x, y, rng=None) -> float:
    """Returns p of the mean difference of pairs under random signs, two-sided; exact if there are few pairs."""
    x, y = _capped(x, y)
    test = stats.permutation_test((x - y,), _mean, permutation_type="samples", n_resamples=RESAMPLES,
                                  vectorized=True, rng=_rng(rng))  # fmt: skip
    return float(test.pvalue)


def best_of_k(x, y, k: int, rng=None, resamples: int = RESAMPLES) -> float:
    """Returns p of the difference in expected best of k under random labels, two-sided: compares searches, not runs.

    x, y: [configs] or [configs, seeds], equally many seeds; a config keeps its seeds. Failures count as the worst score
    of both.
    """
    x, y = (scores[:, None] if scores.ndim == 1 else scores for scores in _capped(x, y))
    weight_x, weight_y = budget.weights(len(x), k), budget.weights(len(y), k)
    pooled = np.concatenate([x, y])
    first = np.zeros((resamples, len(pooled)), dtype=bool)
    first[:, : len(x)] = True
    first = _rng(rng).permuted(first, axis=1)
    permuted, observed = np.zeros(resamples), 0.0
    for seed, scores in enumerate(pooled.T):
        order = np.argsort(scores)
        values, is_first = np.broadcast_to(scores[order], first.shape), first[:, order]
        permuted += values[is_first].reshape(resamples, -1) @ weight_x
        permuted -= values[~is_first].reshape(resamples, -1) @ weight_y
        observed += np.sort(x[:, seed]) @ weight_x - np.sort(y[:, seed]) @ weight_y
    return float((1 + np.sum(np.abs(permuted) >= abs(observed) * (1 - 1e-12))) / (1 + resamples))


def holm(p) -> np.ndarray:
    """Returns p values adjusted for their number (Holm 1979), which control the family-wise error rate."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted[np.argsort(order)]


def pairs(results: Results, rule: str = "best", test: str = "mann_whitney", level: float = 0.95) -> "pd.DataFrame":
    """Returns one row per pair of methods: a b configs_a configs_b improvement low high p p_holm needed.

    improvement: probability that a run of `a` is better than one of `b`, over all trials; p: of the test on the medians
    of configs, p_holm corrected for all pairs; needed: configs of each method for 80 % power, `configs_needed`.
    Configs that a searcher chose by the scores of others are left out, because the tests do not hold for them. Methods
    with fewer than 2 finished configs are left out.
    """
    import pandas as pd

    check_name("test", test, UNPAIRED, ValueError)
    trials = results.independent(rule)
    scores = {method: budget.replicates(trials, method) for method in results.methods()}
    scores = {method: table for method, table in scores.items() if len(table) > 1}
    names, rows = list(scores), []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            x, y = np.median(scores[a], axis=1), np.median(scores[b], axis=1)
            better = improvement(scores[a], scores[b], level)
            needed = configs_needed(improvement(x, y).value)
            rows.append((a, b, len(x), len(y), *better, UNPAIRED[test](x, y), needed))
    columns = ["a", "b", "configs_a", "configs_b", "improvement", "low", "high", "p", "needed"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(8, "p_holm", holm(table["p"]))
    return table


def paired(table: "pd.DataFrame", test: str = "wilcoxon") -> "pd.DataFrame":
    """Returns one row per pair of columns: a b pairs wins difference p p_holm, over rows in which both have a score.

    table: one row per matched condition (the same settings, data set or seed), one column per method. wins: rows in
    which a is lower; difference: median of a - b.
    """
    import pandas as pd

    check_name("test", test, PAIRED, ValueError)
    rows = []
    for i, a in enumerate(table.columns):
        for b in table.columns[i + 1 :]:
            both = table[[a, b]].dropna()
            x, y = both[a].to_numpy(dtype=np.float64), both[b].to_numpy(dtype=np.float64)
            p = PAIRED[test](x, y) if len(both) > 1 else np.nan
            capped = np.subtract(*_capped(x, y, np.positive)) if len(both) else np.array([np.nan])
            rows.append((a, b, len(both), int((x < y).sum()), float(np.median(capped)), p))
    frame = pd.DataFrame(rows, columns=["a", "b", "pairs", "wins", "difference", "p"])
    tested = frame["p"].notna()
    frame["p_holm"] = np.nan
    frame.loc[tested, "p_holm"] = holm(frame.loc[tested, "p"])
    return frame


def seeds_needed(difference: float, sd: float, power: float = 0.8, level: float = 0.05) -> float:
    """Returns the seeds per config with which a two-sided t test tells two configs apart with this power.

    inf for no difference. Assumes normal scores of equal deviation `sd` and a true difference of `difference`. An
    observed difference of few seeds, or of selected configs, is too large, and the number then too small.
    """
    if difference == 0:
        return np.inf
    effect = abs(difference) / sd if sd > 0 else np.inf
    return _smallest(lambda n: _t_power(effect, n, level), power)


def configs_needed(improvement: float, power: float = 0.8, level: float = 0.05) -> float:
    """Returns the configs per method with which the rank test tells two methods apart (Noether 1987).

    inf for an improvement of 0.5. Assumes that `improvement` is the true probability; the warning of `seeds_needed`
    applies. Slightly too large for methods that hardly overlap.
    """
    if abs(improvement - 0.5) < 1e-12:
        return np.inf
    reach = stats.norm.ppf(1 - level / 2) + stats.norm.ppf(power)
    return float(max(math.ceil(reach**2 / (6 * (improvement - 0.5) ** 2)), LEAST))


def configs_needed_by_simulation(x, y, power: float = 0.8, level: float = 0.05, repeats: int = 400, seed: int = 0):
    """Returns the same, simulated by drawing from the observed scores with replacement; inf beyond 1000.

    Repeats the rank test at sizes that double, then bisects: an estimate with an error of a few per cent.
    """
    rng = np.random.default_rng(seed)
    x, y = (np.asarray(scores, dtype=np.float64) for scores in (x, y))

    def reached(n):
        draws = rng.choice(x, (repeats, n)), rng.choice(y, (repeats, n))
        return np.mean(stats.mannwhitneyu(*draws, axis=1, method="asymptotic").pvalue < level)

    return _smallest(reached, power, most=1000)


def _t_power(effect, n, level):
    freedom, shift = 2 * n - 2, effect * math.sqrt(n / 2)
    critical = stats.t.ppf(1 - level / 2, freedom)
    if shift > 30:
        return 1.0
    return stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift)


def _smallest(reached: Callable, power: float, most: int = MOST) -> float:
    low, high = 1, 2
    while reached(high) < power:
        low, high = high, 2 * high
        if low >= most:
            return np.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return float(high)


def _capped(x, y, scale=None):
    x, y = (np.asarray(scores, dtype=np.float64) for scores in (x, y))
    both = np.concatenate([x, y])
    finite = both[np.isfinite(both)]
    worst = finite.max() if finite.size else 1.0
    scale = log_scale(both) if scale is None else scale
    return scale(np.minimum(x, worst)), scale(np.minimum(y, worst))


def _difference(x, y, axis=-1):
    return x.mean(axis=axis) - y.mean(axis=axis)


def _mean(x, axis=-1):
    return x.mean(axis=axis)


def _rng(rng):
    return np.random.default_rng(0) if rng is None else rng


UNPAIRED: dict[str, Callable] = {"mann_whitney": mann_whitney, "permutation": permutation}
PAIRED: dict[str, Callable] = {"wilcoxon": wilcoxon, "sign_flip": sign_flip}
