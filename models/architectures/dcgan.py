"""dcgan: the networks of Radford et al. 2016, as in the code of Kurach et al. 2019, for multiples of 16 pixels.

Generator: z -> dense to 1/16 of the height and width with 8 c channels, norm, ReLU -> 5x5 transposed convolutions
of stride 2 to 4 c, 2 c, c, each with norm and ReLU -> another to the image -> (tanh + 1) / 2.
Discriminator: 5x5 convolutions of stride 2 to c, 2 c, 4 c, 8 c, all but the first normalised, lReLU -> dense 1.
c is the field `channels`, 64 in the paper.
"""

from typing import TYPE_CHECKING

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
from ganscape.models.architectures.layers import Conv, Dense, leaky_relu
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import normal, truncated_normal

if TYPE_CHECKING:
    from ganscape.models.config import Config

SIZE = 5
MOMENTUM, EPSILON = 0.9, 1e-5
NORMAL, TRUNCATED = normal(0.02), truncated_normal(0.02)


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1]."""

    image_shape: ImageShape

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        def activate(x, name):
            return self.attend(self.activate(x, name, context, nn.relu, MOMENTUM, EPSILON), NORMAL)

        def upsample(x, features):
            return UPSAMPLINGS[self.spec.upsampling](x, features, SIZE, NORMAL, self.normalization)

        height, width, channels = self.image_shape
        base = self.spec.channels
        small = (height // 16, width // 16, 8 * base)
        x = Dense(small[0] * small[1] * small[2], NORMAL, self.normalization)(self.append_classes(z, context))
        x = activate(x.reshape(-1, *small), "norm0")
        for depth, features in enumerate((4 * base, 2 * base, base), 1):
            x = activate(upsample(x, features), f"norm{depth}")
        return 0.5 * jnp.tanh(upsample(x, channels)) + 0.5


class Discriminator(DiscriminatorBase):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        x = self.append_classes(images, context)
        for depth, multiple in enumerate((1, 2, 4, 8)):
            x = Conv(multiple * self.spec.channels, TRUNCATED, self.normalization, size=SIZE)(x)
            if depth > 0:
                x = self.normalize(x, f"norm{depth}", MOMENTUM, EPSILON)
            x = self.attend(leaky_relu(x), TRUNCATED)
        return self.compute_output(x.reshape(x.shape[0], -1), context, NORMAL)


def build_dcgan(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks for images of this shape."""
    spec = NetworkSpec.of(config)
    return Networks(Generator(spec, image_shape), Discriminator(spec))


DCGAN = Architecture(
    build_dcgan,
    "images whose height and width are multiples of 16, from 32",
    lambda shape: min(shape[:2]) >= 32 and shape[0] % 16 == shape[1] % 16 == 0,
    DISCRIMINATOR_NORMALIZATIONS,
    GENERATOR_NORMALIZATIONS,
    tuple(UPSAMPLINGS),
    attention=lambda shape: tuple(shape[0] // part for part in (16, 8, 4, 2)),
    channels=64,
)
