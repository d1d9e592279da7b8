import itertools
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel
from threadpoolctl import threadpool_limits

from ganscape.metrics import MetricError, kernel
from ganscape.metrics.kernel import block_kid, kid, kid_of_features, reference, subset_kid


def features(seed, n, d, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def by_sklearn(x, y):
    kxx, kyy, kxy = (polynomial_kernel(a, b, degree=3, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    within = (kxx.sum() - np.trace(kxx)) / (n * (n - 1)) + (kyy.sum() - np.trace(kyy)) / (m * (m - 1))
    return within - 2 * kxy.mean()


def exactly(x, y):
    """The definition in rational numbers."""
    x, y = ([[Fraction(float(value)) for value in row] for row in part] for part in (x, y))

    def k(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    def within(part):
        pairs = list(itertools.permutations(range(len(part)), 2))
        return sum(k(part[i], part[j]) for i, j in pairs) / len(pairs)

    between = sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    return float(within(x) + within(y) - 2 * between)


@pytest.mark.parametrize(("n", "m", "d"), [(30, 30, 5), (30, 17, 5), (2, 40, 1), (9, 2, 64)])
def test_it_is_the_estimate_made_of_sklearn_s_kernel(n, m, d):
    x, y = features(0, n, d), features(1, m, d, 0.3)
    assert kid_of_features(x, y) == pytest.approx(by_sklearn(x, y), rel=1e-10)


def test_by_hand():
    # d = 1: k(0, 2) = 1, k(1, 1) = 8, k(0, 1) = 1, k(2, 1) = 27
    assert kid_of_features([[0.0], [2.0]], [[1.0], [1.0]]) == 1 + 8 - 2 * (1 + 1 + 27 + 27) / 4


@pytest.mark.parametrize("offset", [0.0, 2.0**10])
def test_it_is_exact_to_the_rounding_of_its_kernels(offset):
    x, y = (np.round(features(seed, 6, 3) * 2**10) / 2**10 + offset for seed in (2, 3))
    largest = (max(np.square(x).sum(axis=1).max(), np.square(y).sum(axis=1).max()) / 3 + 1) ** 3
    assert kid_of_features(x, y) == pytest.approx(exactly(x, y), rel=1e-13, abs=4e-16 * largest)


def test_a_small_distance_keeps_its_digits_also_from_float32():
    x = features(4, 40, 8).astype(np.float32)
    y = x + np.float32(1e-4)
    assert kid_of_features(x, y) == pytest.approx(exactly(x, y), rel=1e-11)


def test_it_is_unbiased():
    """The mean over all pairs of subsets is the value of the whole."""
    x, y = features(5, 6, 2), features(6, 5, 2, 0.5)
    found = [
        kid_of_features(x[list(i)], y[list(j)])
        for i in itertools.combinations(range(6), 3)
        for j in itertools.combinations(range(5), 2)
    ]
    assert np.mean(found) == pytest.approx(kid_of_features(x, y), rel=1e-12)
    assert min(found) < 0


def test_collapsed_sets_are_as_far_as_their_points():
    x, y = np.full((5, 3), 1.0), np.full((7, 3), 2.0)
    assert kid_of_features(x, x) == 0
    assert kid_of_features(x, y) == 2**3 + 5**3 - 2 * 3**3


def test_blocks_change_nothing(monkeypatch):
    x, y = features(7, 23, 4), features(8, 31, 4)
    whole = kid_of_features(x, y)
    for entries in (1, 31, 100):
        monkeypatch.setattr(kernel, "ENTRIES", entries)
        assert kid_of_features(x, y) == pytest.approx(whole, rel=1e-12, abs=1e-14)


def test_symmetric_and_blind_to_order():
    x, y = features(9, 20, 4), features(10, 30, 4)
    assert kid_of_features(y, x) == pytest.approx(kid_of_features(x, y), rel=1e-10)
    assert kid_of_features(x[::-1], y[::-1]) == pytest.approx(kid_of_features(x, y), rel=1e-10)


def test_subsets_of_all_samples_are_the_whole():
    """Only draws without replacement are."""
    x, y = features(11, 12, 3), features(12, 12, 3)
    value, spread = subset_kid(x, y, subsets=4, size=12)
    assert value == pytest.approx(kid_of_features(x, y), rel=1e-10)
    assert spread < 1e-12


def test_subsets_scatter_around_the_whole():
    x, y = features(13, 60, 3), features(14, 50, 3, 0.5)
    value, spread = subset_kid(x, y, subsets=200, size=20)
    assert abs(value - kid_of_features(x, y)) < 4 * spread / np.sqrt(200)
    assert spread > 0.01
    assert subset_kid(x, y, subsets=3, size=20) == subset_kid(x, y, subsets=3, size=20)
    assert subset_kid(x, y, subsets=3, size=20) != subset_kid(x, y, subsets=3, size=20, seed=1)


def test_the_spread_of_subsets_has_the_divisor_of_their_number():
    x, y = features(15, 30, 3), features(16, 30, 3)
    rng = np.random.default_rng(0)
    found = [by_sklearn(x[rng.choice(30, 9, False)], y[rng.choice(30, 9, False)]) for _ in range(5)]
    assert subset_kid(x, y, subsets=5, size=9) == pytest.approx((np.mean(found), np.std(found)), rel=1e-9)


def test_blocks_are_disjoint_in_order_and_nearly_equal():
    x, y = features(17, 23, 3), features(18, 12, 3)
    ends = [(0, 4, 8, 13, 18, 23), (0, 2, 4, 6, 9, 12)]  # 5 blocks, as 23 needs with at most 5 in each
    found = [
        by_sklearn(x[a:b], y[c:d]) for (a, b), (c, d) in zip(*(itertools.pairwise(each) for each in ends), strict=True)
    ]
    value, error = block_kid(x, y, largest=5)
    assert value == pytest.approx(np.mean(found), rel=1e-10)
    assert error == pytest.approx(np.std(found, ddof=1) / np.sqrt(5), rel=1e-10)


def test_few_blocks_have_no_standard_error():
    x, y = features(19, 40, 3), features(20, 40, 3)
    assert np.isnan(block_kid(x, y, largest=10).spread)
    assert block_kid(x, y).value == pytest.approx(kid_of_features(x, y), rel=1e-12)


def test_the_bits_do_not_depend_on_the_number_of_blas_threads():
    x, y = features(21, 700, 300), features(22, 600, 300)
    found = set()
    for threads in (1, 2, 4):
        with threadpool_limits(threads, "blas"):
            found.add(kid_of_features(x, y).hex())
    assert len(found) == 1


def test_what_cannot_be_estimated_is_refused():
    x = features(23, 10, 4)
    with pytest.raises(MetricError, match="at least 2 samples, not 1"):
        reference(x[:1])
    with pytest.raises(MetricError, match="at least 2 samples, not 1"):
        kid(reference(x), x[:1])
    with pytest.raises(MetricError, match="5 dimensions, the reference 4"):
        kid(reference(x), features(24, 10, 5))
    with pytest.raises(MetricError, match="subsets of 1000 samples cannot be drawn from 10 real and 10 fake"):
        subset_kid(x, x)
    with pytest.raises(MetricError, match="at least 2 samples, not 1"):
        block_kid(x, x[:3], largest=4)
    with pytest.raises(MetricError, match="1 of 40 feature values are not finite"):
        kid(reference(x), np.where(np.arange(40).reshape(10, 4) == 7, np.nan, x))


def test_no_subsets_and_blocks_of_one_are_refused():
    x = np.zeros((4, 2))
    with pytest.raises(MetricError, match="at least 1 of them, not 0"):
        subset_kid(x, x, subsets=0, size=2)
    with pytest.raises(MetricError, match="blocks need at least 2 samples, not 1"):
        block_kid(x, x, largest=1)
