"""resnet_cifar, resnet19 and resnet_stl: residual networks for 32, for 64 and 128, and for 48 pixels.

Generator: z -> dense to a small square -> blocks that double it until it is as high as the image -> norm, ReLU ->
3x3 convolution -> sigmoid.
Discriminator: blocks, the first of which halve the image -> ReLU -> mean over space -> dense 1.
Block: norm, ReLU, 3x3 conv, norm, ReLU, 3x3 conv, plus a 3x3 conv shortcut (always, also on images). Generator blocks
upsample before the first conv and the shortcut; discriminator blocks average-pool after the second conv and the
shortcut.

Reference: the code of Kurach et al. 2019, after Miyato et al. 2018, who have other shortcuts and sum over space.
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
from ganscape.models.architectures.layers import Conv, ConvThenMeans, Dense
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import normal, truncated_normal

if TYPE_CHECKING:
    from ganscape.models.config import Config

SIZE = 3
MOMENTUM, EPSILON = 0.9, 1e-5
NORMAL, TRUNCATED = normal(0.02), truncated_normal(0.02)


class ResnetWidths(NamedTuple):
    """One of the pairs; widths are multiples of the field `channels`, the width of the discriminator's first block.

    start: height and width that the generator starts from; made: the generator's widths, dense layer and blocks;
    seen: widths of the discriminator's blocks; halvings: how many of these halve the image.
    """

    start: int
    made: tuple[int, ...]
    seen: tuple[int, ...]
    halvings: int


class GeneratorBlock(GeneratorBase):
    """x [batch, h, w, c] -> [batch, h, w, features], or twice as high and wide."""

    features: int
    grows: bool

    @nn.compact
    def __call__(self, x: Array, context: Context) -> Array:
        def same(x):
            return Conv(self.features, TRUNCATED, self.normalization, size=SIZE, stride=1)(x)

        def grown(x):
            return UPSAMPLINGS[self.spec.upsampling](x, self.features, SIZE, TRUNCATED, self.normalization)

        def hidden(x, name):
            return self.hidden(x, name, context, nn.relu, MOMENTUM, EPSILON)

        resized = grown if self.grows else same
        shortcut = resized(x)
        x = resized(hidden(x, "norm0"))
        x = shortcut + same(hidden(x, "norm1"))
        return self.attended(x, TRUNCATED) if self.grows else x


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1]."""

    widths: ResnetWidths
    image_shape: ImageShape

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        height, _, channels = self.image_shape
        start, base = self.widths.start, self.spec.channels
        first, *others = (multiple * base for multiple in self.widths.made)
        x = Dense(start * start * first, NORMAL, self.normalization)(self.with_classes(z, context))
        x = x.reshape(-1, start, start, first)
        for depth, features in enumerate(others):
            x = GeneratorBlock(self.spec, features, x.shape[1] < height, name=f"block{depth}")(x, context)
        x = self.hidden(x, "norm", context, nn.relu, MOMENTUM, EPSILON)
        return nn.sigmoid(Conv(channels, TRUNCATED, self.normalization, size=SIZE, stride=1)(x))


class DiscriminatorBlock(DiscriminatorBase):
    """x [batch, h, w, c] -> [batch, h, w, features], or half as high and wide."""

    features: int
    shrinks: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def same(x):
            return Conv(self.features, TRUNCATED, self.normalization, size=SIZE, stride=1)(x)

        def halved(x):
            return ConvThenMeans(self.features, TRUNCATED, self.normalization, size=SIZE)(x)

        def activated(x, name):
            return nn.relu(self.normalize(x, name, MOMENTUM, EPSILON))

        resized = halved if self.shrinks else same
        shortcut = resized(x)
        x = same(activated(x, "norm0"))
        x = shortcut + resized(activated(x, "norm1"))
        return self.attended(x, TRUNCATED) if self.shrinks else x


class Discriminator(DiscriminatorBase):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    widths: ResnetWidths

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        x = self.with_classes(images, context)
        for depth, multiple in enumerate(self.widths.seen):
            features = multiple * self.spec.channels
            x = DiscriminatorBlock(self.spec, features, depth < self.widths.halvings, name=f"block{depth}")(x)
        return self.judge(jnp.mean(nn.relu(x), axis=(1, 2)), context, NORMAL)


def build_resnet(widths: ResnetWidths, config: "Config", image_shape: ImageShape) -> Networks:
    """The pair for these images."""
    spec = NetworkSpec.of(config)
    return Networks(Generator(spec, widths, image_shape), Discriminator(spec, widths))


def attention_heights(widths: ResnetWidths, image_shape: ImageShape) -> tuple[int, ...]:
    """Heights that a block of the generator grows to and one of the discriminator halves to."""
    height = image_shape[0]
    halved = [height // 2**count for count in range(1, widths.halvings + 1)]
    return tuple(sorted(each for each in halved if each > widths.start))


def architecture(widths: ResnetWidths, heights: tuple[int, ...], channels: int) -> Architecture:
    """The pair of these widths, for square images of these heights."""
    return Architecture(
        functools.partial(build_resnet, widths),
        f"square images of {' or '.join(map(str, heights))} pixels",
        lambda shape: shape[0] == shape[1] and shape[0] in heights,
        DISCRIMINATOR_NORMALIZATIONS,
        GENERATOR_NORMALIZATIONS,
        ("unpool", *(name for name in UPSAMPLINGS if name != "unpool")),
        functools.partial(attention_heights, widths),
        channels,
    )


RESNET_CIFAR = architecture(ResnetWidths(4, (2, 2, 2, 2), (1, 1, 1, 1), 2), (32,), 128)
RESNET19 = architecture(ResnetWidths(4, (8, 8, 4, 4, 2, 1), (1, 2, 4, 4, 8, 8), 6), (64, 128), 64)
RESNET_STL = architecture(ResnetWidths(6, (8, 4, 2, 1), (1, 2, 4, 8, 16), 4), (48,), 64)
