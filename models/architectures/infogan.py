"""infogan: the networks of Lucic et al. 2018 for all their data sets; conv8: a small variant for 8x8 pixels.

infogan's convolutions have c and 2 c channels and its hidden dense layers h c units, where c is the field `channels`
and h the field `hidden_per_channel`: 64 and 16 in the paper, so 64 and 128 channels and 1,024 units.

Generator: z -> dense, norm, lReLU -> dense, norm, lReLU -> 4x4 transposed convolutions of stride 2.
Discriminator: two 4x4 convolutions of stride 2 -> dense -> dense 1; normalised after the second
convolution and the dense layer.
began, autoencoder: two 4x4 convolutions of stride 2 -> dense (the code) -> dense -> two transposed convolutions.
vae: the encoder is the discriminator with 2 * z_dim outputs; the decoder is the generator with ReLU.
"""

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import flax.linen as nn
import jax
from jax import Array

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import (
    FLAT_DISCRIMINATOR_NORMALIZATIONS,
    FLAT_GENERATOR_NORMALIZATIONS,
    DiscriminatorBase,
    GeneratorBase,
)
from ganscape.models.architectures.layers import Conv, ConvTranspose, Dense, identity, leaky_relu
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import Draw, he_normal, normal, truncated_normal

if TYPE_CHECKING:
    from ganscape.models.config import Config


class InfoganWidths(NamedTuple):
    """The hyperparameters in which infogan and conv8 differ.

    hidden: units of each hidden dense layer.
    channels: channels of the first and the second convolution.
    code: units of the autoencoder's code.
    momentum, epsilon: of batch norm.
    conv_draw, dense_draw: initialisation of the discriminator's convolutions, and of all other layers.
    """

    hidden: tuple[int, ...]
    channels: tuple[int, int]
    code: int
    momentum: float
    conv_draw: Draw
    dense_draw: Draw
    epsilon: float = 1e-3


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1]; logits if `output` is the identity."""

    widths: InfoganWidths
    image_shape: ImageShape
    activation: Callable[[Array], Array] = leaky_relu
    output: Callable[[Array], Array] = jax.nn.sigmoid

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        def activate(x, name):
            return self.activate(x, name, context, self.activation, self.widths.momentum, self.widths.epsilon)

        height, width, channels = self.image_shape
        first, second = self.widths.channels
        draw = self.widths.dense_draw
        small = (height // 4, width // 4, second)
        x = self.append_classes(z, context)
        for depth, features in enumerate((*self.widths.hidden, math.prod(small))):
            x = activate(Dense(features, draw, self.normalization)(x), f"norm{depth}")
        x = ConvTranspose(first, draw, self.normalization)(x.reshape(-1, *small))
        x = ConvTranspose(channels, draw, self.normalization)(activate(x, "norm_image"))
        return self.output(x)


class Trunk(DiscriminatorBase):
    """images [batch, height, width, channels] -> features [batch, f]."""

    widths: InfoganWidths

    def features(self, images: Array, context: Context) -> Array:
        """Returns the features of the images, the input of the last layer."""

        def norm(x, name):
            return self.normalize(x, name, self.widths.momentum, self.widths.epsilon)

        first, second = self.widths.channels
        x = self.append_classes(images, context)
        x = leaky_relu(Conv(first, self.widths.conv_draw, self.normalization)(x))
        x = leaky_relu(norm(Conv(second, self.widths.conv_draw, self.normalization)(x), "norm_conv"))
        x = x.reshape(x.shape[0], -1)
        for depth, features in enumerate(self.widths.hidden):
            x = leaky_relu(norm(Dense(features, self.widths.dense_draw, self.normalization)(x), f"norm{depth}"))
        return x


class Discriminator(Trunk):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        return self.compute_output(self.features(images, context), context, self.widths.dense_draw)


class VariationalEncoder(Trunk):
    """images [batch, height, width, channels] -> [batch, 2 * z_dim]."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> Array:
        features = self.features(images, context)
        return Dense(2 * self.spec.z_dim, self.widths.dense_draw, self.normalization)(features)


class Autoencoder(DiscriminatorBase):
    """images [batch, height, width, channels] -> images of that shape, in [0, 1]."""

    widths: InfoganWidths

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> Array:
        def norm(x, name):
            return self.normalize(x, name, self.widths.momentum, self.widths.epsilon)

        first, second = self.widths.channels
        draw = self.widths.dense_draw
        x = leaky_relu(Conv(first, self.widths.conv_draw, self.normalization)(images))
        x = Conv(second, self.widths.conv_draw, self.normalization)(x)
        small = x.shape[1:]
        x = Dense(self.widths.code, draw, self.normalization)(x.reshape(x.shape[0], -1))
        x = Dense(math.prod(small), draw, self.normalization)(leaky_relu(norm(x, "norm_code")))
        x = leaky_relu(norm(x, "norm_dense")).reshape(-1, *small)
        x = leaky_relu(norm(ConvTranspose(first, draw, self.normalization)(x), "norm_image"))
        x = ConvTranspose(images.shape[-1], draw, self.normalization)(x)
        return jax.nn.sigmoid(x)


def build_with_widths(widths: InfoganWidths, config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks of the config's family for images of this shape."""
    spec = NetworkSpec.of(config)
    builders = {
        "gan": lambda: Networks(Generator(spec, widths, image_shape), Discriminator(spec, widths)),
        "began": lambda: Networks(Generator(spec, widths, image_shape), Autoencoder(spec, widths)),
        "vae": lambda: Networks(
            Generator(spec, widths, image_shape, jax.nn.relu, identity), VariationalEncoder(spec, widths)
        ),
    }
    return builders[config.family]()


def build_infogan(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks of Lucic et al. 2018 with the config's numbers of channels and of hidden units."""
    base, hidden = config.channels, config.channels * config.hidden_per_channel
    return build_with_widths(
        InfoganWidths((hidden,), (base, 2 * base), 64, 0.999, truncated_normal(0.02), normal(0.02)), config, image_shape
    )


INFOGAN = Architecture(
    build_infogan,
    "images whose height and width are divisible by 4",
    lambda shape: min(shape[:2]) >= 4 and shape[0] % 4 == 0 and shape[1] % 4 == 0,
    FLAT_DISCRIMINATOR_NORMALIZATIONS,
    FLAT_GENERATOR_NORMALIZATIONS,
    channels=64,
    hidden_per_channel=16,
    families=("gan", "began", "vae"),
)
CONV8 = Architecture(
    functools.partial(build_with_widths, InfoganWidths((), (32, 64), 16, 0.9, he_normal, he_normal)),
    "images of 8x8 pixels",
    lambda shape: shape[:2] == (8, 8),
    FLAT_DISCRIMINATOR_NORMALIZATIONS,
    FLAT_GENERATOR_NORMALIZATIONS,
    families=("gan", "began", "vae"),
)
