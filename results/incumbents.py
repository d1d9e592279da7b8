"""The best score so far, over the order of trials or over their costs.

Scores: lower is better, +inf for a failed run. `budget` treats configurations as exchangeable draws of equal cost;
here each has its own cost (`by_cost`), or a position in the order of a search that depends on scores (`of_searches`),
or comes after a list of known settings (`practitioner`, Kurach et al. 2019, Figs. 1 to 4).
"""

from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from ganscape.results import budget
from ganscape.results.frames import Results
from ganscape.results.sorted_scores import columns_of

if TYPE_CHECKING:
    import pandas as pd

ORDERS = 1000
LARGEST = 1_000_000  # scores in all orders together; with more configurations there are fewer orders
POINTS = 120


def by_cost(values, costs, orders: int = ORDERS, seed: int = 0) -> "pd.DataFrame":
    """Returns the best score within a cost, over random orders of configurations: cost mean q05 median q95 success.

    values, costs: [configs] or [configs, seeds]; each seed is a replicate of the whole search. A run counts once its
    whole cost is paid. All orders are used if there are at most `orders` (exact), else that many random ones. The
    quantiles are the spread of single searches, not a confidence interval. mean is +inf as long as all runs may have
    failed; success is the share of orders in which one has not.
    """
    import pandas as pd

    columns, spent = columns_of(values), columns_of(costs)
    if columns.shape != spent.shape or not (np.isfinite(spent) & (spent > 0)).all():
        raise ValueError(f"costs has shape {spent.shape}, values {columns.shape}; expected the same, all positive")
    n, seeds = columns.shape
    count = max(1, min(orders, LARGEST // (n * seeds)))
    order = _orders(n, count, np.random.default_rng(seed))
    total = spent.sum(axis=0).min()
    grid = np.linspace(0, total, POINTS + 1)[1:]
    best = np.concatenate([_incumbents(x[order], c[order], grid) for x, c in zip(columns.T, spent.T, strict=True)])
    q05, median, q95 = np.quantile(best, [0.05, 0.5, 0.95], axis=0, method="inverted_cdf")
    return pd.DataFrame({"cost": grid, "mean": best.mean(axis=0), "q05": q05, "median": median, "q95": q95,
                         "success": np.isfinite(best).mean(axis=0)})  # fmt: skip


def practitioner(fixed, bandit, fixed_first: int | None = None) -> "pd.DataFrame":
    """Returns columns k fixed bandit mean: the best of k for a practitioner who tries known settings before a bandit's.

    Of a budget k, min(k, fixed_first) are drawn from `fixed` without replacement, the others are the first ones of
    `bandit`. Exact: the mean over all draws, where the study simulated 1000. How the study divided k is not published;
    fixed_first is the number of known settings by default.

    Args:
      fixed: [configs] or [configs, seeds], scores of known settings.
      bandit: [configs] or [configs, seeds], scores in the order of proposals.
    """
    import pandas as pd

    known = columns_of(fixed)
    later = columns_of(bandit) if np.size(bandit) else np.empty((0, known.shape[1]))
    first = len(known) if fixed_first is None else fixed_first
    if not 0 <= first <= len(known):
        raise ValueError(f"fixed_first = {first} is outside 0 .. {len(known)}, the number of fixed settings")
    so_far = np.vstack([np.full((1, later.shape[1]), np.inf), np.minimum.accumulate(later, axis=0)])
    rows = []
    for k in range(1, first + len(later) + 1):
        m = min(k, first)
        rows.append((k, m, k - m, _mixed(known, m, so_far[k - m])))
    return pd.DataFrame(rows, columns=["k", "fixed", "bandit", "mean"])


def of_method(results: Results, method: str, rule: str = "best") -> "pd.DataFrame | None":
    """Returns `practitioner` for one method: the defaults of the definition, then the others in the order of proposals.

    None if no default is finished on all its seeds.
    """
    trials, known = results.searched(rule), results.defaults()
    rows = trials[trials["method"] == method]
    fixed = budget.replicates(rows[rows["config"].isin(known)], method)
    later = budget.replicates(rows[~rows["config"].isin(known)], method)
    return practitioner(fixed, later) if len(fixed) else None


def of_study(results: Results, rule: str = "best") -> "dict[str, pd.DataFrame]":
    """Returns `of_searches` for each method over the searches of a study, one per folder of a concatenation.

    A search contributes its best score so far in the order of proposals, averaged over seeds, or `of_method` if known
    settings come first. Searches are cut to the shortest. Methods without a finished config are left out.
    """
    by_method = {}
    for method in results.methods():
        curves = [curve for part in results.searches() if len(curve := _of_one(part, method, rule))]
        if curves:
            shortest = min(map(len, curves))
            by_method[method] = of_searches(np.stack([curve[:shortest] for curve in curves]))
    return by_method


def _of_one(part, method, rule) -> np.ndarray:
    if part.begins_with_known():
        curve = of_method(part, method, rule)
        return np.empty(0) if curve is None else curve["mean"].to_numpy()
    scores = budget.replicates(part.searched(rule), method)
    return np.minimum.accumulate(scores, axis=0).mean(axis=1) if len(scores) else np.empty(0)


def of_searches(searches) -> "pd.DataFrame":
    """Returns columns k mean low high best worst: the best score after k configurations, over whole searches.

    searches: [searches, configs] scores in the order of proposals. low, high: Student's interval of the mean over
    SEARCHES, on the logarithmic scale if all scores are positive; NaN for one search or as long as one has only
    failures. Seeds of the configurations of one search are not separate searches: they were chosen together.
    """
    import pandas as pd

    best = np.minimum.accumulate(columns_of(np.transpose(searches)).T, axis=1)
    count = len(best)
    centre = np.where(np.isfinite(best).all(axis=0), np.where(np.isfinite(best), best, 0).mean(axis=0), np.inf)
    low, high = np.full_like(centre, np.nan), np.full_like(centre, np.nan)
    known = np.isfinite(centre)
    if count > 1:
        finite = best[:, known]
        reach = stdtrit(count - 1, 0.975) * finite.std(axis=0, ddof=1) / np.sqrt(count)
        if (finite > 0).all():  # the error of the logarithm, to first order
            reach = np.exp(reach / centre[known])
            low[known], high[known] = centre[known] / reach, centre[known] * reach
        else:
            low[known], high[known] = centre[known] - reach, centre[known] + reach
    return pd.DataFrame({"k": np.arange(1, best.shape[1] + 1), "mean": centre, "low": low, "high": high,
                         "best": best.min(axis=0), "worst": best.max(axis=0)})  # fmt: skip


def _orders(n, count, rng) -> np.ndarray:
    if n < 12 and factorial(n) <= count:
        return np.array(list(permutations(range(n))))
    return rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)


def _incumbents(scores, costs, grid) -> np.ndarray:
    """Returns [orders, points], the lowest score of the runs that an order has paid for at each point of the grid."""
    best, paid = np.minimum.accumulate(scores, axis=1), np.cumsum(costs, axis=1)
    best = np.pad(best, ((0, 0), (1, 0)), constant_values=np.inf)
    tolerance = 1e-9 * grid[-1]
    done = np.array([np.searchsorted(row, grid + tolerance, side="right") for row in paid])
    return np.take_along_axis(best, done, axis=1)


def _mixed(known, m, others) -> float:
    """Returns the mean of the lower minimum of m known settings and of `others`, over all draws and replicates."""
    if m == 0:
        return float(others.mean())
    weight = budget.weights(len(known), m)[:, None]
    means = []
    for other in others:
        best, possible = np.minimum(np.sort(known, axis=0), other), weight > 0
        means.append(np.where(possible, weight * np.where(possible, best, 0), 0).sum(axis=0).mean())
    return float(np.mean(means))


def by_cost_of_study(results: Results, rule: str, unit: str) -> "dict[str, pd.DataFrame]":
    """Returns method -> its curve of `by_cost` over a column of `Results.costs`; without methods that have no finished
    config, or a trial whose cost is not known."""
    trials, curves = results.searched(rule).merge(results.costs(), on="trial"), {}
    for method in results.methods():
        scores, spent = budget.replicates(trials, method), budget.replicates(trials, method, unit)
        if np.isfinite(scores).any() and np.isfinite(spent).all() and (spent > 0).all():
            curves[method] = by_cost(scores, spent)
    return curves
