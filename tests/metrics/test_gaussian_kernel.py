"""The kernel distance of CMMD, against scikit-learn's kernel and by hand."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel

from ganscape.metrics import MetricError
from ganscape.metrics.gaussian_kernel import cmmd, reference


def features(seed, n, d, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def by_sklearn(x, y):
    x, y = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, y))
    kxx, kyy, kxy = (rbf_kernel(a, b, gamma=1 / 200) for a, b in ((x, x), (y, y), (x, y)))
    return 1000 * (kxx.mean() + kyy.mean() - 2 * kxy.mean())


@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 5), (30, 17, 5), (1, 40, 3), (9, 2, 64)])
def test_it_is_the_estimate_made_of_sklearn_s_kernel(n, m, d):
    x, y = features(0, n, d), features(1, m, d, 0.3)
    assert cmmd(reference(x), y) == pytest.approx(by_sklearn(x, y), rel=1e-9)


def test_by_hand():
    # unit features at a right angle are sqrt(2) apart: 1000 (1 + 1 - 2 exp(-2 / 200))
    assert cmmd(reference([[3.0, 0.0]]), [[0.0, 5.0]]) == pytest.approx(2000 * (1 - np.exp(-0.01)), rel=1e-12)


def test_lengths_of_features_do_not_count_and_zeros_stay_zeros():
    x, y = features(0, 20, 4), features(1, 20, 4)
    assert cmmd(reference(x), y) == pytest.approx(cmmd(reference(7 * x), 0.1 * y), rel=1e-9)
    assert cmmd(reference([[0.0, 0.0]]), [[1.0, 0.0]]) == pytest.approx(2000 * (1 - np.exp(-1 / 200)), rel=1e-12)


def test_a_small_distance_keeps_its_digits():
    x = features(2, 20, 3)
    turned = x @ np.array([[np.cos(1e-5), np.sin(1e-5), 0], [-np.sin(1e-5), np.cos(1e-5), 0], [0, 0, 1]])
    one, other = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (x, turned))

    def mean(a, b):  # with 64 bits of mantissa, of which 11 are left after the differences
        return np.mean(np.exp(-np.square(a[:, None].astype(np.longdouble) - b).sum(axis=2) / 200))

    expected = 1000 * (mean(one, one) + mean(other, other) - 2 * mean(one, other))
    assert cmmd(reference(x), turned) == pytest.approx(float(expected), rel=1e-3)


def test_it_does_not_depend_on_the_size_of_blocks(monkeypatch):
    from ganscape.metrics import gaussian_kernel

    x, y = features(0, 30, 4), features(1, 25, 4)
    whole = cmmd(reference(x), y)
    monkeypatch.setattr(gaussian_kernel, "ENTRIES", 70)
    assert cmmd(reference(x), y) == pytest.approx(whole, rel=1e-12)


def test_samples_that_do_not_fit_are_refused():
    with pytest.raises(MetricError, match="3 dimensions, the reference 2"):
        cmmd(reference(np.ones((4, 2))), np.ones((4, 3)))
    with pytest.raises(MetricError, match="at least 1 sample"):
        reference(np.ones((0, 2)))
