from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.projections import PROJECTIONS


@pytest.fixture
def params():
    rng = np.random.default_rng(0)
    tree = {
        "conv": {"kernel": rng.normal(size=(4, 4, 2, 3)), "bias": rng.normal(size=3)},
        "norm": {"scale": 1.0 + rng.normal(size=3), "bias": rng.normal(size=3)},
    }
    return jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), tree)


def test_a_projection_keeps_structure_shapes_and_types(projection, params, complete):
    projected = PROJECTIONS[projection](params, complete(projection=projection))
    assert jax.tree.structure(projected) == jax.tree.structure(params)
    for before, after in zip(jax.tree.leaves(params), jax.tree.leaves(projected), strict=True):
        assert (before.shape, before.dtype) == (after.shape, after.dtype)


def test_projecting_twice_is_projecting_once(projection, params, complete):
    config = complete(projection=projection)
    once = PROJECTIONS[projection](params, config)
    twice = PROJECTIONS[projection](once, config)
    for first, second in zip(jax.tree.leaves(once), jax.tree.leaves(twice), strict=True):
        np.testing.assert_allclose(second, first, rtol=1e-5, atol=1e-7)


def test_none_leaves_the_weights(params, complete):
    projected = PROJECTIONS["none"](params, complete(projection="none"))
    for before, after in zip(jax.tree.leaves(params), jax.tree.leaves(projected), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("bound", [1e-3, 0.01, 0.5, 1e6])
def test_weight_clipping_clips_every_trainable(params, complete, bound):
    """Kernels, biases and batch-norm scales alike: each becomes the nearest value within the bound."""
    config = complete(projection="weight_clipping", weight_clipping=bound)
    projected = PROJECTIONS["weight_clipping"](params, config)
    for before, after in zip(jax.tree.leaves(params), jax.tree.leaves(projected), strict=True):
        np.testing.assert_array_equal(after, np.minimum(np.maximum(before, np.float32(-bound)), np.float32(bound)))


# The singular value clamp


def clamped(params, bound):
    return PROJECTIONS["singular_value_clamp"](params, SimpleNamespace(max_singular_value=bound))


def singular_values(kernel):
    return np.linalg.svd(np.float64(kernel).reshape(-1, kernel.shape[-1]), compute_uv=False)


@pytest.mark.parametrize("shape", [(4, 4, 2, 3), (3, 7), (7, 3), (5, 1)])
@pytest.mark.parametrize("bound", [0.5, 1.5])
def test_singular_values_are_clipped_and_singular_vectors_stay(shape, bound):
    kernel = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    (after,) = jax.tree.leaves(clamped({"kernel": kernel}, bound))
    left, values, right = np.linalg.svd(np.float64(kernel).reshape(-1, shape[-1]), full_matrices=False)
    assert values.max() > bound
    expected = (left * np.minimum(values, bound)) @ right
    np.testing.assert_allclose(after, expected.reshape(shape), rtol=1e-4, atol=1e-5)
    assert singular_values(after).max() < bound * (1.0 + 1e-5)


def test_a_kernel_within_the_bound_keeps_its_bits(params):
    largest = singular_values(params["conv"]["kernel"]).max()
    after = clamped(params, 1.01 * largest)["conv"]["kernel"]
    np.testing.assert_array_equal(after, params["conv"]["kernel"])


def test_the_clamp_leaves_biases_and_scales(params):
    after = clamped(params, 1e-3)
    assert np.abs(after["conv"]["kernel"]).max() < 1e-3
    for layer, name in [("conv", "bias"), ("norm", "scale"), ("norm", "bias")]:
        np.testing.assert_array_equal(after[layer][name], params[layer][name])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_the_clamp_leaves_a_kernel_that_has_no_singular_values_to_clip(value):
    """Zero, or diverged, which is for others to see; the other kernels are clamped all the same."""
    kernel = np.full((4, 3), value, np.float32)
    after = clamped({"a": {"kernel": kernel}, "b": {"kernel": np.eye(3, dtype=np.float32)}}, 0.5)
    np.testing.assert_array_equal(after["a"]["kernel"], kernel)
    np.testing.assert_allclose(after["b"]["kernel"], 0.5 * np.eye(3), atol=1e-6)


def test_the_clamp_s_bound_can_be_traced_and_mapped(params):
    kernels = jnp.stack([params["conv"]["kernel"]] * 2)
    bounds = jnp.array([0.5, 1.5])
    after = jax.jit(jax.vmap(lambda kernel, bound: clamped({"kernel": kernel}, bound)["kernel"]))(kernels, bounds)
    for kernel, bound in zip(after, bounds, strict=True):
        np.testing.assert_allclose(singular_values(kernel).max(), bound, rtol=1e-5)
