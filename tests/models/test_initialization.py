import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from ganscape.models.initialization import (
    constant,
    he_normal,
    initialise,
    initializer,
    normal,
    parameter_count,
    standard_normal,
    truncated_normal,
)

KEY = np.array([1, 2], np.uint32)
# Kolmogorov-Smirnov at 40,000 draws tells deviations that differ by 2 % apart.
DISTRIBUTIONS = {
    "standard_normal": (standard_normal, stats.norm()),
    "normal": (normal(0.02), stats.norm(scale=0.02)),
    "truncated_normal": (truncated_normal(0.02), stats.truncnorm(-2.0, 2.0, scale=0.02)),
    "he_normal": (he_normal, stats.norm(scale=np.sqrt(2.0 / (5 * 4 * 20)))),
}
each_distribution = pytest.mark.parametrize(("draw", "distribution"), DISTRIBUTIONS.values(), ids=DISTRIBUTIONS.keys())
SHAPE = (5, 4, 20, 100)


class Layers(nn.Module):
    """Dense layers of these names and of width 3, with a statistic each."""

    names: tuple[str, ...]

    @nn.compact
    def __call__(self, x):
        for name in self.names:
            x = Layer(name=name)(x)
        return x


class Layer(nn.Module):
    @nn.compact
    def __call__(self, x):
        kernel = self.param("kernel", initializer(normal(1.0)), (x.shape[-1], 3))
        scale = self.param("scale", initializer(constant(2.5)), (3,))
        vector = self.variable("statistics", "vector", initializer(standard_normal), None, (3,))
        return x @ kernel * scale + vector.value


def kernels(variables):
    return {name: layer["kernel"] for name, layer in variables["params"].items()}


@each_distribution
def test_draws_have_their_distribution(draw, distribution):
    values = draw(np.random.default_rng(0), SHAPE)
    assert values.shape == SHAPE
    assert values.dtype == np.float32
    assert stats.kstest(values.ravel(), distribution.cdf).pvalue > 1e-3
    np.testing.assert_allclose(values.std(), distribution.std(), rtol=0.02)


@each_distribution
def test_draws_are_independent(draw, distribution):
    values = draw(np.random.default_rng(0), SHAPE).reshape(-1)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 5.0 / np.sqrt(values.size)


def test_no_truncated_draw_lies_beyond_two_deviations():
    values = truncated_normal(0.02)(np.random.default_rng(0), (100_000,))
    assert np.abs(values).max() <= np.float32(0.04)
    assert np.abs(values).max() > 0.0399


@pytest.mark.parametrize(("shape", "fan_in"), [((50, 400), 50), ((4, 4, 3, 400), 48)])
def test_he_normal_keeps_the_size_of_rectified_activations(shape, fan_in):
    values = he_normal(np.random.default_rng(0), shape)
    np.testing.assert_allclose(values.var(), 2.0 / fan_in, rtol=5.0 * np.sqrt(2.0 / values.size))


def test_constant_is_the_same_everywhere():
    values = constant(2.5)(np.random.default_rng(0), (3, 2))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.full((3, 2), 2.5))


def test_initialise_gives_unboxed_numpy_arrays_of_float32():
    variables = initialise(Layers(("a", "b")), KEY, (2, 4))
    leaves = jax.tree.leaves(variables)
    assert len(leaves) == 6
    for leaf in leaves:
        assert isinstance(leaf, np.ndarray)
        assert leaf.dtype == np.float32


def test_initialise_has_the_structure_of_flax():
    module, image = Layers(("a", "b")), jnp.ones((2, 4))
    ours, theirs = initialise(module, KEY, (2, 4)), nn.meta.unbox(module.init(jax.random.key(0), image))
    assert jax.tree.map(np.shape, ours) == jax.tree.map(np.shape, theirs)
    assert module.apply(ours, image).shape == (2, 3)


def test_the_same_key_draws_the_same_values():
    first, second = (kernels(initialise(Layers(("a", "b")), KEY, (2, 4))) for _ in range(2))
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("other", [[1, 3], [2, 2], [2, 1], [1, 2, 0]])
def test_another_key_draws_other_values(other):
    first = kernels(initialise(Layers(("a", "b")), KEY, (2, 4)))
    second = kernels(initialise(Layers(("a", "b")), np.array(other, np.uint32), (2, 4)))
    for name in first:
        assert not np.isclose(first[name], second[name]).any()


def test_leaves_of_one_shape_differ():
    variables = initialise(Layers(("a", "b")), KEY, (2, 3))
    assert not np.isclose(variables["params"]["a"]["kernel"], variables["params"]["b"]["kernel"]).any()
    assert not np.isclose(variables["statistics"]["a"]["vector"], variables["statistics"]["b"]["vector"]).any()


def test_a_layer_more_leaves_the_draws_of_the_others():
    few = kernels(initialise(Layers(("a", "c")), KEY, (2, 3)))
    many = kernels(initialise(Layers(("a", "b", "c")), KEY, (2, 3)))
    assert set(many) - set(few) == {"b"}
    for name in few:
        np.testing.assert_array_equal(few[name], many[name])


def test_the_batch_size_does_not_change_the_draws():
    one, many = (kernels(initialise(Layers(("a",)), KEY, (count, 4))) for count in (1, 64))
    np.testing.assert_array_equal(one["a"], many["a"])


def test_parameter_count_counts_what_is_trained_and_no_statistics():
    assert parameter_count(Layers(("a", "b")), (2, 4)) == (4 * 3 + 3) + (3 * 3 + 3)
