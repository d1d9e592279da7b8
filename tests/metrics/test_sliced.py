"""The Monge inception distance, against scipy's distance in one dimension and closed forms."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from ganscape.metrics import MetricError
from ganscape.metrics.sliced import draw_directions, mind, reference, squared_distances


def features(seed, n, d, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def test_a_shift_of_all_samples_has_its_square_times_three():
    """(u . s)^2 averages |s|^2 / d over unit vectors u; the mean over 1,000 of them is that to a few per cent."""
    x, shift = features(0, 50, 4), np.array([1.0, -2.0, 0.5, 0.0])
    expected = 3 * 4 * np.mean((shift @ draw_directions(4)) ** 2)
    assert mind(reference(x), x + shift) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(3 * shift @ shift, rel=0.1)


def test_in_one_dimension_it_is_the_squared_distance_of_sorted_samples():
    x, y = features(0, 30, 1), features(1, 30, 1, 0.7)
    assert mind(reference(x), y) == pytest.approx(3 * np.mean((np.sort(x, 0) - np.sort(y, 0)) ** 2))


@pytest.mark.parametrize(("n", "m"), [(6, 4), (5, 7), (1, 8), (12, 12)])
def test_different_numbers_are_coupled_at_the_least_cost(n, m):
    """Against the linear program of the transport of weights 1 / n to weights 1 / m."""
    a, b = np.sort(features(0, n, 2), axis=0), np.sort(features(1, m, 2, 0.5), axis=0)
    found = squared_distances(a, b)
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    for column in range(2):
        cost = (a[:, None, column] - b[None, :, column]) ** 2
        best = scipy.optimize.linprog(
            cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=[*[1 / n] * n, *[1 / m] * m], method="highs"
        )
        assert found[column] == pytest.approx(best.fun, abs=1e-9)


def test_equal_means_and_covariances_of_other_shapes_are_told_apart():
    """What a Frechet distance cannot see: signs of the same variance as normal numbers."""
    rng = np.random.default_rng(0)
    x, same, signs = rng.normal(size=(400, 2)), rng.normal(size=(400, 2)), rng.choice([-1.0, 1.0], size=(400, 2))
    assert mind(reference(x), signs) > 5 * mind(reference(x), same)


def test_directions_are_unit_vectors_of_no_preference():
    drawn = draw_directions(3)
    np.testing.assert_allclose(np.linalg.norm(drawn, axis=0), 1)
    assert np.abs(drawn.mean(axis=1)).max() < 5 / np.sqrt(3 * 1000)


def test_samples_that_do_not_fit_are_refused():
    with pytest.raises(MetricError, match="3 dimensions, the reference 2"):
        mind(reference(np.ones((4, 2))), np.ones((4, 3)))
    with pytest.raises(MetricError, match="at least 1 sample"):
        reference(np.ones((0, 2)))
