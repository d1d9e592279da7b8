import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from ganscape.models.architectures import convolution
from ganscape.models.architectures.convolution import conv, conv_as_products, conv_transpose, conv_transpose_as_products

LAYOUT = ("NHWC", "HWIO", "NHWC")
FEW, MANY = 3, 17


def lax_conv(images, kernel, stride):
    return lax.conv_general_dilated(images, kernel, (stride, stride), "SAME", dimension_numbers=LAYOUT)


def lax_conv_transpose(images, kernel, stride):
    return lax.conv_transpose(images, kernel, (stride, stride), "SAME", dimension_numbers=LAYOUT)


# Convolutions of few and of many channels are formed differently, transposed ones are not.
KINDS = {
    "conv_few": (conv_as_products, lax_conv, FEW),
    "conv_many": (conv_as_products, lax_conv, MANY),
    "conv_transpose": (conv_transpose_as_products, lax_conv_transpose, MANY),
}
each_kind = pytest.mark.parametrize(("ours", "native", "channels"), KINDS.values(), ids=KINDS.keys())


def numpy_conv(images, kernel, stride):
    """The definition, in float64: out[p, q] = sum over a, b of in[stride p + a - before, stride q + b - before]."""
    (n, *sizes, _), (*extents, _, out) = images.shape, kernel.shape
    counts = [-(-size // stride) for size in sizes]
    totals = [max((c - 1) * stride + e - s, 0) for c, e, s in zip(counts, extents, sizes, strict=True)]
    padded = np.pad(np.float64(images), ((0, 0), *((t // 2, t) for t in totals), (0, 0)))
    result = np.zeros((n, *counts, out))
    for p, q in np.ndindex(*counts):
        window = padded[:, p * stride : p * stride + extents[0], q * stride : q * stride + extents[1]]
        result[:, p, q] = np.tensordot(window, np.float64(kernel), 3)
    return result


def draw(shape, kernel_shape, seed=0):
    """Images and a kernel such that outputs are of order one."""
    rng = np.random.default_rng(seed)
    images, kernel = (rng.normal(size=shape), rng.normal(size=kernel_shape) / np.prod(kernel_shape[-4:-1]) ** 0.5)
    return jnp.asarray(images, jnp.float32), jnp.asarray(kernel, jnp.float32)


def assert_equal_to_rounding(actual, expected, ulps=50):
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype == jnp.float32
        scale = max(float(np.abs(b).max()), 1.0)
        np.testing.assert_allclose(a, b, rtol=0, atol=ulps * 2.0**-24 * scale)


def output_and_gradients(function, stride):
    """images, kernel -> outputs and the gradients of a curved function of the outputs."""

    def loss(images, kernel):
        outputs = function(images, kernel, stride)
        return jnp.sum(jnp.sin(outputs)), outputs

    return jax.jit(jax.grad(loss, (0, 1), has_aux=True))


def slope_penalty(function, stride):
    """images, kernel -> mean (slope of a critic - 1)^2, slope being a norm of the gradient: as in WGAN-GP."""

    def critic(images, kernel):
        return jnp.sum(jnp.tanh(function(images, kernel, stride)))

    def penalty(images, kernel):
        slopes = jnp.sqrt(1e-4 + jnp.sum(jax.grad(critic)(images, kernel) ** 2, axis=(1, 2, 3)))
        return jnp.mean((slopes - 1) ** 2)

    return penalty


def either(stride, extent, slow=False):
    return pytest.param(stride, extent, marks=[pytest.mark.slow] if slow else [])


# Padding goes by the parity of stride and extent; test_any_shape_equals_the_definition draws both at random.
@each_kind
@pytest.mark.parametrize(
    ("stride", "extent"),
    [either(1, 3), either(2, 4), either(2, 5), *(either(*each, True) for each in ((1, 4), (1, 5), (2, 3)))],
)
def test_outputs_and_gradients_equal_those_of_lax(ours, native, channels, stride, extent):
    inputs = draw((2, 5, 6, channels), (extent, extent, channels, 4))
    assert_equal_to_rounding(output_and_gradients(ours, stride)(*inputs), output_and_gradients(native, stride)(*inputs))


@each_kind
def test_gradients_of_a_slope_penalty_equal_those_of_lax(ours, native, channels):
    inputs = draw((3, 6, 5, channels), (4, 4, channels, 2))
    actual, expected = (jax.jit(jax.grad(slope_penalty(f, 2), (0, 1)))(*inputs) for f in (ours, native))
    assert_equal_to_rounding(actual, expected, ulps=500)


@pytest.mark.parametrize("rows", [1, 20, 80])
@each_kind
def test_parts_of_a_batch_give_what_the_whole_batch_gives(monkeypatch, ours, native, channels, rows):
    """Parts of 1, 2 and 6 images or of 1, 1 and 2, by whether 9 or 36 rows of products come of one."""
    monkeypatch.setattr(convolution, "_ROWS", rows)
    monkeypatch.setattr(convolution, "_MANY_ROWS", 10)
    inputs = draw((6, 6, 6, channels), (4, 4, channels, 17))
    program = str(jax.make_jaxpr(lambda *inputs: ours(*inputs, 2))(*inputs))
    assert ("scan" in program) == (channels == MANY)
    assert_equal_to_rounding(output_and_gradients(ours, 2)(*inputs), output_and_gradients(native, 2)(*inputs))


@each_kind
def test_gradients_of_a_slope_penalty_go_through_parts_and_members(monkeypatch, ours, native, channels):
    monkeypatch.setattr(convolution, "_ROWS", 20)
    monkeypatch.setattr(convolution, "_MANY_ROWS", 20)
    images, kernels = draw((2, 4, 6, 4, channels), (2, 4, 4, channels, 17))
    actual, expected = (
        jax.jit(jax.vmap(jax.grad(slope_penalty(f, 2), (0, 1))))(images, kernels) for f in (ours, native)
    )
    assert_equal_to_rounding(actual, expected, ulps=500)


@each_kind
def test_members_under_vmap_equal_members_alone(ours, native, channels):
    images, kernels = draw((3, 2, 4, 4, channels), (3, 4, 4, channels, 2))
    together = jax.vmap(output_and_gradients(ours, 2))(images, kernels)
    for member in range(3):
        alone = output_and_gradients(native, 2)(images[member], kernels[member])
        assert_equal_to_rounding([leaf[member] for leaf in jax.tree.leaves(together)], jax.tree.leaves(alone))


@each_kind
def test_descent_inside_scan_equals_descent_by_lax(ours, native, channels):
    images, kernel = draw((2, 6, 6, channels), (4, 4, channels, 2))

    def descend(function):
        def update(kernel, _):
            _, gradient = output_and_gradients(function, 2)(images, kernel)[0]
            return kernel - 1e-3 * gradient, None

        return jax.jit(lambda start: lax.scan(update, start, length=3)[0])(kernel)

    assert not np.allclose(descend(ours), kernel)
    assert_equal_to_rounding(descend(ours), descend(native))


shapes = given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    extents=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.integers(1, 3),
    channels=st.sampled_from([1, FEW, MANY]),
)


@settings(max_examples=10, deadline=None)
@shapes
def test_any_shape_equals_the_definition(sizes, extents, stride, channels):
    images, kernel = draw((2, *sizes, channels), (*extents, channels, 2))
    actual = jax.jit(conv_as_products, static_argnums=2)(images, kernel, stride)
    assert_equal_to_rounding(actual, numpy_conv(images, kernel, stride))


@settings(max_examples=10, deadline=None)
@shapes
def test_transposed_convolution_is_the_adjoint_of_the_mirrored_convolution(sizes, extents, stride, channels):
    images, kernel = draw((2, *sizes, channels), (*extents, channels, 2))
    other, _ = draw((2, sizes[0] * stride, sizes[1] * stride, 2), (1, 1, 1, 1), seed=1)
    transposed = jax.jit(conv_transpose_as_products, static_argnums=2)(images, kernel, stride)
    assert transposed.shape == other.shape
    mirrored = np.swapaxes(np.asarray(kernel)[::-1, ::-1], 2, 3)
    left = np.vdot(np.float64(transposed), np.float64(other))
    right = np.vdot(np.float64(images), numpy_conv(np.asarray(other), mirrored, stride))
    assert left == pytest.approx(right, rel=1e-5, abs=1e-5 * images.size**0.5)


@pytest.mark.parametrize("extent", [3, 4])
def test_transposed_convolution_equals_that_of_flax(extent):
    images, kernel = draw((2, 3, 5, FEW), (extent, extent, FEW, 4))
    layer = nn.ConvTranspose(4, (extent, extent), (2, 2), use_bias=False)
    expected = layer.apply({"params": {"kernel": kernel}}, images)
    assert_equal_to_rounding(conv_transpose_as_products(images, kernel, 2), expected)


@pytest.mark.parametrize("function", [conv, conv_transpose])
@pytest.mark.parametrize(("backend", "native"), [("cpu", False), ("gpu", True), ("tpu", True)])
def test_native_convolutions_are_left_to_accelerators(monkeypatch, function, backend, native):
    monkeypatch.setattr(convolution.jax, "default_backend", lambda: backend)
    second_order = jax.grad(slope_penalty(function, 2), (0, 1))
    program = str(jax.make_jaxpr(second_order)(*draw((2, 4, 4, MANY), (4, 4, MANY, 2))))
    assert ("conv_general_dilated" in program) == native


@each_kind
def test_either_form_is_what_the_chosen_one_computes(monkeypatch, ours, native, channels):
    inputs = draw((2, 4, 5, channels), (3, 3, channels, 2))
    chosen = conv if ours is conv_as_products else conv_transpose
    for backend in ("cpu", "gpu"):
        monkeypatch.setattr(convolution.jax, "default_backend", lambda backend=backend: backend)
        assert_equal_to_rounding(jax.jit(lambda *inputs: chosen(*inputs, 2))(*inputs), native(*inputs, 2))
