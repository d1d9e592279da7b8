"""mlp: networks with two hidden layers of 128 units, for any small image. Ours, for quick studies."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

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
from ganscape.models.architectures.layers import Dense, identity, leaky_relu
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import he_normal

if TYPE_CHECKING:
    from ganscape.models.config import Config

WIDTH = 128
CODE = 16
MOMENTUM, EPSILON = 0.9, 1e-5


class Generator(GeneratorBase):
    """z, or a masked image -> dense 128, norm, activation, twice -> dense -> output."""

    image_shape: ImageShape
    activation: Callable[[Array], Array] = leaky_relu
    output: Callable[[Array], Array] = jax.nn.sigmoid

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        x = self.append_classes(z.reshape(z.shape[0], -1), context)
        for depth in range(2):
            x = Dense(WIDTH, he_normal, self.normalization)(x)
            x = self.activate(x, f"norm{depth}", context, self.activation, MOMENTUM, EPSILON)
        x = Dense(math.prod(self.image_shape), he_normal, self.normalization)(x)
        return self.output(x).reshape(-1, *self.image_shape)


class Trunk(DiscriminatorBase):
    """image -> dense 128, lReLU -> dense 128, [norm], lReLU: the features, [batch, 128]."""

    def features(self, images: Array, context: Context) -> Array:
        """Returns the features of the images, the input of the last layer."""
        x = self.append_classes(images, context)
        x = x.reshape(x.shape[0], -1)
        x = leaky_relu(Dense(WIDTH, he_normal, self.normalization)(x))
        x = Dense(WIDTH, he_normal, self.normalization)(x)
        return leaky_relu(self.normalize(x, "norm", MOMENTUM, EPSILON))


class Discriminator(Trunk):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        return self.compute_output(self.features(images, context), context, he_normal)


class VariationalEncoder(Trunk):
    """images [batch, height, width, channels] -> [batch, 2 * z_dim]."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> Array:
        features = self.features(images, context)
        return Dense(2 * self.spec.z_dim, he_normal, self.normalization)(features)


class Autoencoder(DiscriminatorBase):
    """image -> dense 128, lReLU -> code of 16, [norm], lReLU -> dense 128, [norm], lReLU -> dense -> sigmoid."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> Array:
        x = images.reshape(images.shape[0], -1)
        pixels = x.shape[-1]
        x = leaky_relu(Dense(WIDTH, he_normal, self.normalization)(x))
        for name, width in (("norm_code", CODE), ("norm", WIDTH)):
            x = Dense(width, he_normal, self.normalization)(x)
            x = leaky_relu(self.normalize(x, name, MOMENTUM, EPSILON))
        x = Dense(pixels, he_normal, self.normalization)(x)
        return jax.nn.sigmoid(x).reshape(images.shape)


def build_mlp(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks of the config's family for images of this shape."""
    spec = NetworkSpec.of(config)
    builders = {
        "gan": lambda: Networks(Generator(spec, image_shape), Discriminator(spec)),
        "completion": lambda: Networks(Generator(spec, image_shape), Discriminator(spec)),
        "began": lambda: Networks(Generator(spec, image_shape), Autoencoder(spec)),
        "vae": lambda: Networks(Generator(spec, image_shape, jax.nn.relu, identity), VariationalEncoder(spec)),
    }
    return builders[config.family]()


MLP = Architecture(
    build_mlp,
    "images of up to 64x64 pixels",
    lambda shape: max(shape[:2]) <= 64,
    FLAT_DISCRIMINATOR_NORMALIZATIONS,
    FLAT_GENERATOR_NORMALIZATIONS,
    families=("gan", "began", "vae", "completion"),
)
