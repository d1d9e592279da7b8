"""Estimates on the logarithm of a score, each with a standard error whose Student's t holds.

Scores are positive and finite here, lower is better. The unit of evidence is a config, drawn independently of all
others, or a setting that several methods share; seeds of one config are nested in it.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import betainc, betaincinv, ndtri, stdtr, stdtrit

from ganscape.results import budget

POWER = 0.8
MOST_UNITS = 1_000_000
ROUNDING = 1e-12


class Estimate(NamedTuple):
    """A quantity with the error of its estimate.

    value: the estimate. error: its standard error. freedom: degrees of freedom of Student's t of value / error.
    units: how many independent units it rests on.
    """

    value: float
    error: float
    freedom: float
    units: int

    def minus(self, amount: float) -> "Estimate":
        """Returns the estimate of the quantity less a number."""
        return self._replace(value=self.value - amount)

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

    def units_needed(self, bound: float, level: float) -> float:
        """Returns how many units in all would tell the quantity from `bound` at this level with a probability of 80 %,
        if the estimate were the truth; inf where it lies at the bound or its error is unknown.

        The error shrinks with the square root of the units.
        """
        gap = abs(self.value - bound)
        if not gap or not self._has_error():
            return math.inf
        return self.units * ((ndtri((1 + level) / 2) + ndtri(POWER)) * self.error / gap) ** 2

    def _distance(self, bound: float) -> float:
        return (self.value - bound) / self.error if self._has_error() else 0.0

    def _has_error(self) -> bool:
        """Returns whether there is an error to tell anything by: scores that are all the same, such as those of trials
        that all failed, do not say how much others would differ."""
        return ROUNDING * max(1.0, abs(self.value)) < self.error < math.inf


class Share(NamedTuple):
    """A share of configs, less the share that a claim is about; its intervals and p are exact (Clopper and Pearson
    1934).

    successes: how many of the `units` configs have what is counted. limit: the share that is taken off.
    """

    successes: int
    units: int
    limit: float

    @property
    def value(self) -> float:
        """The share of the configs that are there, less the limit."""
        return self.successes / self.units - self.limit

    def minus(self, amount: float) -> "Share":
        """Returns the same share less a number."""
        return self._replace(limit=self.limit + amount)

    def complement(self) -> "Share":
        """Returns the share of the configs that do not have what is counted, less 1 - `limit`."""
        return Share(self.units - self.successes, self.units, 1.0 - self.limit)

    def interval(self, level: float) -> tuple[float, float]:
        """Returns the two-sided interval at this level, each end of which is wrong at most half as often."""
        tail, rest = (1 - level) / 2, self.units - self.successes
        low = float(betaincinv(self.successes, rest + 1, tail)) if self.successes else 0.0
        high = float(betaincinv(self.successes + 1, rest, 1 - tail)) if rest else 1.0
        return low - self.limit, high - self.limit

    def p_below(self, bound: float) -> float:
        """Returns the one-sided p of the hypothesis that the quantity is `bound` or more."""
        share, rest = min(max(self.limit + bound, 0.0), 1.0), self.units - self.successes
        return float(betainc(rest, self.successes + 1, 1 - share)) if rest else 1.0

    def p_above(self, bound: float) -> float:
        """Returns the one-sided p of the hypothesis that the quantity is `bound` or less."""
        share, rest = min(max(self.limit + bound, 0.0), 1.0), self.units - self.successes
        return float(betainc(self.successes, rest + 1, share)) if self.successes else 1.0

    def units_needed(self, bound: float, level: float) -> float:
        """Returns how many configs with the same share would tell it from `bound` at this level, found by doubling and
        halving; inf where the share lies at the bound."""
        test = Share.p_below if self.value < bound else Share.p_above

        def decided(units: int) -> bool:
            return test(Share(round(units * self.successes / self.units), units, self.limit), bound) < (1 - level) / 2

        if self.value == bound:
            return math.inf
        high = self.units
        while not decided(high):
            high *= 2
            if high > MOST_UNITS:
                return math.inf
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if decided(middle) else (middle, high)
        return float(high)


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
