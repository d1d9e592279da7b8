"""inpainting: convolutional networks that complete images, with gated convolutions, for multiples of 4 pixels.

Completing: masked image -> convolution to c -> 2 c at half the size -> 4 c at a quarter -> 4 c -> 2 c at half the size
-> c at the full size -> the image -> sigmoid. All but the last are followed by norm and lReLU.
Discriminator: convolutions to c and 2 c, each of which halves the size, -> convolution to 4 c -> dense 1.
All convolutions are 3x3, but for the generator's last, which is `output_kernel`.
In family gan the generator is the part that enlarges, after a dense layer of z.

After Yu et al. 2019 (arXiv:1806.03589), whose networks have 48 channels, ELU, more convolutions of each size, some of
5x5, and, for their larger images, dilated convolutions and attention. lReLU(x g) = lReLU(x) g for g > 0, so that a gate
may stand before the activation as well as after it. c is the field `channels`.
"""

from typing import TYPE_CHECKING

import flax.linen as nn
import jax
from jax import Array

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import (
    DISCRIMINATOR_NORMALIZATIONS,
    GENERATOR_NORMALIZATIONS,
    DiscriminatorBase,
    GeneratorBase,
)
from ganscape.models.architectures.downsampling import DOWNSAMPLINGS, strided_conv
from ganscape.models.architectures.gating import CONVOLUTIONS, Convolve, same_conv
from ganscape.models.architectures.layers import Conv, Dense, leaky_relu
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import he_normal

if TYPE_CHECKING:
    from ganscape.models.config import Config

SIZE = 3
MOMENTUM, EPSILON = 0.9, 1e-5


class Enlarging(GeneratorBase):
    """Base class of both generators: activations at a quarter of the size -> images."""

    image_shape: ImageShape

    def layer(self, x: Array, multiple: int, name: str, context: Context, convolve: Convolve) -> Array:
        """Returns x [batch, h, w, c] after a convolution to `multiple` times the channels, norm and lReLU."""
        features = multiple * self.spec.channels
        x = CONVOLUTIONS[self.spec.convolution](x, features, SIZE, he_normal, self.normalization, convolve)
        return self.activate(x, name, context, leaky_relu, MOMENTUM, EPSILON)

    def enlarge(self, x: Array, context: Context) -> Array:
        """Returns the images [batch, height, width, channels] in [0, 1] for x [batch, height / 4, width / 4, 4 c]."""
        for multiple in (2, 1):
            x = self.layer(x, multiple, f"norm_up{multiple}", context, UPSAMPLINGS[self.spec.upsampling])
        size = self.spec.output_kernel
        return jax.nn.sigmoid(Conv(self.image_shape[2], he_normal, self.normalization, size=size, stride=1)(x))


class Completing(Enlarging):
    """Masked images [batch, height, width, channels + 1] -> images [batch, height, width, channels] in [0, 1]."""

    @nn.compact
    def __call__(self, x: Array, context: Context = TRAINING) -> Array:
        x = self.layer(2.0 * x - 1.0, 1, "norm0", context, same_conv)
        for multiple in (2, 4):
            x = self.layer(x, multiple, f"norm_down{multiple}", context, strided_conv)
        x = self.layer(x, 4, "norm_middle", context, same_conv)
        return self.enlarge(x, context)


class Generator(Enlarging):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1]."""

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        height, width, _ = self.image_shape
        small = (height // 4, width // 4, 4 * self.spec.channels)
        x = Dense(small[0] * small[1] * small[2], he_normal, self.normalization)(self.append_classes(z, context))
        x = self.activate(x.reshape(-1, *small), "norm0", context, leaky_relu, MOMENTUM, EPSILON)
        return self.enlarge(x, context)


class Discriminator(DiscriminatorBase):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        def activate(x, name):
            return leaky_relu(self.normalize(x, name, MOMENTUM, EPSILON))

        base, halve = self.spec.channels, DOWNSAMPLINGS[self.spec.downsampling]
        x = 2.0 * self.append_classes(images, context) - 1.0
        for multiple in (1, 2):
            x = activate(halve(x, multiple * base, SIZE, he_normal, self.normalization), f"norm{multiple}")
        x = activate(Conv(4 * base, he_normal, self.normalization, size=SIZE, stride=1)(x), "norm4")
        return self.compute_output(x.reshape(x.shape[0], -1), context, he_normal)


def build_inpainting(config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks of the config's family for images of this shape."""
    spec = NetworkSpec.of(config)
    generator = (Completing if config.family == "completion" else Generator)(spec, image_shape)
    return Networks(generator, Discriminator(spec))


INPAINTING = Architecture(
    build_inpainting,
    "images whose height and width are multiples of 4, from 8",
    lambda shape: min(shape[:2]) >= 8 and shape[0] % 4 == shape[1] % 4 == 0,
    DISCRIMINATOR_NORMALIZATIONS,
    ("none", *(name for name in GENERATOR_NORMALIZATIONS if name != "none")),
    ("nearest", *(name for name in UPSAMPLINGS if name != "nearest")),
    channels=32,
    families=("gan", "completion"),
    downsamplings=("strided_conv", *(name for name in DOWNSAMPLINGS if name != "strided_conv")),
    convolutions=("gated", "plain"),
    output_kernels=(3, 1, 9),
)
