"""infogan: the pair of Lucic et al. 2018, for all their data sets; conv8: its small sibling for 8x8.

Generator: z -> dense, BN, lReLU -> dense, BN, lReLU -> 4x4 transposed convolutions of stride 2.
Discriminator: two 4x4 convolutions of stride 2 -> dense -> dense 1; normalised after the second
convolution and the dense layer.
began: two 4x4 convolutions of stride 2 -> dense, the code -> dense -> two transposed ones.
vae: the encoder is the discriminator with 2 * z_dim outputs; the decoder the generator with ReLU.
"""

import functools
import math
from collections.abc import Callable

import flax.linen as nn
import jax
from jax import Array

from models.architectures.layers import Conv, ConvTranspose, Dense, as_it_is, leaky_relu
from models.architectures.networks import Architecture, ImageShape, Networks
from models.initialization import Draw, he_normal, normal, truncated_normal
from models.normalizations import NORMALIZATIONS, Site


class Generator(nn.Module):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1], with `output` the sigmoid."""

    image_shape: ImageShape
    dense: tuple[int, ...]
    channels: tuple[int, int]
    momentum: float
    draw: Draw
    activation: Callable[[Array], Array] = leaky_relu
    output: Callable[[Array], Array] = jax.nn.sigmoid
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, z: Array, training: bool = True) -> Array:
        def norm(name):
            normalization = NORMALIZATIONS["batch_norm"]
            return normalization.activations(Site(self.momentum, self.epsilon, training), name)

        height, width, channels = self.image_shape
        small = (height // 4, width // 4, self.channels[0])
        x = z
        for depth, features in enumerate((*self.dense, small[0] * small[1] * small[2])):
            x = self.activation(norm(f"norm{depth}")(Dense(features, self.draw)(x)))
        x = ConvTranspose(self.channels[1], self.draw)(x.reshape(-1, *small))
        x = ConvTranspose(channels, self.draw)(self.activation(norm("norm_image")(x)))
        return self.output(x)


class Encoder(nn.Module):
    """images [batch, height, width, channels] -> [batch, outputs]."""

    normalization: str
    channels: tuple[int, int]
    dense: tuple[int, ...]
    momentum: float
    conv_draw: Draw
    dense_draw: Draw
    outputs: int = 1
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, images: Array) -> Array:
        def norm(name):
            normalization = NORMALIZATIONS[self.normalization]
            return normalization.activations(Site(self.momentum, self.epsilon), name)

        first, second = self.channels
        x = leaky_relu(Conv(first, self.conv_draw, self.normalization)(images))
        x = leaky_relu(norm("norm_conv")(Conv(second, self.conv_draw, self.normalization)(x)))
        x = x.reshape(x.shape[0], -1)
        for depth, features in enumerate(self.dense):
            x = Dense(features, self.dense_draw, self.normalization)(x)
            x = leaky_relu(norm(f"norm{depth}")(x))
        return Dense(self.outputs, self.dense_draw, self.normalization)(x)


class Discriminator(Encoder):
    """images [batch, height, width, channels] -> logits [batch]."""

    def __call__(self, images: Array) -> Array:
        return super().__call__(images)[:, 0]


class Autoencoder(nn.Module):
    """images [batch, height, width, channels] -> images of that shape, in [0, 1]."""

    normalization: str
    channels: tuple[int, int]
    code: int
    momentum: float
    conv_draw: Draw
    dense_draw: Draw
    epsilon: float = 1e-3

    @nn.compact
    def __call__(self, images: Array) -> Array:
        def norm(name):
            normalization = NORMALIZATIONS[self.normalization]
            return normalization.activations(Site(self.momentum, self.epsilon), name)

        first, second = self.channels
        x = leaky_relu(Conv(first, self.conv_draw, self.normalization)(images))
        x = Conv(second, self.conv_draw, self.normalization)(x)
        small = x.shape[1:]
        x = Dense(self.code, self.dense_draw, self.normalization)(x.reshape(x.shape[0], -1))
        x = Dense(math.prod(small), self.dense_draw, self.normalization)(leaky_relu(norm("norm_code")(x)))
        x = leaky_relu(norm("norm_dense")(x)).reshape(-1, *small)
        x = leaky_relu(norm("norm_image")(ConvTranspose(first, self.dense_draw, self.normalization)(x)))
        x = ConvTranspose(images.shape[-1], self.dense_draw, self.normalization)(x)
        return jax.nn.sigmoid(x)


def build_infogan(config, image_shape: ImageShape) -> Networks:
    """Lucic et al. 2018's widths and initialisation; batch norm of momentum 0.999, epsilon 1e-3."""
    generator = functools.partial(Generator, image_shape, (1024,), (128, 64), 0.999, normal(0.02))
    seeing = {
        "normalization": config.discriminator_normalization,
        "channels": (64, 128),
        "momentum": 0.999,
        "conv_draw": truncated_normal(0.02),
        "dense_draw": normal(0.02),
    }
    return _networks(config, generator, seeing, dense=(1024,), code=64)


def build_conv8(config, image_shape: ImageShape) -> Networks:
    """Half the channels, no hidden dense layer, a code of 16, He initialisation, batch norm of momentum 0.9."""
    generator = functools.partial(Generator, image_shape, (), (64, 32), 0.9, he_normal)
    seeing = {
        "normalization": config.discriminator_normalization,
        "channels": (32, 64),
        "momentum": 0.9,
        "conv_draw": he_normal,
        "dense_draw": he_normal,
    }
    return _networks(config, generator, seeing, dense=(), code=16)


def _networks(config, generator: Callable, seeing: dict, dense: tuple[int, ...], code: int) -> Networks:
    """The config's family of: what makes a Generator, and what the networks that see images have in common."""
    made = {
        "gan": lambda: Networks(generator(), Discriminator(dense=dense, **seeing)),
        "began": lambda: Networks(generator(), Autoencoder(code=code, **seeing)),
        "vae": lambda: Networks(
            generator(activation=jax.nn.relu, output=as_it_is),
            Encoder(dense=dense, outputs=2 * config.z_dim, **seeing),
        ),
    }
    return made[config.family]()


_FAMILIES = ("gan", "began", "vae")
_NORMALIZATIONS = ("none", "batch_norm", "spectral_norm")
INFOGAN = Architecture(
    build_infogan,
    "square images of 28, 32 or 64 pixels",
    lambda shape: shape[0] == shape[1] and shape[0] in (28, 32, 64),
    _NORMALIZATIONS,
    _FAMILIES,
)
CONV8 = Architecture(
    build_conv8,
    "images of 8x8 pixels",
    lambda shape: shape[:2] == (8, 8),
    _NORMALIZATIONS,
    _FAMILIES,
)
