from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import spatial, stats

from ganscape.models.latents import LATENTS, slerp

KEY = jax.random.key(3)
NOTHING = SimpleNamespace()


@jax.jit
def of_5000(truncation):
    return LATENTS["truncated_normal"].sampling(SimpleNamespace(truncation=truncation), KEY, (5000,))


def truncated(truncation):
    return np.asarray(of_5000(truncation))


@pytest.mark.parametrize("name", LATENTS)
def test_draws_have_the_shape_asked_for_and_are_a_function_of_the_key(name):
    config = SimpleNamespace(truncation=1.5)
    for draw in LATENTS[name][:2]:
        first, again, other = (draw(config, jax.random.key(i), (2, 3, 5)) for i in (0, 0, 1))
        assert (first.shape, first.dtype) == ((2, 3, 5), jnp.float32)
        np.testing.assert_array_equal(first, again)
        assert (first != other).all()


def test_uniform_draws_are_those_of_jax_in_training_and_sampling():
    expected = jax.random.uniform(KEY, (4, 8, 3), minval=-1.0, maxval=1.0)
    for draw in LATENTS["uniform"][:2]:
        np.testing.assert_array_equal(draw(NOTHING, KEY, (4, 8, 3)), expected)
    draws = np.ravel(LATENTS["uniform"].training(NOTHING, KEY, (5000,)))
    assert stats.kstest(draws, stats.uniform(-1.0, 2.0).cdf).pvalue > 0.01


def test_training_draws_of_normal_are_standard_normal():
    assert stats.kstest(LATENTS["normal"].training(NOTHING, KEY, (5000,)), "norm").pvalue > 0.01


@pytest.mark.parametrize("bound", [1e-3, 0.5, 1.0, 2.5, 6.0])
def test_truncated_draws_are_those_that_redrawing_gives(bound):
    draws = truncated(bound)
    assert np.abs(draws).max() <= np.float32(bound)
    assert stats.kstest(draws, stats.truncnorm(-bound, bound).cdf).pvalue > 0.01


@pytest.mark.parametrize("bound", [np.inf, 1e30])
def test_no_truncation_is_the_normal_draw(bound):
    np.testing.assert_array_equal(truncated(bound), LATENTS["normal"].training(NOTHING, KEY, (5000,)))


def test_the_truncation_can_be_traced():
    """One program for all bounds, and each has its effect."""
    largest = [np.abs(truncated(bound)).max() for bound in (0.5, np.inf, 2.0)]
    assert largest[0] < 0.5 + 1e-6 < largest[2] < 2.0 + 1e-6 < largest[1]
    assert of_5000._cache_size() == 1


turned = jax.jit(slerp)


def unit(size, seed):
    vector = np.random.default_rng(seed).normal(size=size)
    return vector / np.linalg.norm(vector)


def way(one, other, fractions):
    return np.asarray(turned(np.float32(one), np.float32(other), np.float32(fractions)[:, None]))


FRACTIONS = np.linspace(0.0, 1.0, 9)


@pytest.mark.parametrize("size", [2, 3, 64])
def test_slerp_of_unit_vectors_is_scipys(size):
    one, other = unit(size, 1), unit(size, 2)
    expected = spatial.geometric_slerp(one, other, FRACTIONS)
    np.testing.assert_allclose(way(one, other, FRACTIONS), expected, atol=1e-6)


def test_slerp_between_lengths_has_the_weights_of_the_unit_vectors():
    one, other = unit(5, 3), unit(5, 4)
    angle = np.arccos(one @ other)
    weights = np.sin(np.outer([1.0, -1.0], FRACTIONS) * angle + np.array([[0.0], [1.0]]) * angle) / np.sin(angle)
    expected = np.outer(weights[1], 3.0 * one) + np.outer(weights[0], 0.5 * other)
    np.testing.assert_allclose(way(3.0 * one, 0.5 * other, FRACTIONS), expected, atol=1e-5)


@pytest.mark.parametrize("angle", [1e-6, 1e-3, 0.05, np.pi - 0.01])
def test_slerp_turns_at_a_constant_rate_from_small_angles_to_nearly_opposite_ones(angle):
    turns = np.stack([np.cos(FRACTIONS * angle), np.sin(FRACTIONS * angle)], axis=1)
    np.testing.assert_allclose(way(turns[0], turns[-1], FRACTIONS), turns, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([1.0, 2.0], [3.0, 6.0]),
        ([1.0, 2.0], [-2.0, -4.0]),
        ([0.3, -0.7], [-0.3, 0.7]),
        ([0.0, 0.0], [1.0, 2.0]),
        ([1.0, 2.0], [0.0, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
    ],
)
def test_slerp_of_parallel_opposite_and_zero_vectors_is_the_straight_line(one, other):
    straight = (1.0 - FRACTIONS[:, None]) * np.array(one) + FRACTIONS[:, None] * np.array(other)
    np.testing.assert_allclose(way(one, other, FRACTIONS), straight, atol=1e-6)


def test_slerp_goes_along_all_leading_axes():
    one, other = np.random.default_rng(5).normal(size=(2, 4, 3, 6)).astype(np.float32)
    together = turned(one, other, 0.3)
    for i, j in np.ndindex(4, 3):
        np.testing.assert_allclose(together[i, j], turned(one[i, j], other[i, j], 0.3), rtol=1e-5, atol=1e-6)
