"""Rules on made estimates: what is true is found, and nothing false is said more often than 5 % of the time."""

import math

import numpy as np
import pytest

from ganscape.results.claims.estimates import Estimate
from ganscape.results.claims.rules import (
    ALIKE,
    EVERY,
    FAILS,
    HOLDS,
    NOT_WORSE,
    REVERSAL,
    SOME,
    THREE,
    UNDECIDED,
    ClaimDecision,
    Contrast,
)

MARGIN = math.log(1.5)
CASES = 2000


def units_needed(decision):
    return decision.telling.estimate.units_needed(decision.bound, decision.level)


def contrasts(values, error=0.05, freedom=20):
    return [Contrast(f"contrast {i}", Estimate(value, error, freedom, 21)) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("rule", "values", "verdict"),
    [
        (EVERY, [-1, -2, -0.5], HOLDS),
        (EVERY, [-1, -2, 0.5], FAILS),
        (EVERY, [-1, -2, -0.01], FAILS),  # no difference of the margin
        (EVERY, [-1, -2, -MARGIN], HOLDS),
        (SOME, [1, 1, -0.5], HOLDS),
        (SOME, [1, 1, 0.0], FAILS),
        (THREE, [-1, -1, -1, 2], HOLDS),
        (THREE, [-1, -1, 1, 2], FAILS),
        (NOT_WORSE, [0.1, -1], HOLDS),
        (NOT_WORSE, [2 * MARGIN, -1], FAILS),
        (ALIKE, [0.1, -0.1], HOLDS),
        (ALIKE, [0.1, -2 * MARGIN], FAILS),
        (ALIKE, [0.1, MARGIN], UNDECIDED),
        (REVERSAL, [-1, 1, 1, 1], HOLDS),
        (REVERSAL, [-1, -1, 1, 1], FAILS),
        (REVERSAL, [-1, 0.01, 1, 1], UNDECIDED),
    ],
)
def test_clear_estimates_decide(rule, values, verdict):
    assert rule.decide(contrasts(values), MARGIN).verdict == verdict


@pytest.mark.parametrize("rule", [EVERY, SOME, THREE, NOT_WORSE, ALIKE, REVERSAL], ids=lambda rule: rule.name)
def test_wide_estimates_decide_nothing(rule):
    decision = rule.decide(contrasts([-0.3, -0.2, -0.1, -0.3], error=3.0), MARGIN)
    assert decision.verdict == UNDECIDED and math.isfinite(units_needed(decision))


@pytest.mark.parametrize(
    ("rule", "truth", "wrong"),
    [
        (EVERY, [-5, -5, 0], HOLDS),
        (EVERY, [-MARGIN] * 3, FAILS),
        (SOME, [0] * 5, HOLDS),
        (SOME, [-MARGIN, 5, 5], FAILS),
        (THREE, [-5, -5, 0, 0, 0], HOLDS),
        (THREE, [-MARGIN] * 3 + [5, 5], FAILS),
        (NOT_WORSE, [-5, MARGIN], HOLDS),
        (NOT_WORSE, [0] * 3, FAILS),
        (ALIKE, [0, MARGIN], HOLDS),
        (ALIKE, [MARGIN * 0.999] * 6, FAILS),
        (REVERSAL, [-5, 0] + [0, 0] * 9, HOLDS),
        (REVERSAL, [-5, 0.001, 5, 5], FAILS),
    ],
)
def test_no_rule_is_wrong_more_often_than_5_percent_where_the_truth_is_at_its_margin(rule, truth, wrong):
    """Estimates of error 1/4 with 11 degrees of freedom; 5 % and three deviations of CASES tosses."""
    rng, freedom, error = np.random.default_rng(0), 11, 0.25
    values = np.asarray(truth, float) + error * rng.normal(size=(CASES, len(truth)))
    errors = error * np.sqrt(rng.chisquare(freedom, size=values.shape) / freedom)
    count = 0
    for value, deviation in zip(values, errors, strict=True):
        made = [Contrast("", Estimate(*pair, freedom, 12)) for pair in zip(value, deviation, strict=True)]
        count += rule.decide(made, MARGIN).verdict == wrong
    assert count <= CASES * 0.05 + 3 * math.sqrt(CASES * 0.05 * 0.95)


def test_the_interval_that_is_shown_agrees_with_the_verdict():
    rng = np.random.default_rng(3)
    for value in rng.normal(0.0, 0.6, size=300):
        decision = EVERY.decide(contrasts([value, -9.0], error=0.1), MARGIN)
        low, high = decision.telling.estimate.interval(decision.level)
        if decision.verdict == HOLDS:
            assert high < 0.0
        elif decision.verdict == FAILS:
            assert low > -MARGIN
        else:
            assert low <= decision.bound <= high


def test_four_times_the_units_halve_the_error():
    def needed(error):
        return units_needed(ClaimDecision(UNDECIDED, *contrasts([-0.2], error=error), 0.95, 0.0))

    assert needed(0.4) == pytest.approx(4 * needed(0.2))
    assert units_needed(ClaimDecision(UNDECIDED, *contrasts([0.0]), 0.95, 0.0)) == math.inf
