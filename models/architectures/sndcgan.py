"""sndcgan: the convolutional networks of Miyato et al. 2018, as in Kurach et al. 2019, for multiples of 8 pixels.

Generator: z -> dense to 1/8 of the height and width with 8 c channels, norm, ReLU -> 4x4 transposed
convolutions of stride 2 to 4 c, 2 c, c, each with norm and ReLU -> 3x3 convolution to the image -> (tanh + 1) / 2.
Discriminator: images in [-1, 1] -> convolutions to c, 2 c, 2 c, 4 c, 4 c, 8 c, 8 c, alternately 3x3 of
stride 1 and 4x4 of stride 2, each with lReLU of slope 0.1 and without norm -> dense 1.
c is the field `channels`, 64 in the paper.
"""

from typing import TYPE_CHECKING

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import FLAT_GENERATOR_NORMALIZATIONS, DiscriminatorBase, GeneratorBase
from ganscape.models.architectures.layers import Conv, Dense
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import normal

if TYPE_CHECKING:
    from ganscape.models.config import Config

SIZE = 4
MOMENTUM, EPSILON = 0.9, 2e-5
NORMAL = normal(0.02)


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1]."""

    image_shape: ImageShape

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        def activate(x, name):
            return self.activate(x, name, context, nn.relu, MOMENTUM, EPSILON)

        height, width, channels = self.image_shape
        base = self.spec.channels
        small = (height // 8, width // 8, 8 * base)
        x = Dense(small[0] * small[1] * small[2], NORMAL, self.normalization)(self.append_classes(z, context))
        x = self.attend(activate(x, "norm0").reshape(-1, *small), NORMAL)
        for depth, features in enumerate((4 * base, 2 * base, base), 1):
            x = UPSAMPLINGS[self.spec.upsampling](x, features, SIZE, NORMAL, self.normalization)
            x = self.attend(activate(x, f"norm{depth}"), NORMAL)
        x = Conv(channels, NORMAL, self.normalization, size=3, stride=1)(x)
        return 0.5 * jnp.tanh(x) + 0.5


class Discriminator(DiscriminatorBase):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        def conv(x, multiple, size, stride):
            x = Conv(multiple * self.spec.channels, NORMAL, self.normalization, size=size, stride=stride)(x)
            return nn.leaky_relu(x, 0.1)

        x = conv(self.append_classes(2.0 * images - 1.0, context), 1, 3, 1)
        for multiple in (2, 4, 8):
            x = self.attend(conv(x, multiple, SIZE, 2), NORMAL)
            x = conv(x, multiple, 3, 1)
        return self.compute_output(x.reshape(x.shape[0], -1), context, NORMAL)


def build_sndcgan(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks for images of this shape."""
    spec = NetworkSpec.of(config)
    return Networks(Generator(spec, image_shape), Discriminator(spec))


SNDCGAN = Architecture(
    build_sndcgan,
    "images whose height and width are multiples of 8, from 16",
    lambda shape: min(shape[:2]) >= 16 and shape[0] % 8 == shape[1] % 8 == 0,
    ("none", "spectral_norm", "weight_norm"),
    FLAT_GENERATOR_NORMALIZATIONS,
    tuple(UPSAMPLINGS),
    attention=lambda shape: tuple(shape[0] // part for part in (8, 4, 2)),
    channels=64,
)
