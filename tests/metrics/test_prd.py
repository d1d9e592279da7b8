import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ganscape.metrics import MetricError
from ganscape.metrics.prd import Curve, curve, curve_of_histograms, largest_f, largest_f_1_8, largest_f_8, reference


def at(found, place):
    return found.precision[place], found.recall[place]


def blobs(seed, counts, spread=0.1):
    """Features around points that are 100 apart, so many at each."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(count, 2)) * spread + 100 * place for place, count in enumerate(counts)])


def test_no_overlap_is_zero_everywhere():
    found = curve_of_histograms([1, 0], [0, 1])
    assert not found.precision.any() and not found.recall.any()


def test_identical_histograms_reach_one_at_slope_one():
    assert at(curve_of_histograms([1, 0], [1, 0], 11), 5) == pytest.approx((1, 1), abs=1e-12)


def test_a_mode_too_many_costs_precision():
    found = curve_of_histograms([1, 0], [0.5, 0.5], 11)
    assert at(found, 5) == pytest.approx((0.5, 0.5), abs=1e-12)
    assert found.precision[10] == pytest.approx(0.5, abs=1e-9)
    assert found.recall[1] == pytest.approx(1, abs=1e-12)


def test_a_mode_too_few_costs_recall():
    found = curve_of_histograms([0.5, 0.5], [1, 0], 11)
    assert at(found, 5) == pytest.approx((0.5, 0.5), abs=1e-12)
    assert found.recall[1] == pytest.approx(0.5, abs=1e-12)
    assert found.precision[10] == pytest.approx(1, abs=1e-9)


def test_slope_one_gives_one_minus_the_total_variation():
    p, q = np.random.default_rng(0).dirichlet(np.ones(20), size=2)
    expected = 1 - np.abs(p - q).sum() / 2
    assert at(curve_of_histograms(p, q, 3), 1) == pytest.approx((expected, expected), rel=1e-12)


def test_every_slope_agrees_with_the_definition_and_with_the_swap():
    """Swapping the two swaps precision and recall and turns the angles round."""
    p, q = np.random.default_rng(1).dirichlet(np.ones(6), size=2)
    found, swapped = curve_of_histograms(p, q), curve_of_histograms(q, p)
    for place in (1, 137, 500, 731, 999):
        slope = np.tan(1e-10 + place * (np.pi / 2 - 2e-10) / 1000)
        precision = sum(min(slope * a, b) for a, b in zip(p, q, strict=True))
        assert at(found, place) == pytest.approx((precision, precision / slope), rel=1e-9)
    np.testing.assert_allclose(found.precision, swapped.recall[::-1], rtol=1e-6)
    assert len(found.precision) == 1001
    assert (np.diff(found.precision) >= 0).all() and (np.diff(found.recall) <= 1e-15).all()
    assert max(found.precision.max(), found.recall.max()) <= 1


@pytest.mark.parametrize(
    ("precision", "recall", "beta", "expected"),
    [
        *((1, 1, 1, 1), (1, 0, 1, 0), (0, 0, 1, 0), (1, 0.5, 1, 2 / 3)),
        *((1, 0.5, 2, 5 / 9), (0.5, 1, 2, 5 / 6), (1, 0.5, 0.5, 5 / 6)),
    ],
)
def test_f_of_one_point(precision, recall, beta, expected):
    assert largest_f(Curve(np.array([precision]), np.array([recall])), beta) == pytest.approx(expected, abs=1e-9)


def test_f_takes_the_largest_of_the_curve():
    found = Curve(np.array([0.1, 0.6, 1.0]), np.array([1.0, 0.6, 0.1]))
    assert largest_f(found, 1) == pytest.approx(0.6, abs=1e-9)
    assert largest_f(found, 8) == pytest.approx(65 * 0.1 / (64 * 0.1 + 1), abs=1e-9)


def test_clusters_give_the_histograms_of_modes():
    """Two modes: all real samples in shares of 3/4 and 1/4, generated ones in 1/4 and 3/4."""
    found = curve(blobs(2, (30, 10)), blobs(3, (10, 30)), clusters=2, runs=2)
    expected = curve_of_histograms([0.75, 0.25], [0.25, 0.75])
    np.testing.assert_allclose(found.precision, expected.precision, atol=1e-12)
    np.testing.assert_allclose(found.recall, expected.recall, atol=1e-12)


def test_a_curve_is_the_mean_of_its_clusterings():
    """Run i of the mean has random state i, so that two means of different length leave the rest."""
    x, y = (np.random.default_rng(seed).normal(size=(40, 3)) for seed in (4, 5))
    one, two = (curve(x, y, clusters=8, runs=runs) for runs in (1, 2))
    second = 2 * two.precision - one.precision
    assert not np.allclose(second, one.precision)
    slopes = np.tan(np.linspace(1e-10, np.pi / 2 - 1e-10, 1001))
    np.testing.assert_allclose((2 * two.recall - one.recall)[1:] * slopes[1:], second[1:], atol=1e-9)
    assert min(second) >= 0 and max(second) == pytest.approx(1)


def test_identical_features_have_both_and_separate_ones_neither():
    x = np.random.default_rng(6).normal(size=(60, 3))
    assert (largest_f_8(x, x), largest_f_1_8(x, x)) == pytest.approx((1, 1), abs=1e-9)
    assert (largest_f_8(x, x + 100), largest_f_1_8(x, x + 100)) == (0, 0)


def test_the_two_numbers_tell_dropped_modes_from_added_ones():
    all_modes, few = blobs(7, (20,) * 4), blobs(8, (40, 40))
    assert largest_f_8(all_modes, few) < 0.7 < largest_f_1_8(all_modes, few)
    assert largest_f_1_8(few, all_modes) < 0.7 < largest_f_8(few, all_modes)


def test_collapsed_sets_have_a_curve():
    point = np.full((10, 3), 2.0)
    assert largest_f_8(point, point) == pytest.approx(1, abs=1e-9)
    assert largest_f_8(np.random.default_rng(9).normal(size=(10, 3)), point) == 0


def test_the_bits_do_not_depend_on_the_number_of_threads():
    x, y = (np.random.default_rng(seed).normal(size=(700, 20)) for seed in (10, 11))
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads):
            found.append(curve(x, y, runs=1).precision.tobytes())
    assert len(set(found)) == 1


def test_what_would_bias_the_clusters_is_refused():
    x = np.random.default_rng(12).normal(size=(30, 3))
    with pytest.raises(MetricError, match="as many generated as real samples, not 29 against 30"):
        curve(x, x[:29])
    with pytest.raises(MetricError, match="features have 2 dimensions, the reference 3"):
        curve(x, x[:, :2])
    with pytest.raises(MetricError, match="20 clusters need at least 10 samples of each set, not 9"):
        reference(x[:9])
    with pytest.raises(MetricError, match="not finite"):
        curve(x, np.full_like(x, np.nan))
