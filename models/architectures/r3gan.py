"""r3gan: residual networks of grouped convolutions without normalization.

Generator: z and classes -> dense, a weight for each of `channels` learnt 4x4 patterns -> two blocks -> for each height
8, 16 ... up to that of the image: 1x1 convolution if the number of channels changes, smoothed upsampling, two blocks ->
1x1 convolution to the image. Discriminator: the mirror image, from a 1x1 convolution of the image, with smoothed
downsampling before the 1x1 convolution, down to 4x4 -> one learnt 4x4 pattern per channel -> dense 1. Images whose
height is no power of 2 begin at 5x5, 6x6 or 7x7: those of MNIST at 7x7, for the heights 7, 14 and 28.
Block: 1x1 conv to twice the channels, bias, leaky ReLU, 3x3 conv in groups of 16 channels, bias, leaky ReLU, 1x1 conv
back, plus the input. The slope is 0.2; no other layer has a bias. The last convolution of a block starts at 0 and the
other two are scaled by the number of blocks ^ -1/4 (fix-up: Zhang et al. 2019, arXiv:1901.09321), so that a network
starts as if it had no blocks. Heights up to 32 have `channels` channels, height 64 half of them, and so on.

The generator's output is linear, pixels 2 x - 1: it may leave [0, 1] in training, and is clipped in sampling. Unlike
the authors' code, classes enter the generator as they are, not through an embedding of length 64; the discriminator's
last layer has a bias, and a `projection` is added to its logit, not in place of it.

Reference: Huang et al. 2024 (arXiv:2501.05441), section 3 and configuration E, in the form of the authors' code
(brownvc/R3GAN, R3GAN/Networks.py and train.py, whose numbers of blocks, channels and groups are these).
"""

from typing import TYPE_CHECKING

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import DiscriminatorBase, GeneratorBase
from ganscape.models.architectures.convolution import conv_as_products
from ganscape.models.architectures.layers import Pointwise, leaky_relu
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import constant, fan_in_normal, initializer, standard_normal
from ganscape.models.precisions import round_operands

if TYPE_CHECKING:
    from ganscape.models.config import Config

CHANNELS = 768
SMALLEST_HEIGHT = 4
BLOCKS = 2
EXPANSION = 2
GROUP_CHANNELS = 16
MANY_GROUPS = 8
SIZE = 3
LEAKY_GAIN = (2.0 / (1.0 + 0.2**2)) ** 0.5
# For the interface of `activate`: the networks have no normalization.
MOMENTUM, EPSILON = 0.9, 1e-5


def smooth_upsample(x: Array) -> Array:
    """Returns x [batch, h, w, c] at twice its height and width, filtered by [1, 3, 3, 1] / 4 along both axes.

    Pixels beyond the edges count as 0.
    """
    for axis in (1, 2):
        before, after = _shift(x, axis, 1), _shift(x, axis, -1)
        pairs = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
        x = pairs.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    return x


def smooth_downsample(x: Array) -> Array:
    """Returns x [batch, h, w, c] at half its height and width, filtered by [1, 3, 3, 1] / 8 along both axes.

    Pixels beyond the edges count as 0.
    """
    for axis in (1, 2):
        pairs = x.reshape(*x.shape[:axis], x.shape[axis] // 2, 2, *x.shape[axis + 1 :])
        even, odd = (lax.index_in_dim(pairs, part, axis + 1, keepdims=False) for part in (0, 1))
        x = (_shift(odd, axis, 1) + 3.0 * even + 3.0 * odd + _shift(even, axis, -1)) / 8.0
    return x


def _shift(x: Array, axis: int, by: int) -> Array:
    """Returns x moved by one (1 or -1) along an axis; 0 moves in."""
    size = x.shape[axis]
    padding = [(0, 0)] * x.ndim
    padding[axis] = (1, 0) if by > 0 else (0, 1)
    return lax.slice_in_dim(jnp.pad(x, padding), 0 if by > 0 else 1, size if by > 0 else size + 1, axis=axis)


def group_count(features: int) -> int:
    """Returns the number of groups of a convolution of so many channels: of 16 channels each, or else of as few more as
    divide them evenly."""
    most = max(1, features // GROUP_CHANNELS)
    return next(count for count in range(most, 0, -1) if features % count == 0)


def grouped_conv(images: Array, kernel: Array, groups: int) -> Array:
    """Returns the SAME convolution of images [n, h, w, c] with a kernel [size, size, c / groups, out] of odd size.

    Output channels are in `groups` equal blocks, each of which sees only the block of input channels of its number. On
    the CPU computed as matrix products, because gradients of XLA's grouped convolutions are slow there.
    """
    form = grouped_conv_as_products if jax.default_backend() == "cpu" else native_grouped_conv
    return round_operands(form)(images, kernel, groups)


def native_grouped_conv(images: Array, kernel: Array, groups: int) -> Array:
    """`grouped_conv` by the backend's own convolution."""
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        images, kernel, (1, 1), "SAME", dimension_numbers=layout, feature_group_count=groups
    )


def grouped_conv_as_products(images: Array, kernel: Array, groups: int) -> Array:
    """`grouped_conv` as one convolution per group, which is fast, or for many groups, where that would take minutes to
    compile, as one matrix product per tap for all of them."""
    if groups > MANY_GROUPS:
        return _sum_of_grouped_products(images, kernel, groups)
    pairs = zip(jnp.split(images, groups, axis=-1), jnp.split(kernel, groups, axis=-1), strict=True)
    return jnp.concatenate([conv_as_products(*pair, 1) for pair in pairs], axis=-1)


def _sum_of_grouped_products(images: Array, kernel: Array, groups: int) -> Array:
    batch, height, width, _ = images.shape
    size, _, inputs, outputs = kernel.shape
    margin = (size // 2, size // 2)
    padded = jnp.pad(images.reshape(batch, height, width, groups, inputs), ((0, 0), margin, margin, (0, 0), (0, 0)))
    taps = kernel.reshape(size, size, inputs, groups, outputs // groups)
    total = sum(
        jnp.einsum("bhwgi,igo->bhwgo", padded[:, row : row + height, column : column + width], taps[row, column])
        for row in range(size)
        for column in range(size)
    )
    return jnp.asarray(total).reshape(batch, height, width, outputs)


class GroupedConv(nn.Module):
    """[batch, h, w, channels] -> [batch, h, w, channels]: a 3x3 convolution in groups, SAME padding, without bias."""

    gain: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        features = x.shape[-1]
        groups = group_count(features)
        shape = (SIZE, SIZE, features // groups, features)
        return grouped_conv(x, self.param("kernel", initializer(fan_in_normal(self.gain)), shape), groups)


class Bias(nn.Module):
    """x [..., channels] -> x plus a learnt value for each channel, 0 at first."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return x + self.param("bias", initializer(constant(0.0)), (x.shape[-1],))


def apply_block(x: Array, gain: float, activate, name: str) -> Array:
    """Returns x [batch, h, w, c] after a residual block, whose layers join the Flax module that calls this.

    activate: (x, the name of an activation) -> x after the activation function.
    """
    features = x.shape[-1]
    y = Pointwise(EXPANSION * features, fan_in_normal(gain), name=f"{name}_expand")(x)
    y = GroupedConv(gain, name=f"{name}_conv")(activate(Bias(name=f"{name}_bias0")(y), f"{name}_norm0"))
    y = activate(Bias(name=f"{name}_bias1")(y), f"{name}_norm1")
    return x + Pointwise(features, constant(0.0), name=f"{name}_reduce")(y)


def block_gain(heights: int) -> float:
    """Returns the gain of the first two convolutions of every block in a network of so many heights."""
    return LEAKY_GAIN * (BLOCKS * heights) ** -0.25


def heights_of(height: int) -> tuple[int, ...]:
    """Returns the heights of activations in networks for images of this height, lowest first: each is twice the one
    before, and the first is 4, 5, 6 or 7. Empty if there are no such two heights or more."""
    doublings = max(height // SMALLEST_HEIGHT, 1).bit_length() - 1
    heights = tuple(height >> level for level in reversed(range(doublings + 1)))
    return heights if doublings and heights[0] << doublings == height else ()


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, height, channels]; in sampling clipped to [0, 1]."""

    features: tuple[int, ...]
    image_shape: ImageShape

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        def activate(x, name):
            return self.activate(x, name, context, leaky_relu, MOMENTUM, EPSILON)

        weights = Pointwise(self.features[0], fan_in_normal(1.0), name="weights")(self.append_classes(z, context))
        base = self.image_shape[0] >> (len(self.features) - 1)
        x = (
            self.param("basis", initializer(standard_normal), (base, base, self.features[0]))
            * weights[:, None, None, :]
        )
        for level, features in enumerate(self.features):
            if level:
                if features != x.shape[-1]:
                    x = Pointwise(features, fan_in_normal(1.0), name=f"height{level}_enter")(x)
                x = smooth_upsample(x)
            for number in range(BLOCKS):
                x = apply_block(x, block_gain(len(self.features)), activate, f"height{level}_block{number}")
        images = 0.5 * (Pointwise(self.image_shape[2], fan_in_normal(1.0), name="to_image")(x) + 1.0)
        return images if context.training else jnp.clip(images, 0.0, 1.0)


class Discriminator(DiscriminatorBase):
    """images [batch, height, height, channels] -> DiscriminatorOutput."""

    features: tuple[int, ...]

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        def activate(x, name):
            return leaky_relu(x)

        x = self.append_classes(2.0 * images - 1.0, context)
        x = Pointwise(self.features[-1], fan_in_normal(1.0), name="from_image")(x)
        for level in reversed(range(len(self.features))):
            for number in range(BLOCKS):
                x = apply_block(x, block_gain(len(self.features)), activate, f"height{level}_block{number}")
            if level:
                x = smooth_downsample(x)
                if self.features[level - 1] != x.shape[-1]:
                    x = Pointwise(self.features[level - 1], fan_in_normal(1.0), name=f"height{level}_leave")(x)
        basis = self.param("basis", initializer(fan_in_normal(1.0)), (*x.shape[1:3], 1, x.shape[-1]))[:, :, 0]
        return self.compute_output(jnp.sum(x * basis, axis=(1, 2)), context, fan_in_normal(1.0))


def build_r3gan(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks for images of this shape."""
    spec, channels = NetworkSpec.of(config), config.channels
    features = tuple(max(1, min(channels, 32 * channels // height)) for height in heights_of(image_shape[0]))
    return Networks(Generator(spec, features, image_shape), Discriminator(spec, features))


R3GAN = Architecture(
    build_r3gan,
    "square images of 4, 5, 6 or 7 pixels times 2, 4, 8 ...",
    lambda shape: shape[0] == shape[1] and bool(heights_of(shape[0])),
    ("none",),
    ("none",),
    channels=CHANNELS,
)
