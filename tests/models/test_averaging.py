import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.averaging import AVERAGINGS, running_mean, squared_distance


def iterates(count, seed=0):
    """The first weights and those after each of count updates."""
    rng = np.random.default_rng(seed)
    return [
        {"a": np.float32(rng.normal(size=(3, 2))), "b": {"c": np.float32(rng.normal(size=4))}} for _ in range(count + 1)
    ]


def config_of(decay):
    """What averages read of a config; the half-life is that of 10 images for each update."""
    half_life = {"ema_schedule": "constant", "ema_half_life": 20.0 * decay, "disc_iters": 1, "batch_size": 10}
    return SimpleNamespace(ema_decay=decay, **half_life)


@functools.cache
def compiled(name):
    return jax.jit(lambda decay, *rest: AVERAGINGS[name](config_of(decay), *rest))


def averaged(name, weights, decay=0.9):
    average = weights[0]
    for count, params in enumerate(weights[1:], 1):
        average = compiled(name)(decay, average, params, count)
    return average


def combined(weights, parts):
    return jax.tree.map(lambda *each: np.tensordot(parts, np.float64(each), 1), *weights)


def assert_trees_close(actual, expected, rtol=1e-5):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6 if rtol else 0.0)


def test_none_is_the_last_weights():
    weights = iterates(4)
    assert_trees_close(averaged("none", weights), weights[-1], rtol=0)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999, 1.0])
def test_ema_weighs_the_past_geometrically_from_the_first_weights_on(decay):
    weights = iterates(6)
    parts = np.array([decay**6] + [(1.0 - decay) * decay ** (6 - i) for i in range(1, 7)])
    assert parts.sum() == pytest.approx(1.0)
    assert_trees_close(averaged("ema", weights, decay), combined(weights, parts))


@pytest.mark.parametrize("count", [1, 2, 50])
def test_uniform_is_the_mean_of_the_weights_after_each_update(count):
    weights = iterates(count)
    parts = np.array([0.0] + [1.0 / count] * count)
    assert_trees_close(averaged("uniform", weights), combined(weights, parts))


def test_the_first_mean_is_its_only_value():
    first, last = iterates(1)
    assert_trees_close(running_mean(first, last, 1), last, rtol=0)


@pytest.mark.parametrize("name", AVERAGINGS)
def test_decay_and_count_can_be_traced(name):
    """One program for all of them."""
    weights, program = jax.tree.map(jnp.asarray, iterates(1)), compiled(name)
    program(0.5, *weights, 1)
    programs = program._cache_size()
    program(0.9, *weights, 7)
    assert program._cache_size() == programs


def test_historical_averaging_pulls_towards_the_mean_of_the_past():
    """Salimans et al. 2016, section 3.3: |weights - mean|^2 over all weights, its gradient twice the difference."""
    *past, params = iterates(5)
    history = combined(past, np.full(5, 0.2))
    expected = np.sum((params["a"] - history["a"]) ** 2) + np.sum((params["b"]["c"] - history["b"]["c"]) ** 2)
    history = jax.tree.map(jnp.float32, history)
    value, gradient = jax.value_and_grad(squared_distance)(params, history)
    assert value.shape == ()
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert_trees_close(gradient, jax.tree.map(lambda x, mean: 2.0 * (x - mean), params, history))
    assert squared_distance(params, params) == 0.0
