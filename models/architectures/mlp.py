"""mlp: two hidden layers of 128 units in each player, for any small image. Ours, for quick studies."""

import math

import flax.linen as nn
import jax
from jax import Array

from models.architectures.layers import Dense, leaky_relu
from models.architectures.networks import Architecture, ImageShape, Networks
from models.initialization import he_normal
from models.normalizations import NORMALIZATIONS

WIDTH = 128
MOMENTUM, EPSILON = 0.9, 1e-5


class Generator(nn.Module):
    """z -> dense 128, BN, lReLU, twice -> dense -> sigmoid."""

    image_shape: ImageShape

    @nn.compact
    def __call__(self, z: Array, training: bool = True) -> Array:
        batch_norm = NORMALIZATIONS["batch_norm"].activations
        x = z
        for depth in range(2):
            x = Dense(WIDTH, he_normal)(x)
            x = leaky_relu(batch_norm(MOMENTUM, EPSILON, training, f"norm{depth}")(x))
        x = Dense(math.prod(self.image_shape), he_normal)(x)
        return jax.nn.sigmoid(x).reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    """image -> dense 128, lReLU -> dense 128, [norm], lReLU -> dense 1."""

    normalization: str

    @nn.compact
    def __call__(self, images: Array) -> Array:
        normalize = NORMALIZATIONS[self.normalization].activations(MOMENTUM, EPSILON, True, "norm")
        x = images.reshape(images.shape[0], -1)
        x = leaky_relu(Dense(WIDTH, he_normal, self.normalization)(x))
        x = leaky_relu(normalize(Dense(WIDTH, he_normal, self.normalization)(x)))
        return Dense(1, he_normal, self.normalization)(x)[:, 0]


def build(config, image_shape: ImageShape) -> Networks:
    """The pair for these images."""
    return Networks(Generator(image_shape), Discriminator(config.discriminator_normalization))


MLP = Architecture(
    build,
    "images of up to 64x64 pixels",
    lambda shape: max(shape[:2]) <= 64,
    ("none", "batch_norm", "spectral_norm"),
)
