"""Which methods may be the best: multiple comparisons with the lowest. Lower is better, +inf for a failed run.

The method with the lowest estimate leads, and every other one is tested against it at 5 % in all (Bonferroni), so that
whoever is truly best is called worse than the leader in at most one study of twenty (Hsu 1984: what is left is a
confidence set for the best). docs/statistics.md has how often that happened in simulations.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy import stats

from ganscape.results import budget
from ganscape.results.comparisons import best_of_k
from ganscape.results.statistics import log_scale

LEVEL = 0.05  # of wrong claims in a study, over all rivals of the leader
RESAMPLES = 1999
LEAST = 12  # configs of each of two methods, below which a test of the expected best is wrong too often


class MethodEstimate(NamedTuple):
    """What a method is ranked by: a value with its 95 % interval (NaN where there is none), from n configs or seeds."""

    method: str
    value: float
    low: float
    high: float
    n: int


class Ranking(NamedTuple):
    """Estimates by method, lowest first; the methods that may be best, of which the first leads, and the worse ones.

    p: of each rival of the leader, corrected for their number.
    """

    estimates: tuple[MethodEstimate, ...]
    candidates: tuple[str, ...]
    worse: tuple[str, ...]
    p: Mapping[str, float] = MappingProxyType({})

    def at_level(self, level: float) -> "Ranking":
        """Returns the ranking with the rivals called worse whose p is below a level of at most LEVEL."""
        worse = tuple(rival for rival, p in self.p.items() if p < level)
        order = [estimate.method for estimate in self.estimates]
        return self._replace(candidates=tuple(method for method in order if method not in worse), worse=worse)


def by_budget(scores: dict[str, np.ndarray], k: int) -> Ranking:
    """Ranks methods by the expected best of k configs.

    scores: [configs, seeds] per method, all with at least k configs. A failed run counts as the worst score of the
    study, so a method that fails is never ranked too low. A rival is worse where two tests agree, each at 5 % over the
    number of rivals: Welch's t test with jackknifed errors, which holds for methods that spread differently, and a
    permutation of the labels, which holds however few configs work. None is worse while one of the two has fewer than
    `LEAST` configs.
    """
    finite = np.concatenate([table[np.isfinite(table)] for table in scores.values()])
    worst, logarithmic = finite.max(), log_scale(finite) is np.log
    tables = {method: np.minimum(table, worst) for method, table in scores.items()}
    found = {method: budget.jackknife_best(table, k, logarithmic) for method, table in tables.items()}
    estimates = [_estimate(method, scores[method], tables[method], k) for method in scores]
    order = sorted(scores, key=lambda method: found[method].value)
    leader, *rivals = order
    p = {}
    for rival in rivals:
        p[rival] = 1.0
        if min(len(tables[leader]), len(tables[rival])) >= LEAST:
            p[rival] = _welch(found[leader], found[rival]) * len(rivals)
        if p[rival] < LEVEL:  # else the other test, which takes long, cannot matter
            p[rival] = max(p[rival], _permutation(tables[leader], tables[rival], k) * len(rivals))
    estimates.sort(key=lambda estimate: order.index(estimate.method))
    return Ranking(tuple(estimates), tuple(order), (), p).at_level(LEVEL)


def by_seeds(scores: dict[str, np.ndarray]) -> Ranking:
    """Ranks one config of each method by its mean over seeds: Welch's test, of logarithms where all are positive.

    scores: [seeds] per method. A config with a failed seed has an infinite mean and is told from none.
    """
    everything = np.concatenate(list(scores.values()))
    scale = log_scale(everything)
    order = sorted(scores, key=lambda method: float(np.mean(scores[method])))
    leader, *rivals = order
    means = {method: _mean(scale(scores[method])) for method in order}
    p = {rival: _welch(means[leader], means[rival]) * len(rivals) for rival in rivals}
    estimates = []
    for method in order:
        mean = means[method]
        reach = stats.t.ppf(1 - LEVEL / 2, mean.freedom) * mean.error if mean.freedom > 0 else np.nan
        ends = [mean.value - reach, mean.value, mean.value + reach]
        low, value, high = np.exp(ends) if scale is np.log else ends
        estimates.append(MethodEstimate(method, float(value), float(low), float(high), len(scores[method])))
    return Ranking(tuple(estimates), tuple(order), (), p).at_level(LEVEL)


def by_search_then_seeds(search: Ranking, fresh: dict[str, np.ndarray]) -> Ranking:
    """Ranks the methods that a search leaves by fresh seeds of their best configs; those it does not leave are worse.

    Each of the two tests has half of LEVEL, so that both together call the best method worse in at most LEVEL of
    studies.

    search: of `by_budget`. fresh: [seeds] of every method that `search.at_level(LEVEL / 2)` leaves.
    """
    screened, decided = search.at_level(LEVEL / 2).worse, by_seeds(fresh).at_level(LEVEL / 2)
    return decided._replace(worse=decided.worse + screened)


def _estimate(method, scores, capped, k) -> MethodEstimate:
    """Returns a method's expected best of k with its interval; a lower bound without one where failures make it
    infinite."""
    value = budget.expected_best(scores, k)
    low, high = budget.interval(scores, k)
    value = value if np.isfinite(value) else budget.expected_best(capped, k)
    return MethodEstimate(method, value, low, high, len(scores))


def _mean(values) -> budget.Jackknife:
    freedom = len(values) - 1
    if not np.isfinite(values).all():
        return budget.Jackknife(np.inf, np.nan, freedom)
    error = values.std(ddof=1) / np.sqrt(len(values)) if freedom else np.nan
    return budget.Jackknife(float(values.mean()), float(error), freedom)


def _welch(low: budget.Jackknife, high: budget.Jackknife) -> float:
    """Returns the two-sided p of the first being lower, by the degrees of freedom of the less certain one; 1 where
    unknown."""
    error, gap = np.hypot(low.error, high.error), high.value - low.value
    if not (np.isfinite(gap) and gap > 0 and error > 0):
        return 1.0
    return float(2 * stats.t.sf(gap / error, min(low.freedom, high.freedom)))


def _permutation(low, high, k: int) -> float:
    seeds = min(low.shape[1], high.shape[1])
    return best_of_k(low[:, :seeds], high[:, :seeds], k, resamples=RESAMPLES)
