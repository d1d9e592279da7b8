import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from ganscape.metrics import MetricError
from ganscape.metrics.frechet import (
    distance,
    distance_at_infinity,
    expected_bias,
    frechet_distance,
    frechet_distance_of_features,
    reference,
    reference_of_features,
)
from ganscape.metrics.moments import Moments, moments


def with_moments(mean, covariance, count=1000):
    return Moments(count, np.asarray(mean, float), np.asarray(covariance, float) * (count - 1))


def between(mean1, covariance1, mean2, covariance2):
    return frechet_distance(reference(with_moments(mean1, covariance1)), with_moments(mean2, covariance2))


def features(seed, n, d, scale=1.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ (rng.normal(size=(d, d)) * scale) + rng.normal(size=d)


def rotation(seed, d):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def by_sqrtm(x, y):
    """TTUR's formula with scipy's root of the plain product."""
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    gap = x.mean(axis=0) - y.mean(axis=0)
    return gap @ gap + np.trace(s1) + np.trace(s2) - 2 * np.trace(scipy.linalg.sqrtm(s1 @ s2)).real


def by_mpmath(x, y, digits=60):
    """The definition with `digits` decimal digits: roots of the eigenvalues of S1^(1/2) S2 S1^(1/2)."""
    with mpmath.workdps(digits):
        (mean1, s1), (mean2, s2) = (mp_moments(features) for features in (x, y))
        eigenvalues, vectors = mpmath.eigsy(s1)
        root = vectors * mpmath.diag([mpmath.sqrt(max(value, 0)) for value in eigenvalues]) * vectors.T
        product = root * s2 * root
        overlap = sum(mpmath.sqrt(max(v, 0)) for v in mpmath.eigsy((product + product.T) / 2, eigvals_only=True))
        trace = sum(s1[i, i] + s2[i, i] for i in range(s1.rows))
        return float(sum((a - b) ** 2 for a, b in zip(mean1, mean2, strict=True)) + trace - 2 * overlap)


def mp_moments(features):
    rows = [[mpmath.mpf(float(value)) for value in row] for row in features]
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    centred = mpmath.matrix([[value - m for value, m in zip(row, mean, strict=True)] for row in rows])
    return mean, centred.T * centred / (len(rows) - 1)


def test_one_dimension_is_the_difference_of_means_and_standard_deviations():
    assert between([1], [[9]], [5], [[4]]) == pytest.approx((1 - 5) ** 2 + (3 - 2) ** 2, rel=1e-14)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_commuting_covariances_have_a_closed_form(seed, d):
    rng = np.random.default_rng(seed)
    q = rotation(seed, d)
    a, b = rng.uniform(0.1, 3, size=(2, d))
    mean1, mean2 = rng.normal(size=(2, d))
    found = between(mean1, q * a**2 @ q.T, mean2, q * b**2 @ q.T)
    assert found == pytest.approx(np.sum((mean1 - mean2) ** 2) + np.sum((a - b) ** 2), rel=1e-10, abs=1e-12)


def test_diagonal_covariances_with_zeros_have_a_closed_form():
    found = between([0, 0, 0], np.diag([4, 0, 1]), [1, 0, 0], np.diag([1, 9, 0]))
    assert found == pytest.approx(1 + (2 - 1) ** 2 + 9 + 1, rel=1e-14)


def test_two_dimensions_have_the_closed_form_of_the_trace():
    # tr((S1 S2)^(1/2))^2 = tr(S1 S2) + 2 sqrt(det(S1 S2)) in two dimensions
    s1, s2 = np.array([[2, 0.5], [0.5, 1]]), np.array([[1, -0.8], [-0.8, 3]])
    overlap = np.sqrt(np.trace(s1 @ s2) + 2 * np.sqrt(np.linalg.det(s1 @ s2)))
    assert between([0, 0], s1, [0, 0], s2) == pytest.approx(3 + 4 - 2 * overlap, rel=1e-13)


@pytest.mark.parametrize(("n", "m", "d"), [(100, 80, 5), (300, 200, 40)])
def test_agrees_with_scipys_matrix_root(n, m, d):
    x, y = features(0, n, d), features(1, m, d)
    assert frechet_distance_of_features(x, y) == pytest.approx(by_sqrtm(x, y), rel=1e-10)


@pytest.mark.parametrize(("n", "m"), [(5, 4), (5, 30), (30, 5), (2, 2), (12, 12), (13, 12)])
def test_fewer_samples_than_dimensions_agree_with_high_precision(n, m):
    x, y = features(2, n, 12), features(3, m, 12)
    exact = by_mpmath(x, y)
    assert frechet_distance_of_features(x, y) == pytest.approx(exact, rel=1e-12 if max(n, m) <= 12 else 1e-8)
    assert frechet_distance(reference(moments(x)), moments(y)) == pytest.approx(exact, rel=3e-7)


def test_ill_conditioned_covariances_agree_with_high_precision():
    scales = 10.0 ** -np.arange(0, 8)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 8)) * scales @ rotation(5, 8)
    y = rng.normal(size=(40, 8)) * scales @ rotation(6, 8)
    assert frechet_distance_of_features(x, y) == pytest.approx(by_mpmath(x, y), rel=1e-7)


def test_rank_deficient_covariances_agree_with_high_precision():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 10))
    y = rng.normal(size=(40, 4)) @ rng.normal(size=(4, 10))
    assert frechet_distance_of_features(x, y) == pytest.approx(by_mpmath(x, y), rel=1e-7)


def test_a_large_common_offset_changes_nothing():
    x, y = (np.round(features(seed, 200, 6) * 2**20) / 2**20 for seed in (8, 9))
    offset = 2.0**20
    assert frechet_distance_of_features(x + offset, y + offset) == pytest.approx(by_sqrtm(x, y), rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(100, 30), (20, 30), (2, 30)])
def test_zero_for_identical_features(n, d):
    x = features(10, n, d)
    trace = np.trace(np.cov(x, rowvar=False))
    assert 0 <= frechet_distance_of_features(x, x) <= 1e-6 * trace
    assert 0 <= frechet_distance_of_features(x, x[::-1]) <= 1e-6 * trace


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(2, 30), st.integers(1, 15))
def test_symmetric_and_not_negative(seed, n, m, d):
    x, y = features(seed, n, d), features(seed + 1, m, d)
    forth, back = frechet_distance_of_features(x, y), frechet_distance_of_features(y, x)
    traces = np.trace(np.atleast_2d(np.cov(x, rowvar=False))) + np.trace(np.atleast_2d(np.cov(y, rowvar=False)))
    assert min(forth, back) >= 0
    assert forth == pytest.approx(back, rel=1e-8, abs=1e-6 * traces)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 100))
def test_rotation_and_translation_invariant_and_quadratic_in_scale(seed, scale):
    x, y = features(seed, 40, 5), features(seed + 1, 30, 5)
    q, shift = rotation(seed, 5), np.arange(5.0)
    found = frechet_distance_of_features(x @ q * scale + shift, y @ q * scale + shift)
    assert found == pytest.approx(scale**2 * frechet_distance_of_features(x, y), rel=1e-8)


def test_a_collapsed_generator_is_as_far_as_the_data_spread():
    x = features(11, 100, 6)
    expected = np.sum((x.mean(axis=0) - 3) ** 2) + np.trace(np.cov(x, rowvar=False))
    for count in (2, 5, 6, 50):  # both sides of n = d
        collapsed = np.full((count, 6), 3.0)
        assert distance(reference_of_features(x), collapsed) == pytest.approx(expected, rel=1e-12)
        assert frechet_distance_of_features(collapsed, x) == pytest.approx(expected, rel=1e-12)
        assert frechet_distance_of_features(collapsed, collapsed) == 0


def test_small_samples_exceed_zero_by_the_first_order_bias():
    # E FD = sum(l)(1/n + 1/m) + 1/2 (1/(n-1) + 1/(m-1)) (sum_ij l_i l_j / (l_i + l_j) + sum_i l_i / 2)
    n, m, repeats = 400, 300, 60
    spectrum = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.1])
    pairs = np.sum(np.outer(spectrum, spectrum) / (spectrum[:, None] + spectrum))
    expected = spectrum.sum() * (1 / n + 1 / m) + (1 / (n - 1) + 1 / (m - 1)) / 2 * (pairs + spectrum.sum() / 2)
    rng = np.random.default_rng(12)
    draws = [np.split(rng.normal(size=(n + m, len(spectrum))) * np.sqrt(spectrum), [n]) for _ in range(repeats)]
    found = [frechet_distance_of_features(real, fake) for real, fake in draws]
    error = np.std(found, ddof=1) / np.sqrt(repeats)
    assert error < 0.08 * expected
    assert abs(np.mean(found) - expected) < 3.5 * error + 0.02 * expected


def test_both_sides_give_the_same_number_where_they_meet():
    x, y = features(13, 200, 20), features(14, 20, 20)
    ref = reference_of_features(x)
    by_features = distance(ref, y[:19])
    by_moments = frechet_distance(ref, moments(y[:19]))
    assert by_features == pytest.approx(by_moments, rel=1e-7)


@pytest.mark.parametrize(("n", "m"), [(500, 400), (500, 150), (150, 150)])
def test_the_bits_do_not_depend_on_the_number_of_blas_threads(n, m):
    x, y = features(15, n, 300), features(16, m, 300)
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, "blas"):
            found.append(frechet_distance_of_features(x, y).hex())
    assert len(set(found)) == 1


def test_values_that_are_not_finite_are_refused_and_counted():
    x = features(17, 10, 4)
    for count in (3, 10):
        broken = features(18, count, 4)
        broken[0, 1] = np.nan
        with pytest.raises(MetricError, match=f"1 of {count * 4} feature values are not finite"):
            frechet_distance_of_features(x, broken)
        with pytest.raises(MetricError, match=f"1 of {count * 4} feature values are not finite"):
            frechet_distance_of_features(broken, x)


@pytest.mark.parametrize("d", [1, 4])
def test_a_single_sample_is_refused(d):
    x = features(19, 10, d)
    with pytest.raises(MetricError, match="at least 2 samples, not 1"):
        distance(reference_of_features(x), x[:1])
    with pytest.raises(MetricError, match="at least 2 samples, not 1"):
        reference_of_features(x[:1])


@pytest.mark.parametrize("count", [3, 20])
def test_other_dimensions_are_refused(count):
    with pytest.raises(MetricError, match="5 dimensions, the reference 4"):
        frechet_distance_of_features(features(20, 10, 4), features(21, count, 5))


def test_a_result_that_rounding_does_not_explain_is_an_error():
    line, indefinite = np.diag([1, 0]), np.diag([1, -0.5])  # no covariance: a distance of 1 + 0.5 - 2
    with pytest.raises(ArithmeticError, match=r"-0.5 .*not explained by rounding"):
        between([0, 0], line, [0, 0], indefinite)


def test_the_distance_at_infinity_has_lost_the_bias_of_the_samples():
    """Against exact moments of a standard normal; the samples are shifted by 0.2 in each of 8 dimensions."""
    exact = reference(with_moments(np.zeros(8), np.eye(8)))
    rng = np.random.default_rng(22)
    draws = [rng.normal(size=(400, 8)) + 0.2 for _ in range(40)]
    plain, extrapolated = ([each(exact, x) for x in draws] for each in (distance, distance_at_infinity))
    errors = [np.std(found, ddof=1) / np.sqrt(len(draws)) for found in (plain, extrapolated)]
    assert np.mean(plain) > 8 * 0.2**2 + 8 * errors[0]
    assert abs(np.mean(extrapolated) - 8 * 0.2**2) < 3.5 * errors[1]
    assert errors[1] < 0.02


def test_what_does_not_depend_on_the_size_is_what_it_is_at_infinity():
    ref, collapsed = reference_of_features(features(23, 50, 6)), np.full((40, 6), 3.0)
    assert distance_at_infinity(ref, collapsed) == pytest.approx(distance(ref, collapsed), rel=1e-12)


def test_the_line_at_infinity_goes_through_subsets_of_tenths_up_to_all(monkeypatch):
    """A distance of 7 + 30 / size in place of the real one."""
    sizes = []

    def line(_, subset):
        sizes.append(len(np.unique(subset)))
        return 7 + 30 / len(subset)

    monkeypatch.setattr("ganscape.metrics.frechet.distance", line)
    x = np.arange(1000.0)[:, None]
    assert distance_at_infinity(reference_of_features(x), x) == pytest.approx(7, rel=1e-9)
    assert (len(sizes), sizes[0], sizes[-1]) == (15, 100, 1000)
    assert np.ptp(np.diff(sizes)) <= 1


def test_the_distance_at_infinity_refuses_too_few_samples_for_the_dimension():
    for count, dimension, least in ((29, 3, 30), (47, 12, 48)):
        x = features(24, count + 1, dimension)
        assert np.isfinite(distance_at_infinity(reference_of_features(x), x))
        with pytest.raises(MetricError, match=f"in {dimension} dimensions needs at least {least} samples, not {count}"):
            distance_at_infinity(reference_of_features(x), x[1:])


@pytest.mark.parametrize(("count", "other"), [(400, 400), (400, 900)])
def test_the_expected_bias_is_that_of_simulated_gaussians(count, other):
    """Samples of one Gaussian with a steep spectrum, many times over; and its closed form for a round one."""
    rng = np.random.default_rng(0)
    scales = 0.7 ** np.arange(8)
    found = [
        frechet_distance_of_features(*(rng.normal(size=(size, 8)) * scales for size in (count, other)))
        for _ in range(200)
    ]
    exact = reference(Moments(10**9, np.zeros(8), np.diag(scales**2) * (10**9 - 1)))
    assert expected_bias(exact, count, other) == pytest.approx(np.mean(found), rel=0.06)
    round_one = reference(Moments(10**9, np.zeros(8), np.eye(8) * (10**9 - 1)))
    closed = 8 * (1 / count + 1 / other) + 8 * 9 / 4 * (1 / (count - 1) + 1 / (other - 1))
    assert expected_bias(round_one, count, other) == pytest.approx(closed, rel=1e-9)
