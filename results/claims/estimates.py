"""Estimates on the logarithm of a score, each with a standard error whose Student's t holds.

Scores are positive and finite here, lower is better. The unit of evidence is a config, drawn independently of all
others, or a setting that several methods share; seeds of one config are nested in it.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from ganscape.results import budget


class Estimate(NamedTuple):
    """A quantity with the error of its estimate.

    value: the estimate. error: its standard error. freedom: degrees of freedom of Student's t of value / error.
    units: how many independent units it rests on.
    """

    value: float
    error: float
    freedom: float
    units: int

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the two-sided interval at this level; both ends are NaN where the error is unknown."""
        reach = stdtrit(self.freedom, (1 + level) / 2) * self.error
        return self.value - reach, self.value + reach

    def p_below(self, bound: float) -> float:
        """Returns the one-sided p of the hypothesis that the quantity is `bound` or more."""
        return float(stdtr(self.freedom, self._distance(bound)))

    def p_above(self, bound: float) -> float:
        """Returns the one-sided p of the hypothesis that the quantity is `bound` or less."""
        return float(stdtr(self.freedom, -self._distance(bound)))

    def _distance(self, bound: float) -> float:
        if self.error == 0.0:
            return math.copysign(math.inf, self.value - bound) if self.value != bound else 0.0
        return (self.value - bound) / self.error


def best_of(scores: np.ndarray, k: int) -> Estimate:
    """Estimates log E[lowest score of k configs], by the jackknife over configs.

    scores: [configs, seeds].
    """
    value, left_out = log_best_of(scores, k)
    return Estimate(value, math.sqrt(jackknife_variance(left_out)), len(scores) - 1, len(scores))


def log_best_of(scores: np.ndarray, k: int) -> tuple[float, np.ndarray]:
    """Returns log E[lowest score of k configs], and the same without each config, [configs]; k is less than these.

    Of n sorted scores without the i-th, those before it keep their place and those after it move up by one.
    """
    order = np.argsort(scores, axis=0)
    ranked = np.take_along_axis(scores, order, axis=0)
    weights = budget.weights(len(scores) - 1, k)[:, None]
    before = np.cumsum(np.vstack([np.zeros_like(ranked[:1]), weights * ranked[:-1]]), axis=0)
    after = np.cumsum(np.vstack([np.zeros_like(ranked[:1]), (weights * ranked[1:])[::-1]]), axis=0)[::-1]
    left_out = np.empty_like(ranked)
    np.put_along_axis(left_out, order, before + after, axis=0)
    return math.log(budget.expected_best(scores, k)), np.log(left_out.mean(axis=1))


def estimate_spread(scores: np.ndarray) -> Estimate:
    """Estimates the log of the mean absolute difference of two configs' log scores (Gini's), by the jackknife.

    scores: [configs, seeds]; a config counts with the mean of its seeds' logarithms. A standard deviation would be
    ruled by the few worst configs, and its jackknife wrong more often where scores are skewed.
    """
    return jackknife(lambda rows: math.log(_mean_difference(np.log(rows).mean(axis=1))), [scores])


def _mean_difference(values: np.ndarray) -> float:
    """Returns the mean of |x - y| over all pairs, from the sorted values: sum of (2 i - n - 1) x_(i), over n (n - 1) /
    2."""
    count = len(values)
    ranks = 2.0 * np.arange(1, count + 1) - count - 1.0
    return float(2.0 * np.sum(ranks * np.sort(values)) / (count * (count - 1)))


def estimate_mean(values) -> Estimate:
    """Estimates the mean of independent values, such as differences of pairs."""
    values = np.asarray(values, dtype=np.float64)
    units = len(values)
    error = float(values.std(ddof=1)) / math.sqrt(units) if units > 1 else math.nan
    return Estimate(float(values.mean()), error, units - 1, units)


def difference(a: Estimate, b: Estimate) -> Estimate:
    """Estimates a - b for two that rest on different configs; freedom by Welch and Satterthwaite."""
    error = math.hypot(a.error, b.error)
    parts = a.error**4 / a.freedom + b.error**4 / b.freedom
    freedom = error**4 / parts if parts > 0 else min(a.freedom, b.freedom)
    return Estimate(a.value - b.value, error, freedom, min(a.units, b.units))


def jackknife(statistic: Callable[..., float], samples: Sequence[np.ndarray]) -> Estimate:
    """Estimates `statistic` of several independent samples, leaving out one row of one sample at a time.

    The freedom is that of the smallest sample.
    """
    value, variance = statistic(*samples), 0.0
    for place, sample in enumerate(samples):
        rest = samples[:place], samples[place + 1 :]
        left_out = [statistic(*rest[0], np.delete(sample, row, axis=0), *rest[1]) for row in range(len(sample))]
        variance += jackknife_variance(left_out)
    units = min(map(len, samples))
    return Estimate(value, math.sqrt(variance), units - 1, units)


def jackknife_variance(left_out) -> float:
    """Returns the variance of a statistic, from its values without each unit."""
    return (len(left_out) - 1) * float(np.var(left_out))
