"""What every normalization promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.normalizations import NORMALIZATIONS, STATISTICS

OF_KERNELS = {"spectral_norm", "weight_norm", "batch_norm+spectral_norm", "conditional_batch_norm+spectral_norm"}
SHAPES = pytest.mark.parametrize("shape", [(6, 4), (6, 5, 5, 4)])
DISTINCT = sorted({each.activations: name for name, each in NORMALIZATIONS.items()}.values())
CONDITION = np.float32(np.random.default_rng(1).normal(size=(6, 3)))


@pytest.fixture
def placed(place, normalization):
    return place(normalization, reference=2)


@pytest.mark.parametrize("shape", [(6, 4), (4, 4, 3, 8)])
def test_a_kernel_keeps_its_shape(kernel, passes, normalization, shape):
    module, variables = kernel(normalization, shape)
    result, _ = passes(module, variables, 1)
    assert result.shape == shape
    assert np.isfinite(result).all()
    assert np.array_equal(result, variables["params"]["kernel"]) == (normalization not in OF_KERNELS)


@SHAPES
def test_activations_keep_their_shape(run, placed, variables_of, normalization, shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y, _ = run(placed, variables_of(placed, shape, CONDITION.shape), x, CONDITION)
    assert y.shape == shape
    assert np.isfinite(y).all()
    assert np.array_equal(y, x) == (normalization in {"none", "spectral_norm", "weight_norm"})


@pytest.mark.parametrize("name", DISTINCT)
def test_gradients_are_finite_where_activations_are_constant(run, place, variables_of, name):
    """Those of a critic, and those of a penalty on them: zeros, a constant, and one that float32 rounds."""
    placed, shape = place(name, reference=2), (6, 3, 2, 4)
    variables = variables_of(placed, shape, CONDITION.shape)
    weights = jnp.float32(np.random.default_rng(2).normal(size=shape))

    def critic(params, x):
        y, _ = run(placed, {**variables, "params": params}, x, CONDITION)
        return jnp.sum(weights * y)

    def penalized(params, x):
        slopes = jax.grad(critic, 1)(params, x)
        return critic(params, x) + jnp.mean(slopes**2)

    gradient = jax.jit(jax.grad(penalized, (0, 1)))
    for value in (0.0, 1.0, 0.1):
        for leaf in jax.tree.leaves(gradient(variables["params"], jnp.full(shape, value, jnp.float32))):
            assert np.isfinite(leaf).all()


def test_a_kernel_of_zeros_stays_one_and_has_a_finite_gradient(run, kernel, normalization):
    module, variables = kernel(normalization, (3, 2))
    variables["params"]["kernel"] = np.zeros((3, 2), np.float32)

    def objective(params):
        used, left = run(module, {**variables, "params": params})
        return jnp.sum(used * jnp.arange(6.0).reshape(3, 2)), (used, left)

    gradient, (used, left) = jax.jit(jax.grad(objective, has_aux=True))(variables["params"])
    np.testing.assert_array_equal(used, np.zeros((3, 2)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert np.any(gradient["kernel"] != 0.0)
    for before, after in zip(jax.tree.leaves(variables.get(STATISTICS)), jax.tree.leaves(left), strict=True):
        np.testing.assert_array_equal(before, after)


def test_members_side_by_side_are_what_each_is_alone(run, placed, variables_of):
    shape = (6, 3, 2, 4)
    first = variables_of(placed, shape, CONDITION.shape)
    second = variables_of(placed, shape, CONDITION.shape, params=True)
    x = np.float32(np.random.default_rng(4).normal(size=(2, *shape)))
    c = np.stack([CONDITION, -CONDITION])

    def one(variables, x, c):
        return run(placed, variables, x, c)

    together = jax.jit(jax.vmap(one))(jax.tree.map(lambda *leaves: jnp.stack(leaves), first, second), x, c)
    for i, variables in enumerate((first, second)):
        alone = jax.tree.leaves(run(placed, variables, x[i], c[i]))
        for leaf, expected in zip(jax.tree.leaves(together), alone, strict=True):
            np.testing.assert_allclose(leaf[i], expected, rtol=1e-4, atol=1e-5)


def test_only_averages_and_spectral_vectors_are_left(placed, variables_of, kernel, normalization):
    activations = variables_of(placed, (6, 3, 2, 4), CONDITION.shape).get(STATISTICS, {}).get("norm", {})
    vectors = kernel(normalization, (3, 2))[1].get(STATISTICS, {})
    averaging = {name for name in NORMALIZATIONS if "batch_norm" in name} - {"virtual_batch_norm"} | {"switchable_norm"}
    expected = {"mean", "variance", "weight"} if normalization in averaging else set()
    if normalization == "conditional_batch_norm+spectral_norm":
        expected |= {"scale", "bias"}
    assert activations.keys() == expected
    assert vectors.keys() == ({"u"} if "spectral_norm" in normalization else set())


def test_a_combination_is_both():
    for name, both in NORMALIZATIONS.items():
        for part in name.split("+"):
            alone = NORMALIZATIONS[part]
            assert both.kernel is alone.kernel or both.activations is alone.activations or "conditional" in name
