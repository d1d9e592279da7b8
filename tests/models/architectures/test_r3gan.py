"""The networks of R3GAN against its authors' layers, written down with PyTorch's functions in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES, build
from ganscape.models.architectures.r3gan import (
    group_count,
    grouped_conv_as_products,
    native_grouped_conv,
    smooth_downsample,
    smooth_upsample,
)
from ganscape.models.forward import Context
from ganscape.models.initialization import initialise, parameter_count

CONFIG = Config(architecture="r3gan", channels=16, z_dim=5, batch_size=3)
KEY = np.array([1, 2], np.uint32)
# Images and the number of heights: from 4 on, of which 64 has half of the channels; and from 7 on.
sizes = pytest.mark.parametrize(("shape", "heights"), [((64, 64, 3), 5), ((28, 28, 3), 3)])


def tensor(array):
    return pytest.importorskip("torch").tensor(np.asarray(array, np.float64))


def channels_first(images):
    return tensor(np.moveaxis(np.asarray(images), -1, 1))


def filter_of(torch, channels):
    """[1, 3, 3, 1] along both axes, of sum 1, for every channel: CreateLowpassKernel([1, 2, 1], Inplace=False)."""
    row = np.convolve([1.0, 2.0, 1.0], [1.0, 1.0])
    kernel = np.outer(row, row) / 64.0
    return torch.tensor(np.broadcast_to(kernel, (channels, 1, 4, 4)).copy())


def upsampled(torch, x):
    return torch.nn.functional.conv_transpose2d(
        x, 4.0 * filter_of(torch, x.shape[1]), stride=2, padding=1, groups=x.shape[1]
    )


def downsampled(torch, x):
    return torch.nn.functional.conv2d(x, filter_of(torch, x.shape[1]), stride=2, padding=1, groups=x.shape[1])


def convolved(torch, x, kernel, groups=1):
    """kernel as ours: [size, size, in / groups, out], or [in, out]."""
    kernel = np.asarray(kernel)[None, None] if np.ndim(kernel) == 2 else np.asarray(kernel)
    weights = tensor(kernel.transpose(3, 2, 0, 1))
    return torch.nn.functional.conv2d(x, weights, padding=weights.shape[-1] // 2, groups=groups)


def residual(torch, params, name, x):
    def activated(y, number):
        return torch.nn.functional.leaky_relu(y + tensor(params[f"{name}_bias{number}"]["bias"])[:, None, None], 0.2)

    y = convolved(torch, x, params[f"{name}_expand"]["kernel"])
    y = convolved(torch, activated(y, 0), params[f"{name}_conv"]["kernel"], groups=y.shape[1] // 16)
    return x + convolved(torch, activated(y, 1), params[f"{name}_reduce"]["kernel"])


def theirs_of_generator(torch, params, z, heights):
    weights = tensor(z) @ tensor(params["weights"]["kernel"])
    x = weights[:, :, None, None] * tensor(params["basis"]).permute(2, 0, 1)
    for level in range(heights):
        if level:
            entered = f"height{level}_enter"
            x = upsampled(torch, convolved(torch, x, params[entered]["kernel"]) if entered in params else x)
        for number in range(2):
            x = residual(torch, params, f"height{level}_block{number}", x)
    return (convolved(torch, x, params["to_image"]["kernel"]) + 1.0) / 2.0


def theirs_of_discriminator(torch, params, images, heights):
    x = convolved(torch, 2.0 * channels_first(images) - 1.0, params["from_image"]["kernel"])
    for level in reversed(range(heights)):
        for number in range(2):
            x = residual(torch, params, f"height{level}_block{number}", x)
        if level:
            left = f"height{level}_leave"
            x = downsampled(torch, x)
            x = convolved(torch, x, params[left]["kernel"]) if left in params else x
    basis = tensor(params["basis"]).permute(3, 2, 0, 1)
    features = torch.nn.functional.conv2d(x, basis, groups=x.shape[1])[:, :, 0, 0]
    (last,) = (params[name] for name in params if name.startswith("Dense"))
    return (features @ tensor(last["kernel"]) + tensor(last["bias"]))[:, 0]


def trained(network, shape, seed):
    """Weights of the network in which no block is zero, as after training."""
    params = initialise(network, KEY, shape)["params"]
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: leaf + np.float32(0.1) * rng.normal(size=leaf.shape).astype(np.float32), params)


@sizes
def test_the_generator_is_the_authors(shape, heights):
    torch = pytest.importorskip("torch")
    z = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    network = build(CONFIG, shape).generator
    params = trained(network, z.shape, 1)
    images = jax.jit(lambda z: network.apply({"params": params}, z, Context(True)))(z)
    theirs = theirs_of_generator(torch, params, z, heights).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(images, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


@sizes
def test_the_discriminator_is_the_authors(shape, heights):
    torch = pytest.importorskip("torch")
    images = np.random.default_rng(0).random((3, *shape), np.float32)
    network = build(CONFIG, shape).discriminator
    params = trained(network, images.shape, 2)
    logits = jax.jit(lambda images: network.apply({"params": params}, images).logits)(images)
    theirs = theirs_of_discriminator(torch, params, images, heights).numpy()
    np.testing.assert_allclose(logits, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def test_samples_are_clipped_and_training_images_are_not():
    network = build(CONFIG, (8, 8, 1)).generator
    z = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
    params = trained(network, z.shape, 1)
    both = jax.jit(lambda z: [network.apply({"params": params}, z, Context(training)) for training in (True, False)])
    raw, clipped = map(np.asarray, both(z))
    assert raw.min() < 0.0 and raw.max() > 1.0
    np.testing.assert_array_equal(clipped, np.clip(raw, 0.0, 1.0))


@pytest.mark.parametrize("groups", [3, 12], ids=["few", "many"])
def test_grouped_products_are_the_backend_s_grouped_convolution_with_its_gradients(groups):
    rng = np.random.default_rng(0)
    images, kernel = (
        rng.normal(size=(2, 5, 4, 12)).astype(np.float32),
        rng.normal(size=(3, 3, 12 // groups, 24)).astype(np.float32),
    )

    def value(form, images, kernel):
        return jnp.sum(jnp.sin(form(images, kernel, groups)))

    ours, theirs = (
        jax.jit(jax.value_and_grad(functools.partial(value, form), (0, 1)))(images, kernel)
        for form in (grouped_conv_as_products, native_grouped_conv)
    )
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("features", "groups"), [(1536, 96), (768, 48), (32, 2), (24, 1), (16, 1), (6, 1), (40, 2)])
def test_groups_have_sixteen_channels_as_in_the_paper_or_as_few_more_as_divide_them(features, groups):
    assert group_count(features) == groups


def test_a_smoothed_constant_is_constant_inside():
    x = jnp.ones((1, 8, 8, 2))
    np.testing.assert_allclose(smooth_upsample(x)[:, 1:-1, 1:-1], 1.0)
    np.testing.assert_allclose(smooth_downsample(x)[:, 1:-1, 1:-1], 1.0)


def test_networks_begin_without_their_blocks_and_with_the_authors_deviations():
    """MSRInitializer: deviation gain / sqrt(fan-in), the gain of blocks (2 / 1.04)^(1/2) L^(-1/4) for L blocks."""
    network = build(Config(architecture="r3gan", channels=64), (32, 32, 3)).discriminator
    params = initialise(network, KEY, (2, 32, 32, 3))["params"]
    gain = np.sqrt(2.0 / 1.04) * 8**-0.25
    assert not params["height2_block1_reduce"]["kernel"].any()
    assert np.std(params["height2_block1_expand"]["kernel"]) == pytest.approx(gain / 8.0, rel=0.05)
    assert np.std(params["height2_block1_conv"]["kernel"]) == pytest.approx(gain / 12.0, rel=0.05)
    assert np.std(params["basis"]) == pytest.approx(0.25, rel=0.1)


def test_the_published_sizes():
    """Counted by hand from train.py of the authors' code, CIFAR10: 768 channels at four heights, two blocks each."""
    block = 768 * 1536 + 1536 + 9 * 16 * 1536 + 1536 + 1536 * 768
    generator, discriminator = build(Config(architecture="r3gan"), (32, 32, 3))
    assert parameter_count(generator, (2, 64)) == 8 * block + 16 * 768 + 64 * 768 + 768 * 3
    # The bias of the last layer is ours.
    assert parameter_count(discriminator, (2, 32, 32, 3)) == 8 * block + 3 * 768 + 16 * 768 + 768 + 1


def test_images_are_square_with_a_height_of_4_to_7_doubled():
    accepts = ARCHITECTURES["r3gan"].accepts
    heights = [height for height in range(1, 65) if accepts((height, height, 3))]
    assert heights == [8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64]
    assert not accepts((28, 32, 3))
