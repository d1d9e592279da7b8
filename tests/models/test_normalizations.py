import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.initialization import drawn, initialise, standard_normal
from models.normalizations import NORMALIZATIONS, STATISTICS, BatchNorm

KEY = np.array([0, 7], np.uint32)
MOMENTUM, EPSILON = 0.9, 1e-3


class Kernel(nn.Module):
    """The kernel that a layer with this normalization would use."""

    normalization: str
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self):
        kernel = self.param("kernel", drawn(standard_normal), self.shape)
        return NORMALIZATIONS[self.normalization].kernel(self, kernel)


class Activations(nn.Module):
    """What an architecture gets where it normalises."""

    normalization: str
    training: bool = True

    @nn.compact
    def __call__(self, x):
        return NORMALIZATIONS[self.normalization].activations(MOMENTUM, EPSILON, self.training, "norm")(x)


def passes(module, variables, count):
    """(the kernel of the last of count passes, the variables that it leaves)."""

    @jax.jit
    def once(variables):
        return module.apply(variables, mutable=[STATISTICS])

    for _ in range(count):
        kernel, left = once(variables)
        variables = {**variables, **left}
    return np.asarray(kernel), variables


def spectral(shape):
    module = Kernel("spectral_norm", shape)
    return module, initialise(module, KEY)


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.fixture
def batches():
    """Twenty batches whose channels have unlike means and deviations: float32 [20, 6, 5, 4, 3]."""
    draws = np.random.default_rng(0).normal(size=(20, 6, 5, 4, 3))
    return np.float32(draws * [0.5, 1.0, 20.0] + [-3.0, 0.0, 100.0])


@pytest.mark.parametrize("shape", [(6, 4), (4, 4, 3, 8)])
def test_a_normalization_keeps_the_shape_of_a_kernel(normalization, shape):
    module = Kernel(normalization, shape)
    kernel, _ = passes(module, initialise(module, KEY), 1)
    assert kernel.shape == shape
    assert np.isfinite(kernel).all()


@pytest.mark.parametrize("shape", [(6, 4), (6, 5, 5, 4)])
def test_a_normalization_keeps_the_shape_of_activations(normalization, shape):
    module, x = Activations(normalization), jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
    variables = initialise(module, KEY, shape)
    y, _ = module.apply(variables, x, mutable=[STATISTICS])
    assert y.shape == shape
    assert np.isfinite(y).all()


def test_none_touches_nothing(batches):
    module = Kernel("none", (6, 4))
    variables = initialise(module, KEY)
    kernel, left = passes(module, variables, 1)
    np.testing.assert_array_equal(kernel, variables["params"]["kernel"])
    assert not left.get(STATISTICS)
    np.testing.assert_array_equal(Activations("none").apply({}, batches[0]), batches[0])


def test_batch_norm_leaves_kernels_and_spectral_norm_activations(batches):
    module = Kernel("batch_norm", (6, 4))
    variables = initialise(module, KEY)
    np.testing.assert_array_equal(passes(module, variables, 1)[0], variables["params"]["kernel"])
    np.testing.assert_array_equal(Activations("spectral_norm").apply({}, batches[0]), batches[0])


@pytest.mark.parametrize("shape", [(6, 4), (3, 7), (4, 4, 3, 8), (5, 1)])
def test_the_largest_singular_value_becomes_one(shape):
    """Axes [height, width, in] against [out], as a matrix: numpy's singular values of it."""
    module, variables = spectral(shape)
    kernel, _ = passes(module, variables, 400)
    np.testing.assert_allclose(np.linalg.norm(kernel.reshape(-1, shape[-1]), 2), 1.0, rtol=1e-4)


def test_the_spectral_kernel_is_a_multiple_of_the_kernel():
    module, variables = spectral((4, 4, 3, 8))
    kernel, _ = passes(module, variables, 400)
    raw = variables["params"]["kernel"]
    np.testing.assert_allclose(kernel * np.linalg.norm(raw.reshape(-1, 8), 2), raw, rtol=1e-4, atol=1e-5)


def test_one_pass_is_one_power_iteration():
    module, variables = spectral((2, 2, 3, 8))
    matrix, u = np.float64(variables["params"]["kernel"]).reshape(-1, 8), np.float64(variables[STATISTICS]["u"])
    assert u.shape == (2 * 2 * 3,)
    for _ in range(3):
        kernel, variables = passes(module, variables, 1)
        v = unit(matrix.T @ u)
        u = unit(matrix @ v)
        np.testing.assert_allclose(variables[STATISTICS]["u"], u, atol=1e-5)
        np.testing.assert_allclose(kernel.reshape(-1, 8), matrix / (u @ matrix @ v), rtol=1e-4, atol=1e-5)


def test_no_gradient_flows_through_the_singular_vectors():
    """With u and v held, d/dW sum(C W / s) = C / s - sum(C W) u v^T / s^2, s = u^T W v (Miyato et al. 2018, 10)."""
    module, variables = spectral((6, 4))
    matrix, u = np.float64(variables["params"]["kernel"]), np.float64(variables[STATISTICS]["u"])
    direction = np.random.default_rng(1).normal(size=(6, 4))

    def objective(params):
        kernel, _ = module.apply({**variables, "params": params}, mutable=[STATISTICS])
        return jnp.sum(jnp.float32(direction) * kernel)

    v = unit(matrix.T @ u)
    u = unit(matrix @ v)
    size = u @ matrix @ v
    expected = direction / size - np.sum(direction * matrix) / size**2 * np.outer(u, v)
    gradient = jax.grad(objective)(variables["params"])["kernel"]
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("factor", [1e-3, 0.5, 1e4])
def test_the_spectral_kernel_does_not_depend_on_the_scale(factor):
    module, variables = spectral((6, 4))
    scaled = {**variables, "params": {"kernel": np.float32(factor) * variables["params"]["kernel"]}}
    np.testing.assert_allclose(passes(module, scaled, 1)[0], passes(module, variables, 1)[0], rtol=1e-4, atol=1e-6)


def test_batch_norm_in_training_normalises_by_the_batch(batches):
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    normalised, _ = module.apply(variables, batches[0], mutable=[STATISTICS])
    mean, variance = batches[0].mean((0, 1, 2), np.float64), batches[0].var((0, 1, 2), np.float64)
    np.testing.assert_allclose(np.mean(normalised, (0, 1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.var(normalised, (0, 1, 2)), variance / (variance + EPSILON), rtol=1e-4)
    np.testing.assert_allclose(normalised, (batches[0] - mean) / np.sqrt(variance + EPSILON), rtol=1e-3, atol=1e-4)


def test_batch_norm_scales_and_shifts_after_normalising(batches):
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    np.testing.assert_array_equal(variables["params"]["scale"], np.ones(3))
    np.testing.assert_array_equal(variables["params"]["bias"], np.zeros(3))
    plain, _ = module.apply(variables, batches[0], mutable=[STATISTICS])
    scale, bias = np.float32([2.0, -1.0, 0.5]), np.float32([0.0, 4.0, -1.0])
    variables = {**variables, "params": {"scale": scale, "bias": bias}}
    scaled, _ = module.apply(variables, batches[0], mutable=[STATISTICS])
    np.testing.assert_allclose(scaled, scale * plain + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 20])
def test_batch_norm_in_sampling_normalises_by_the_debiased_averages(batches, count):
    """Exponential averages from zero, divided by the sum of their weights; the variances are the biased ones."""
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    weights = MOMENTUM ** np.arange(count)[::-1]
    for batch in batches[:count]:
        variables = {**variables, **module.apply(variables, batch, mutable=[STATISTICS])[1]}
    mean = np.average(batches[:count].mean((1, 2, 3), np.float64), axis=0, weights=weights)
    variance = np.average(batches[:count].var((1, 2, 3), np.float64), axis=0, weights=weights)
    sampled = BatchNorm(MOMENTUM, EPSILON, training=False).apply(variables, batches[-1])
    np.testing.assert_allclose(sampled, (batches[-1] - mean) / np.sqrt(variance + EPSILON), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(variables[STATISTICS]["weight"], 1.0 - MOMENTUM**count, rtol=1e-5)


def test_batch_norm_in_sampling_does_not_depend_on_the_batch(batches):
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    variables = {**variables, **module.apply(variables, batches[0], mutable=[STATISTICS])[1]}
    sampling = BatchNorm(MOMENTUM, EPSILON, training=False)
    together = sampling.apply(variables, batches[1])
    np.testing.assert_allclose(sampling.apply(variables, batches[1][:1]), together[:1], rtol=1e-6)


def test_batch_norm_that_has_seen_nothing_samples_the_activations(batches):
    sampling = BatchNorm(MOMENTUM, 0.0, training=False)
    variables = initialise(sampling, KEY, batches.shape[1:])
    np.testing.assert_allclose(sampling.apply(variables, batches[0]), batches[0], rtol=1e-6)


def test_no_gradient_enters_the_averages(batches):
    """The averages of a pass are left over, they are not part of what is differentiated."""
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])

    def objective(statistics):
        y, _ = module.apply({**variables, STATISTICS: statistics}, batches[0], mutable=[STATISTICS])
        return jnp.sum(y**3)

    for gradient in jax.tree.leaves(jax.grad(objective)(variables[STATISTICS])):
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))
