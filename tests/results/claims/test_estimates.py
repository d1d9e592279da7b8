"""Estimates of claims against scipy's tests and against leaving out by hand."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from ganscape.results import budget
from ganscape.results.claims.estimates import (
    Share,
    best_of,
    difference,
    estimate_mean,
    estimate_spread,
    jackknife,
    log_best_of,
)


@pytest.fixture
def scores():
    return np.exp(np.random.default_rng(0).normal(size=(9, 2)))


def test_the_best_without_each_config_is_the_best_of_the_others(scores):
    value, left_out = log_best_of(scores, 4)
    assert value == math.log(budget.expected_best(scores, 4))
    by_hand = [math.log(budget.expected_best(np.delete(scores, row, axis=0), 4)) for row in range(9)]
    np.testing.assert_allclose(left_out, by_hand, atol=1e-12)
    np.testing.assert_allclose(best_of(scores, 4).interval(0.95), np.log(budget.interval(scores, 4)))


def test_a_mean_and_a_difference_are_those_of_students_and_welchs_tests():
    a, b = np.random.default_rng(1).normal(size=(2, 7))
    one = stats.ttest_1samp(a, 0.3, alternative="less")
    assert estimate_mean(a).p_below(0.3) == pytest.approx(one.pvalue)
    np.testing.assert_allclose(estimate_mean(a).interval(0.9), stats.ttest_1samp(a, 0.0).confidence_interval(0.9))
    two = stats.ttest_ind(a, b, equal_var=False, alternative="greater")
    both = difference(estimate_mean(a), estimate_mean(b))
    assert both.p_above(0.0) == pytest.approx(two.pvalue)
    assert both.freedom == pytest.approx(two.df)


def test_the_jackknife_of_a_mean_is_its_standard_error():
    a, b = np.random.default_rng(2).normal(size=(2, 8, 1))
    estimate = jackknife(lambda x, y: float(x.mean() - y.mean()), [a, b])
    assert estimate.error == pytest.approx(math.hypot(stats.sem(a, axis=None), stats.sem(b, axis=None)))
    assert estimate.freedom == 7


def test_a_spread_does_not_change_with_the_unit_of_the_score(scores):
    assert estimate_spread(scores * 1000.0) == pytest.approx(estimate_spread(scores))
    assert estimate_spread(scores**2.0).value == pytest.approx(estimate_spread(scores).value + math.log(2.0))


def test_an_estimate_without_error_tells_nothing(scores):
    """Ties, such as scores of trials that all failed, do not say how much the next ones would differ."""
    tied = best_of(np.full_like(scores, 3.0), 4)
    assert tied.value == pytest.approx(math.log(3.0))
    assert tied.p_below(9.0) == tied.p_above(-9.0) == 0.5
    assert tied.units_needed(0.0, 0.95) == math.inf


@pytest.mark.parametrize("successes", [0, 1, 5, 8])
def test_a_share_has_the_interval_and_the_p_of_the_binomial_test(successes):
    share = Share(successes, 8, 0.25)
    expected = stats.binomtest(successes, 8).proportion_ci(0.9, method="exact")
    np.testing.assert_allclose(np.add(share.interval(0.9), 0.25), expected)
    assert share.p_below(0.1) == pytest.approx(stats.binomtest(successes, 8, 0.35, alternative="less").pvalue)
    assert share.p_above(0.1) == pytest.approx(stats.binomtest(successes, 8, 0.35, alternative="greater").pvalue)
    assert share.minus(0.1).p_below(0.0) == share.p_below(0.1)
    assert share.complement().p_above(0.0) == pytest.approx(share.p_below(0.0))


def test_so_many_configs_tell_a_share_from_its_limit_and_one_less_does_not():
    share = Share(4, 4, 0.5 ** (1 / 100))
    units = share.units_needed(0.0, 0.95)
    assert units == math.ceil(math.log(0.025) / math.log(share.limit))  # limit ^ units is the chance that all miss
    assert Share(3, 6, 0.5).units_needed(0.0, 0.95) == math.inf


def test_a_spread_is_the_mean_difference_of_all_pairs(scores):
    logs = np.log(scores).mean(axis=1)
    pairs = [abs(a - b) for a, b in itertools.combinations(logs, 2)]
    assert estimate_spread(scores).value == pytest.approx(math.log(np.mean(pairs)))
