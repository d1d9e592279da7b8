"""resnet_cifar, resnet19 and resnet_stl: residual networks for 16 and 32, for 64 and 128, and for 48 pixels.

Generator: z -> dense to a small square -> blocks that double it until it is as high as the image -> norm, ReLU ->
3x3 convolution -> sigmoid.
Discriminator: blocks, the first of which halve the image -> ReLU -> mean over pixels -> dense 1.
Block: norm, ReLU, 3x3 conv, norm, ReLU, 3x3 conv, plus a 3x3 conv shortcut (always, also on images). Generator blocks
upsample before the first conv and the shortcut; discriminator blocks average-pool after the second conv and the
shortcut.

Reference: the code of Kurach et al. 2019, after Miyato et al. 2018, who have other shortcuts and sum over pixels.
"""

import functools
from typing import TYPE_CHECKING, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import (
    DISCRIMINATOR_NORMALIZATIONS,
    GENERATOR_NORMALIZATIONS,
    DiscriminatorBase,
    GeneratorBase,
)
from ganscape.models.architectures.downsampling import DOWNSAMPLINGS
from ganscape.models.architectures.gating import CONVOLUTIONS
from ganscape.models.architectures.layers import Conv, Dense
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import normal, truncated_normal

if TYPE_CHECKING:
    from ganscape.models.config import Config

SIZE = 3
# The first is that of the code; 1 is a linear map of each pixel's features; 9 is that of Ledig et al. 2017
# (arXiv:1609.04802).
OUTPUT_KERNELS = (SIZE, 1, 9)
MOMENTUM, EPSILON = 0.9, 1e-5
NORMAL, TRUNCATED = normal(0.02), truncated_normal(0.02)


class ResnetWidths(NamedTuple):
    """The sizes of one of these architectures, with numbers of channels as multiples of the field `channels`.

    start: height and width that the generator starts from.
    generator: channels of the dense layer, then of each block.
    discriminator: channels of each block.
    halvings: how many blocks of the discriminator, from the first, halve height and width.
    """

    start: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    halvings: int


class GeneratorBlock(GeneratorBase):
    """x [batch, h, w, c] -> [batch, h, w, features], or [batch, 2h, 2w, features] if it upsamples."""

    features: int
    upsamples: bool

    @nn.compact
    def __call__(self, x: Array, context: Context) -> Array:
        def conv(x):
            return CONVOLUTIONS[self.spec.convolution](x, self.features, SIZE, TRUNCATED, self.normalization)

        def upsample(x):
            return UPSAMPLINGS[self.spec.upsampling](x, self.features, SIZE, TRUNCATED, self.normalization)

        def activate(x, name):
            return self.activate(x, name, context, nn.relu, MOMENTUM, EPSILON)

        resize = upsample if self.upsamples else conv
        shortcut = resize(x)
        x = resize(activate(x, "norm0"))
        x = shortcut + conv(activate(x, "norm1"))
        return self.attend(x, TRUNCATED) if self.upsamples else x


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1]."""

    widths: ResnetWidths
    image_shape: ImageShape

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        height, _, channels = self.image_shape
        start, base = self.widths.start, self.spec.channels
        first, *rest = (multiple * base for multiple in self.widths.generator)
        x = Dense(start * start * first, NORMAL, self.normalization)(self.append_classes(z, context))
        x = x.reshape(-1, start, start, first)
        for depth, features in enumerate(rest):
            x = GeneratorBlock(self.spec, features, x.shape[1] < height, name=f"block{depth}")(x, context)
        x = self.activate(x, "norm", context, nn.relu, MOMENTUM, EPSILON)
        return nn.sigmoid(Conv(channels, TRUNCATED, self.normalization, size=self.spec.output_kernel, stride=1)(x))


class DiscriminatorBlock(DiscriminatorBase):
    """x [batch, h, w, c] -> [batch, h, w, features], or [batch, h / 2, w / 2, features] if it halves."""

    features: int
    halves: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def conv(x):
            return CONVOLUTIONS[self.spec.convolution](x, self.features, SIZE, TRUNCATED, self.normalization)

        def halve(x):
            return DOWNSAMPLINGS[self.spec.downsampling](x, self.features, SIZE, TRUNCATED, self.normalization)

        def activate(x, name):
            return nn.relu(self.normalize(x, name, MOMENTUM, EPSILON))

        resize = halve if self.halves else conv
        shortcut = resize(x)
        x = conv(activate(x, "norm0"))
        x = shortcut + resize(activate(x, "norm1"))
        return self.attend(x, TRUNCATED) if self.halves else x


class Discriminator(DiscriminatorBase):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    widths: ResnetWidths

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        x = self.append_classes(images, context)
        for depth, multiple in enumerate(self.widths.discriminator):
            features = multiple * self.spec.channels
            x = DiscriminatorBlock(self.spec, features, depth < self.widths.halvings, name=f"block{depth}")(x)
        return self.compute_output(jnp.mean(nn.relu(x), axis=(1, 2)), context, NORMAL)


def build_resnet(widths: ResnetWidths, config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks for images of this shape."""
    spec = NetworkSpec.of(config)
    return Networks(Generator(spec, widths, image_shape), Discriminator(spec, widths))


def attention_heights(widths: ResnetWidths, image_shape: ImageShape) -> tuple[int, ...]:
    """Returns the heights at which a block of the generator and one of the discriminator end."""
    height = image_shape[0]
    halved_heights = [height // 2**count for count in range(1, widths.halvings + 1)]
    return tuple(sorted(halved for halved in halved_heights if halved > widths.start))


def architecture(widths: ResnetWidths, heights: tuple[int, ...], channels: int) -> Architecture:
    """Returns the Architecture with these widths, for square images of these heights."""
    return Architecture(
        functools.partial(build_resnet, widths),
        f"square images of {' or '.join(map(str, heights))} pixels",
        lambda shape: shape[0] == shape[1] and shape[0] in heights,
        DISCRIMINATOR_NORMALIZATIONS,
        GENERATOR_NORMALIZATIONS,
        ("unpool", *(name for name in UPSAMPLINGS if name != "unpool")),
        functools.partial(attention_heights, widths),
        channels,
        downsamplings=tuple(DOWNSAMPLINGS),
        convolutions=tuple(CONVOLUTIONS),
        output_kernels=OUTPUT_KERNELS,
    )


RESNET_CIFAR = architecture(ResnetWidths(4, (2, 2, 2, 2), (1, 1, 1, 1), 2), (16, 32), 128)
RESNET19 = architecture(ResnetWidths(4, (8, 8, 4, 4, 2, 1), (1, 2, 4, 4, 8, 8), 6), (64, 128), 64)
RESNET_STL = architecture(ResnetWidths(6, (8, 4, 2, 1), (1, 2, 4, 8, 16), 4), (48,), 64)
