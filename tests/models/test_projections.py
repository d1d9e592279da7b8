import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.projections import PROJECTIONS


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
