"""mlp: two hidden layers of 128 units in each player, for any small image. Ours, for quick studies."""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
from jax import Array

from models.architectures.layers import Dense, as_it_is, leaky_relu
from models.architectures.networks import Architecture, ImageShape, Networks
from models.initialization import he_normal
from models.normalizations import NORMALIZATIONS, Site

WIDTH = 128
CODE = 16
MOMENTUM, EPSILON = 0.9, 1e-5


class Generator(nn.Module):
    """z -> dense 128, BN, activation, twice -> dense -> output."""

    image_shape: ImageShape
    activation: Callable[[Array], Array] = leaky_relu
    output: Callable[[Array], Array] = jax.nn.sigmoid

    @nn.compact
    def __call__(self, z: Array, training: bool = True) -> Array:
        batch_norm = NORMALIZATIONS["batch_norm"].activations
        x = z
        for depth in range(2):
            x = Dense(WIDTH, he_normal)(x)
            x = self.activation(batch_norm(Site(MOMENTUM, EPSILON, training), f"norm{depth}")(x))
        x = Dense(math.prod(self.image_shape), he_normal)(x)
        return self.output(x).reshape(-1, *self.image_shape)


class Encoder(nn.Module):
    """image -> dense 128, lReLU -> dense 128, [norm], lReLU -> dense outputs."""

    normalization: str
    outputs: int = 1

    @nn.compact
    def __call__(self, images: Array) -> Array:
        normalize = NORMALIZATIONS[self.normalization].activations(Site(MOMENTUM, EPSILON), "norm")
        x = images.reshape(images.shape[0], -1)
        x = leaky_relu(Dense(WIDTH, he_normal, self.normalization)(x))
        x = leaky_relu(normalize(Dense(WIDTH, he_normal, self.normalization)(x)))
        return Dense(self.outputs, he_normal, self.normalization)(x)


class Discriminator(Encoder):
    """An encoder of one output: the logits [batch]."""

    def __call__(self, images: Array) -> Array:
        return super().__call__(images)[:, 0]


class Autoencoder(nn.Module):
    """image -> dense 128, lReLU -> code of 16, [norm], lReLU -> dense 128, [norm], lReLU -> dense -> sigmoid."""

    normalization: str

    @nn.compact
    def __call__(self, images: Array) -> Array:
        normalize = NORMALIZATIONS[self.normalization].activations
        x = images.reshape(images.shape[0], -1)
        pixels = x.shape[-1]
        x = leaky_relu(Dense(WIDTH, he_normal, self.normalization)(x))
        for name, width in (("norm_code", CODE), ("norm", WIDTH)):
            x = Dense(width, he_normal, self.normalization)(x)
            x = leaky_relu(normalize(Site(MOMENTUM, EPSILON), name)(x))
        x = Dense(pixels, he_normal, self.normalization)(x)
        return jax.nn.sigmoid(x).reshape(images.shape)


def build(config, image_shape: ImageShape) -> Networks:
    """The pair of the config's family for these images."""
    normalization = config.discriminator_normalization
    made = {
        "gan": lambda: Networks(Generator(image_shape), Discriminator(normalization)),
        "began": lambda: Networks(Generator(image_shape), Autoencoder(normalization)),
        "vae": lambda: Networks(
            Generator(image_shape, jax.nn.relu, as_it_is), Encoder(normalization, 2 * config.z_dim)
        ),
    }
    return made[config.family]()


MLP = Architecture(
    build,
    "images of up to 64x64 pixels",
    lambda shape: max(shape[:2]) <= 64,
    ("none", "batch_norm", "spectral_norm"),
    ("gan", "began", "vae"),
)
