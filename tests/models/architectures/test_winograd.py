import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.architectures.convolution import (
    conv_as_products,
    conv_transpose_as_products,
    native_conv,
    native_conv_transpose,
)
from ganscape.models.architectures.winograd import transform_kernel, winograd_conv

RNG = np.random.default_rng(0)


def drawn(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("extents", [(2, 2), (2, 3), (3, 2), (3, 3)])
@pytest.mark.parametrize("size", [(2, 2), (4, 6)])
def test_what_is_filtered_is_the_convolution_by_its_definition(extents, size):
    images, kernel = drawn(2, size[0] + 2, size[1] + 2, 3), drawn(*extents, 3, 4)
    expected = np.zeros((2, *size, 4))
    for p, q in np.ndindex(*size):
        window = images[:, p : p + extents[0], q : q + extents[1]].astype(np.float64)
        expected[:, p, q] = np.einsum("nabi,abio->no", window, kernel.astype(np.float64))
    found = jax.jit(lambda images, kernel: winograd_conv(images, transform_kernel(kernel), extents))(images, kernel)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_three_taps_take_four_products_and_two_taps_three():
    assert transform_kernel(jnp.zeros((3, 3, 5, 6))).shape == (16, 5, 6)
    assert transform_kernel(jnp.zeros((2, 3, 5, 6))).shape == (12, 5, 6)


@pytest.mark.parametrize(
    ("extent", "stride", "size"),
    [(3, 1, 7), (4, 2, 5), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((4, 2, 14), (3, 2, 9)))],
)
def test_convolutions_of_many_channels_and_their_gradients_equal_the_backend_s(extent, stride, size):
    kernel = jnp.asarray(drawn(extent, extent, 32, 32))
    for ours, native in ((conv_as_products, native_conv), (conv_transpose_as_products, native_conv_transpose)):
        images = jnp.asarray(drawn(3, size, size, 32))

        def slope(form, images=images):
            def squares(images, kernel):
                made = form(images, kernel, stride)
                return jnp.sum(jnp.sin(made)), made

            (_, made), slopes = jax.jit(jax.value_and_grad(squares, argnums=(0, 1), has_aux=True))(images, kernel)
            return made, *slopes

        for found, expected in zip(slope(ours), slope(native), strict=True):
            bound = 1e-4 * float(jnp.abs(expected).max())
            np.testing.assert_allclose(found, expected, rtol=0, atol=bound)
