"""infogan: the pair of Lucic et al. 2018, for all their data sets; conv8: its small sibling for 8x8.

Generator: z -> dense, BN, lReLU -> dense, BN, lReLU -> 4x4 transposed convolutions of stride 2.
Discriminator: two 4x4 convolutions of stride 2 -> dense -> dense 1; normalised after the second
convolution and the dense layer.
"""

import flax.linen as nn
import jax
from jax import Array

from models.architectures.layers import Conv, ConvTranspose, Dense, leaky_relu
from models.architectures.networks import Architecture, ImageShape, Networks
from models.initialization import Draw, he_normal, normal, truncated_normal
from models.normalizations import NORMALIZATIONS


class Generator(nn.Module):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1]."""

    image_shape: ImageShape
    dense: tuple[int, ...]
    channels: tuple[int, int]
    momentum: float
    draw: Draw
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, z: Array, training: bool = True) -> Array:
        def norm(name):
            normalization = NORMALIZATIONS["batch_norm"]
            return normalization.activations(self.momentum, self.epsilon, training, name)

        height, width, channels = self.image_shape
        small = (height // 4, width // 4, self.channels[0])
        x = z
        for depth, features in enumerate((*self.dense, small[0] * small[1] * small[2])):
            x = leaky_relu(norm(f"norm{depth}")(Dense(features, self.draw)(x)))
        x = ConvTranspose(self.channels[1], self.draw)(x.reshape(-1, *small))
        x = ConvTranspose(channels, self.draw)(leaky_relu(norm("norm_image")(x)))
        return jax.nn.sigmoid(x)


class Discriminator(nn.Module):
    """images [batch, height, width, channels] -> logits [batch]."""

    normalization: str
    channels: tuple[int, int]
    dense: tuple[int, ...]
    momentum: float
    conv_draw: Draw
    dense_draw: Draw
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, images: Array) -> Array:
        def norm(name):
            normalization = NORMALIZATIONS[self.normalization]
            return normalization.activations(self.momentum, self.epsilon, True, name)

        first, second = self.channels
        x = leaky_relu(Conv(first, self.conv_draw, self.normalization)(images))
        x = leaky_relu(norm("norm_conv")(Conv(second, self.conv_draw, self.normalization)(x)))
        x = x.reshape(x.shape[0], -1)
        for depth, features in enumerate(self.dense):
            x = Dense(features, self.dense_draw, self.normalization)(x)
            x = leaky_relu(norm(f"norm{depth}")(x))
        return Dense(1, self.dense_draw, self.normalization)(x)[:, 0]


def build_infogan(config, image_shape: ImageShape) -> Networks:
    """Lucic et al. 2018's widths and initialisation; batch norm of momentum 0.999, epsilon 1e-3."""
    return Networks(
        Generator(image_shape, (1024,), (128, 64), 0.999, normal(0.02)),
        Discriminator(
            config.discriminator_normalization,
            (64, 128),
            (1024,),
            0.999,
            truncated_normal(0.02),
            normal(0.02),
        ),
    )


def build_conv8(config, image_shape: ImageShape) -> Networks:
    """Half the channels, no hidden dense layer, He initialisation, batch norm of momentum 0.9."""
    return Networks(
        Generator(image_shape, (), (64, 32), 0.9, he_normal),
        Discriminator(config.discriminator_normalization, (32, 64), (), 0.9, he_normal, he_normal),
    )


_NORMALIZATIONS = ("none", "batch_norm", "spectral_norm")
INFOGAN = Architecture(
    build_infogan,
    "square images of 28, 32 or 64 pixels",
    lambda shape: shape[0] == shape[1] and shape[0] in (28, 32, 64),
    _NORMALIZATIONS,
)
CONV8 = Architecture(
    build_conv8, "images of 8x8 pixels", lambda shape: shape[:2] == (8, 8), _NORMALIZATIONS
)
