"""The expected best score of k configurations, exact and with confidence intervals.

Scores: lower is better, +inf for a failed run, which stays in n. Let x_(1) <= ... <= x_(n) be the scores of n
exchangeable draws (random search). Drawing k of them without replacement, the minimum is x_(i) with weight

    w_i = C(n-i, k-1) / C(n, k),    w_1 = k/n,    w_{i+1} = w_i (n-i-k+1) / (n-i)

and E[min] = sum_i w_i x_(i) is unbiased for a search of k configurations (the mean over all k-subsets; Tang et al.
2020, mirrored for minima).

`lucic_curve` is the curve of Lucic et al. 2018, Fig. 4, instead: k draws WITH replacement, and one standard deviation
of their minimum. Its weights are the limit of infinitely many resamples (Dodge et al. 2019),

    v_i = ((n-i+1) / n)^k - ((n-i) / n)^k

so it is exact too. Its expectation is biased upwards, by 6 % at n = 20, k = 10 for log-normal scores.

There are two different bands: the spread of the minimum that single searches of k find (`sd`, quantiles), and the
confidence interval of the expected minimum (`low`, `high`): jackknife-t, of its logarithm if all scores are positive.
At nominal 95 % it covers less: for log-normal scores, over seven pairs from n = 4, k = 2 to n = 50, k = 25 (600
simulations each), the logarithm's covered 87 to 93 % at sigma 0.3, 86 to 94 % at sigma 1 and 88 to 94 % at sigma 2; the
plain one 87 to 94 %, 86 to 94 % and 70 to 92 %. At sigma 0.3 the plain one was mostly ahead, by up to 1.5 points.
Beyond k = n / 2 nothing was measured.

Seeds. The unit of a budget is a configuration trained ONCE, so seeds of one configuration are neither averaged nor
counted as configurations. `values` is [configs] or [configs, seeds]: each column is one replicate of the whole search.
Functions return values for a search with a randomly chosen replicate; the jackknife leaves out a configuration with
all its seeds.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import stdtrit

from ganscape.results.sorted_scores import SortedScores, check_budget, sort_scores

if TYPE_CHECKING:
    import pandas as pd

    from ganscape.results.frames import Results

EVERY_K_UP_TO = 256
FIRST_OF_MANY, POINTS_OF_MANY = 12, 64
QUANTILES = np.array([0.05, 0.5, 0.95])
COLUMNS = ["k", "mean", "low", "high", "sd", "q05", "median", "q95", "success"]


class Jackknife(NamedTuple):
    """An estimate, its standard error and the degrees of freedom of that error."""

    value: float
    error: float
    freedom: float


def weights(n: int, k: int) -> np.ndarray:
    """Returns [n], the probability of each of n sorted scores to be the smallest of k drawn without replacement."""
    check_budget(n, k)
    return np.pad(_leading_weights(n, k), (0, n - _reach(n, k)))


def lucic_weights(n: int, k: int) -> np.ndarray:
    """Returns the same for k drawn with replacement."""
    check_budget(n, k)
    return _leading_lucic_weights(n, k, n)


def expected_best(values, k: int) -> float:
    """Returns E[min of k]; +inf if k draws can all fail."""
    sample = sort_scores(values, k)
    if sample.failures.max() >= k:
        return np.inf
    weight = _leading_weights(sample.n, k)
    return _mean(sample, weight)


def interval(values, k: int, level: float = 0.95) -> tuple[float, float]:
    """Returns the jackknife-t confidence interval of E[min of k]; (nan, nan) for k = n and an infinite expectation.

    Computed for the logarithm if all scores are positive, so the bounds are positive too.
    """
    sample = sort_scores(values, k)
    return _interval(sample, k, _leading_weights(sample.n, k), level)


def comparison_budget(configs: int) -> int:
    """Returns the budget at which methods of that many configurations each are compared: a quarter of them, at least 1.

    The expectation at k rests on about configs / k scores: at half of them the interval follows two or three lucky
    ones, and more configurations do not make it surer (`docs/statistics.md` has both simulated).
    """
    return max(1, configs // 4)


def jackknife_best(values, k: int, logarithmic: bool) -> Jackknife:
    """Returns E[min of k], or its logarithm, with its standard error; NaN error for k = n.

    freedom: degrees of freedom of the error, n - 1 or fewer where a few scores decide it (Satterthwaite's, from the
    kurtosis of what leaving out each configuration moves). Raises ValueError while the expectation is infinite.
    """
    sample = sort_scores(values, k)
    if sample.failures.max() >= k:
        raise ValueError(f"values holds {sample.failures.max()} failed runs; E[min of {k}] is infinite")
    weight = _leading_weights(sample.n, k)
    value = _mean(sample, weight)
    value = float(np.log(value)) if logarithmic else value
    if k == sample.n:
        return Jackknife(value, np.nan, np.nan)
    moved = _moves(sample, k, weight, logarithmic)
    padded = np.pad(moved, (0, sample.n - len(moved)))
    squares = (padded - padded.mean()) ** 2
    spare = np.mean(squares**2) - np.mean(squares) ** 2
    freedom = 2 * sample.n * np.mean(squares) ** 2 / spare if spare > 0 else np.inf
    return Jackknife(value, _error(moved, sample.n), float(min(freedom, sample.n - 1)))


def spread(values, k: int) -> float:
    """Returns the standard deviation of the minimum of k; nan if its expectation is infinite."""
    sample = sort_scores(values, k)
    if sample.failures.max() >= k:
        return np.nan
    return _spread(sample, _leading_weights(sample.n, k))


def quantile(values, k: int, p):
    """Returns the p-quantile of the minimum of k: the smallest score that it does not exceed with probability >= p.

    p: a number or an array.
    """
    sample = sort_scores(values, k)
    return _quantile(sample, _leading_weights(sample.n, k), p)


def success_probability(values, k: int) -> float:
    """Returns the probability that at least one of k draws did not fail: 1 - C(f, k) / C(n, k), f failures among n."""
    sample = sort_scores(values, k)
    return _success(sample, k)


def expected_best_curve(values, max_k: int | None = None) -> "pd.DataFrame":
    """Returns the budget curve: columns k mean low high sd q05 median q95 success, for k = 1 .. max_k (default n).

    For more than 256 configurations, k is every number up to 12, then spaced geometrically. values: [configs] or
    [configs, seeds], +inf for a failed run; raises ValueError for NaN, no values, or max_k outside 1 .. n.
    """
    import pandas as pd

    sample = sort_scores(values, max_k)
    rows = []
    for k in _ks(sample.n if max_k is None else max_k):
        weight, finite = _leading_weights(sample.n, k), sample.failures.max() < k
        rows.append((k, _mean(sample, weight) if finite else np.inf, *_interval(sample, k, weight, 0.95),
                     _spread(sample, weight) if finite else np.nan, *_quantile(sample, weight, QUANTILES),
                     _success(sample, k)))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def lucic_curve(values, max_k: int | None = None) -> "pd.DataFrame":
    """Returns the columns of `expected_best_curve` for k draws with replacement; low and high are mean -+ one sd.

    The band is the spread of single searches, not a confidence interval. One failure makes every mean infinite.
    """
    import pandas as pd

    sample = sort_scores(values, max_k)
    finite, rows = sample.failures.max() == 0, []
    for k in _ks(sample.n if max_k is None else max_k):
        weight = _leading_lucic_weights(sample.n, k, _reach(sample.n, k, sample.n))
        mean, sd = (_mean(sample, weight), _spread(sample, weight)) if finite else (np.inf, np.nan)
        low, high = (mean - sd, mean + sd) if finite else (np.nan, np.nan)
        success = 1 - np.mean((sample.failures / sample.n) ** k)
        rows.append((k, mean, low, high, sd, *_quantile(sample, weight, QUANTILES), success))
    return pd.DataFrame(rows, columns=COLUMNS)


def expected_best_curves(results: "Results", rule: str = "best") -> "dict[str, pd.DataFrame]":
    """Returns method -> its curve of the expected best score by budget, see `expected_best_curve`; a method without a
    finished config has none."""
    return _curves(results, rule, expected_best_curve)


def lucic_curves(results: "Results", rule: str = "best") -> "dict[str, pd.DataFrame]":
    """Returns method -> its curve as Lucic et al. 2018 drew them, see `lucic_curve`; a method without a finished config
    has none."""
    return _curves(results, rule, lucic_curve)


def _curves(results: "Results", rule: str, curve: "Callable[..., pd.DataFrame]") -> "dict[str, pd.DataFrame]":
    def curves() -> "dict[str, pd.DataFrame]":
        trials = results.searched(rule)
        tried = {method: replicates(trials, method) for method in results.methods()}
        return {method: curve(scores) for method, scores in tried.items() if len(scores)}

    return results.remember((curve.__name__, rule), curves)


def replicates(trials: "pd.DataFrame", method: str, column: str = "value") -> np.ndarray:
    """Returns a column of a `per_trial` frame for one method as [configs, seeds], by default the scores.

    Failed trials are +inf. Configurations are in the order of the frame, that of their proposal; column r holds the
    r-th seed of each. Left out are seeds that only some configurations have (confirmations of the best ones), which are
    not draws of the search, and configurations with an unfinished trial.
    """
    rows = trials[trials["method"] == method]
    by_seed = np.argsort(rows["seed"].to_numpy(), kind="stable")
    config, rows = rows["config"].factorize()[0][by_seed], rows.iloc[by_seed]
    column_index = rows.groupby("config", sort=False).cumcount().to_numpy()
    seeds = int(np.bincount(config).min()) if len(rows) else 0
    values = np.full((config.max() + 1 if len(rows) else 0, seeds), np.nan)
    scores = values.copy()
    kept = column_index < seeds
    values[config[kept], column_index[kept]] = rows[column].to_numpy(dtype=np.float64)[kept]
    scores[config[kept], column_index[kept]] = rows["value"].to_numpy()[kept]
    return values[~np.isnan(scores).any(axis=1)]


def _reach(n: int, k: int, most: int | None = None) -> int:
    """Returns how many of the smallest scores matter: further weights are 0 or sum to less than 1e-16."""
    most = n - k + 1 if most is None else most
    return min(most, int(np.ceil(-n * np.expm1(np.log(1e-16) / k))))


def _leading_weights(n: int, k: int) -> np.ndarray:
    left = n - np.arange(_reach(n, k), dtype=np.float64)
    weight = 1 - (k - 1) / left
    weight[0] = k / n
    return np.cumprod(weight, out=weight)


def _leading_lucic_weights(n: int, k: int, count: int) -> np.ndarray:
    return -np.diff((1 - np.arange(count + 1) / n) ** k)


def _mean(sample: SortedScores, weight) -> float:
    return float(np.mean(sample.scores[:, : len(weight)] @ weight))


def _spread(sample: SortedScores, weight) -> float:
    squares = (sample.scores[:, : len(weight)] - _mean(sample, weight)) ** 2
    return float(np.sqrt(np.mean(squares @ weight)))


def _quantile(sample: SortedScores, weight, p):
    if len(sample.scores) == 1:
        cumulated = np.cumsum(weight)
    else:
        padded = np.pad(weight, (0, sample.n - len(weight))) / len(sample.scores)
        cumulated = np.cumsum(padded[sample.rank])
    reached = np.minimum(np.searchsorted(cumulated, np.asarray(p) - 1e-12), len(cumulated) - 1)
    return sample.merged[reached]


def _success(sample: SortedScores, k: int) -> float:
    n, j = sample.n, np.arange(k)
    return float(np.mean([1 - np.prod((f - j) / (n - j)) if f >= k else 1.0 for f in sample.failures]))


def _interval(sample: SortedScores, k: int, weight, level: float) -> tuple[float, float]:
    n = sample.n
    if k == n or sample.failures.max() >= k:
        return np.nan, np.nan
    centre = _mean(sample, weight)
    moved = _moves(sample, k, weight, sample.positive)
    reach = stdtrit(n - 1, (1 + level) / 2) * _error(moved, n)
    if sample.positive:
        return float(centre * np.exp(-reach)), float(centre * np.exp(reach))
    return float(centre - reach), float(centre + reach)


def _moves(sample: SortedScores, k: int, weight, logarithmic: bool) -> np.ndarray:
    """Returns how much E[min of k], or its logarithm, changes when each configuration is left out, up to a constant.

    [n], or shorter for one seed: the change is 0 for the others.
    """
    n = sample.n
    without = weight[1:] * (n / (n - k))  # the weights of n - 1 scores
    scores = sample.scores[:, : len(weight)]
    # Leaving out the i-th smallest instead of the next moves the expectation by weight i times the gap between them.
    steps = np.diff(scores, axis=1)
    steps *= without
    steps = np.cumsum(steps[:, ::-1], axis=1)[:, ::-1]
    if len(scores) == 1:
        moved = steps[0]
    else:
        moved = np.zeros(n)
        for order, step in zip(sample.order, steps, strict=True):
            moved[order[: len(without)]] += step / len(scores)
    return np.log1p(moved / np.mean(scores[:, :-1] @ without)) if logarithmic else moved


def _error(moved, n: int) -> float:
    """Returns the jackknife's standard error."""
    squares = max(moved @ moved - moved.sum() ** 2 / n, 0.0)
    return float(np.sqrt((n - 1) / n * squares))


def _ks(max_k: int) -> list[int]:
    if max_k <= EVERY_K_UP_TO:
        return list(range(1, max_k + 1))
    beyond = np.geomspace(FIRST_OF_MANY, max_k, POINTS_OF_MANY).round().astype(int).tolist()
    return sorted({*range(1, FIRST_OF_MANY), *beyond})
