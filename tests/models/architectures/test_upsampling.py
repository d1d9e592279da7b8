"""Ways to grow an image, and the convolutions that resize as they go, against their definitions."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ganscape.models.architectures import convolution
from ganscape.models.architectures.convolution import (
    input_dilated_conv,
    input_dilated_conv_as_products,
    native_input_dilated_conv,
)
from ganscape.models.architectures.layers import ConvThenMeans
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.initialization import normal

SHAPE, FEATURES = (2, 4, 3, 17), 5


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def same_conv(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def spread(x):
    larger = np.zeros((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]), np.float32)
    larger[:, ::2, ::2] = x
    return larger


def doubled(x):
    return np.kron(x, np.ones((1, 2, 2, 1), np.float32))


class Grown(nn.Module):
    """One way to grow an image."""

    way: str
    size: int

    @nn.compact
    def __call__(self, x):
        return UPSAMPLINGS[self.way](x, FEATURES, self.size, normal(1.0), "none")


def applied(module, x):
    """What a module of one layer makes of x with drawn parameters, and those."""
    abstract = nn.meta.unbox(jax.eval_shape(module.init, jax.random.key(0), x)["params"])
    params = jax.tree.map(lambda leaf: draw(*leaf.shape, seed=leaf.ndim), abstract)
    layer = params if "kernel" in params else next(iter(params.values()))
    return jax.jit(module.apply)({"params": params}, x), layer


def assert_close(actual, expected):
    """To the rounding of sums of hundreds of products of order one."""
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=3e-4)


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize(("way", "larger"), [("unpool", spread), ("nearest", doubled)])
def test_resizing_then_convolving_in_one_go_is_the_plain_form(way, larger, size):
    x = draw(*SHAPE)
    actual, layer = applied(Grown(way, size), x)
    assert_close(actual, same_conv(larger(x), layer["kernel"]) + layer["bias"])


@pytest.mark.parametrize("size", [3, 5])
def test_convolving_then_means_in_one_go_is_the_plain_form(size):
    x = draw(3, 4, 6, 17)
    actual, layer = applied(ConvThenMeans(FEATURES, normal(1.0), size=size), x)
    full = same_conv(x, layer["kernel"]) + layer["bias"]
    assert_close(actual, np.asarray(full).reshape(3, 2, 2, 3, 2, FEATURES).mean(axis=(2, 4)))


@pytest.mark.parametrize("way", UPSAMPLINGS)
@pytest.mark.parametrize("size", [1, 3, 4])
def test_every_way_doubles_height_and_width_by_one_kernel_and_bias(way, size):
    x = jax.ShapeDtypeStruct(SHAPE, jnp.float32)
    y, variables = jax.eval_shape(Grown(way, size).init_with_output, jax.random.key(0), x)
    assert y.shape == (2, 8, 6, FEATURES)
    assert [leaf.ndim for leaf in jax.tree.leaves(nn.meta.unbox(variables))] == [1, 4]


def test_gradients_of_products_are_those_of_lax():
    x, kernel = draw(*SHAPE), draw(3, 3, SHAPE[-1], FEATURES)

    def gradients(function):
        return jax.jit(jax.grad(lambda x, kernel: jnp.sum(jnp.sin(function(x, kernel, 1) / 10.0)), (0, 1)))(x, kernel)

    for ours, native in zip(
        gradients(input_dilated_conv_as_products), gradients(native_input_dilated_conv), strict=True
    ):
        assert_close(ours, native)


@pytest.mark.parametrize(("backend", "native"), [("cpu", False), ("gpu", True)])
def test_native_convolutions_are_left_to_accelerators(monkeypatch, backend, native):
    monkeypatch.setattr(convolution.jax, "default_backend", lambda: backend)
    program = str(jax.make_jaxpr(lambda x, kernel: input_dilated_conv(x, kernel, 1))(draw(*SHAPE), draw(3, 3, 17, 5)))
    assert ("conv_general_dilated" in program) == native


def test_a_quarter_of_the_products_is_computed():
    """Nine products of every pixel with the taps, where its square of four would have thirty-six."""
    program = jax.make_jaxpr(lambda x, kernel: input_dilated_conv_as_products(x, kernel, 1))
    x, kernel = draw(*SHAPE), draw(3, 3, SHAPE[-1], FEATURES)
    products = [each for each in program(x, kernel).eqns if each.primitive.name == "dot_general"]
    assert len(products) == 9
    assert {each.outvars[0].aval.shape for each in products} == {(2 * 4 * 3, FEATURES)}
