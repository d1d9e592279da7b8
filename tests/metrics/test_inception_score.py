import math

import numpy as np
import pytest
import scipy.stats

from ganscape.metrics import MetricError, inception_score
from ganscape.metrics.inception_score import inception_score as score


def logits(seed, n, classes, scale=2.0):
    return np.random.default_rng(seed).normal(size=(n, classes)) * scale


def by_divergences(values):
    """The definition, with scipy's Kullback-Leibler divergence."""
    p = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    return math.exp(np.mean([scipy.stats.entropy(row, p.mean(axis=0)) for row in p]))


@pytest.mark.parametrize(("n", "classes"), [(50, 10), (3, 1008), (1, 4), (20, 1)])
def test_it_is_the_mean_divergence(n, classes):
    values = logits(0, n, classes)
    assert score(values).mean == pytest.approx(by_divergences(values), rel=1e-12)


def test_sure_and_even_gives_the_number_of_classes():
    assert score(np.eye(10) * 1000).mean == pytest.approx(10, rel=1e-12)
    assert score(np.eye(10)[:3] * 1000).mean == pytest.approx(3, rel=1e-12)


def test_unsure_or_always_the_same_gives_one():
    assert score(np.zeros((8, 10))).mean == 1
    for seed in range(20):
        assert 1 <= score(np.tile(logits(seed, 1, 10), (7, 1))).mean <= 1 + 1e-12


def test_two_images_by_hand():
    """Probabilities (3/4, 1/4) and (1/4, 3/4)."""
    values = np.log([[3.0, 1.0], [1.0, 3.0]])
    assert score(values).mean == pytest.approx(2 * 0.75**0.75 * 0.25**0.25, rel=1e-14)


def test_probabilities_that_underflow_count_as_zero():
    values = np.array([[0.0, -1e4, -2e4], [-1e4, 0.0, -1e300]])
    assert score(values).mean == pytest.approx(2, rel=1e-14)


def test_a_shift_of_an_image_s_logits_changes_nothing():
    values = logits(2, 30, 10)
    shift = np.round(logits(3, 30, 1, 1e3))
    assert score(values + shift).mean == pytest.approx(score(values).mean, rel=1e-10)


def test_splits_are_stretches_of_the_reference_code():
    """Boundaries i n // splits; the deviation has the divisor of their number."""
    values = logits(4, 11, 6)
    parts = [by_divergences(values[start:stop]) for start, stop in ((0, 3), (3, 7), (7, 11))]
    found = score(values, splits=3)
    assert found == pytest.approx((np.mean(parts), np.std(parts)), rel=1e-12)
    assert score(values).deviation == 0


def test_blocks_change_nothing(monkeypatch):
    values = logits(5, 23, 7)
    whole = score(values).mean
    monkeypatch.setattr(inception_score, "ROWS", 4)
    assert score(values).mean == pytest.approx(whole, rel=1e-13)


def test_what_has_no_score_is_refused():
    with pytest.raises(MetricError, match="10 splits need as many images or more, not 9"):
        score(logits(6, 9, 4), splits=10)
    with pytest.raises(MetricError, match="0 splits"):
        score(logits(6, 9, 4), splits=0)
    with pytest.raises(MetricError, match="not 0"):
        score(np.zeros((0, 4)))
    with pytest.raises(MetricError, match="1 of 8 feature values are not finite"):
        score([[0.0, 1, 2, math.inf], [0, 1, 2, 3]])
