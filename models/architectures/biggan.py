"""sagan and biggan: residual networks for 32, 64 and 128 pixels, with the same blocks.

Generator: dense to 4x4 -> blocks -> batch norm, ReLU, conv 3x3 -> (tanh + 1) / 2. Block: norm, ReLU, upsampling, conv
3x3, norm, ReLU, conv 3x3; plus the shortcut upsampling, conv 1x1.
Discriminator: 2 images - 1 -> blocks -> ReLU -> sum over pixels -> dense 1. Block: ReLU, conv 3x3, ReLU, conv 3x3,
average pool; plus the shortcut average pool, conv 1x1. The first block has no first ReLU. Blocks that do not pool have
the shortcut conv 1x1, or the identity if the number of channels stays the same.

In both networks a `SelfAttention` follows the block whose output has the height of the config's `attention`; the papers
have it at 32 (sagan) and 64 (biggan) of 128 pixels. All kernels are normalised but that of biggan's embedding of the
classes.

biggan's generator splits z into one part for the dense layer and one for each block. The condition of a block's batch
norms is its part of z and an embedding of the class with 128 features, which all blocks share.

References: Zhang et al. 2019 (arXiv:1805.08318); Brock et al. 2019 (arXiv:1809.11096), appendix B; the widths for 32
and 64 pixels, for both, as in the authors' PyTorch code. Kernels start orthogonal in biggan and Glorot uniform in
sagan; those of conditional normalizations start near 0.
"""

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.architecture import Architecture, ImageShape, Networks, NetworkSpec
from ganscape.models.architectures.base import DiscriminatorBase, GeneratorBase
from ganscape.models.architectures.generator_noise import GENERATOR_NOISES
from ganscape.models.architectures.layers import Conv, Dense, Embedding
from ganscape.models.architectures.scales import average_pool
from ganscape.models.architectures.upsampling import UPSAMPLINGS
from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput
from ganscape.models.initialization import Draw, glorot_uniform, orthogonal
from ganscape.models.normalizations import BatchNorm

if TYPE_CHECKING:
    from ganscape.models.config import Config

MOMENTUM, EPSILON = 0.9, 1e-5
EMBEDDING = 128


class BigganWidths(NamedTuple):
    """Numbers of channels for one image size, as multiples of the base number.

    generator: of the dense layer, then of each block, all of which double height and width.
    discriminator: of each block.
    halvings: how many blocks of the discriminator, from the first, halve height and width.
    """

    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    halvings: int


WIDTHS = {
    32: BigganWidths((4, 4, 4, 4), (4, 4, 4, 4), 2),
    64: BigganWidths((16, 16, 8, 4, 2), (1, 2, 4, 8, 16), 4),
    128: BigganWidths((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
}


class Generator(GeneratorBase):
    """z [batch, z_dim] -> images [batch, height, width, channels] in [0, 1].

    The class enters through the blocks' normalizations if they are conditional, else appended to z.
    """

    channels: int
    image_shape: ImageShape
    draw: Draw

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        first, conditions = self.split_latent(z, context)
        widths = [self.channels * width for width in WIDTHS[self.image_shape[0]].generator]
        x = Dense(4 * 4 * widths[0], self.draw, self.normalization)(first).reshape(-1, 4, 4, widths[0])
        for depth, (features, condition) in enumerate(zip(widths[1:], conditions, strict=True)):
            x = self.block(x, features, f"norm{depth}", context, condition)
            x = self.attend(x, self.draw)
        x = jax.nn.relu(BatchNorm(MOMENTUM, EPSILON, context.training, name="norm_image")(x))
        x = GENERATOR_NOISES[self.spec.generator_noise](self, x, context.noise)
        x = Conv(self.image_shape[2], self.draw, self.normalization, size=3, stride=1)(x)
        return 0.5 * (jnp.tanh(x) + 1.0)

    def split_latent(self, z: Array, context: Context) -> tuple[Array, Sequence[Array | None]]:
        """Returns the input of the dense layer, and the condition of each block; None stands for the class alone."""
        blocks = len(WIDTHS[self.image_shape[0]].generator) - 1
        return self.append_classes(z, context), [None] * blocks

    def block(self, x: Array, features: int, name: str, context: Context, condition: Array | None) -> Array:
        """Applies a residual block: [batch, h, w, c] -> [batch, 2h, 2w, features]."""

        def activate(x, part):
            return self.activate(x, f"{name}{part}", context, jax.nn.relu, MOMENTUM, EPSILON, condition)

        upsample = UPSAMPLINGS[self.spec.upsampling]
        main = upsample(activate(x, "a"), features, 3, self.draw, self.normalization)
        main = Conv(features, self.draw, self.normalization, size=3, stride=1)(activate(main, "b"))
        return main + upsample(x, features, 1, self.draw, self.normalization)


class GeneratorByParts(Generator):
    """A Generator whose blocks are conditioned on parts of z and a shared embedding of the class.

    The parts have z_dim // (blocks + 1) values; the first, for the dense layer, also gets the remainder, which is all
    of z if it is shorter than blocks + 1.
    """

    def split_latent(self, z: Array, context: Context) -> tuple[Array, Sequence[Array | None]]:
        """Returns the first part of z, and for each block its part of z after the class embedding, if any."""
        blocks = len(WIDTHS[self.image_shape[0]].generator) - 1
        length = z.shape[1] // (blocks + 1)
        first, rest = jnp.split(z, [z.shape[1] - blocks * length], axis=1)
        parts = jnp.split(rest, blocks, axis=1)
        if context.classes is not None:
            shared = Embedding(EMBEDDING, self.draw, name="shared")(context.classes)
            parts = [jnp.concatenate([shared, part], axis=1) for part in parts]
        return first, parts


class Discriminator(DiscriminatorBase):
    """images [batch, height, width, channels] -> DiscriminatorOutput."""

    channels: int
    draw: Draw

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        x = self.append_classes(2.0 * images - 1.0, context)
        widths = WIDTHS[images.shape[1]]
        for depth, width in enumerate(widths.discriminator):
            halve = depth < widths.halvings
            x = self.block(x, self.channels * width, depth == 0, halve)
            x = self.attend(x, self.draw) if halve else x
        return self.compute_output(jnp.sum(jax.nn.relu(x), axis=(1, 2)), context, self.draw)

    def block(self, x: Array, features: int, first: bool, halve: bool) -> Array:
        """Applies a residual block: [batch, h, w, c] -> [batch, h, w, features], or h / 2 and w / 2 with `halve`."""

        def conv(x, size):
            return Conv(features, self.draw, self.normalization, size=size, stride=1)(x)

        main = conv(x if first else jax.nn.relu(x), 3)
        main = conv(jax.nn.relu(main), 3)
        if not halve:
            return main + (x if x.shape[-1] == features else conv(x, 1))
        return average_pool(main) + conv(average_pool(x), 1)


def build_biggan(generator: type[Generator], draw: Draw, config: "Config", image_shape: ImageShape) -> Networks:
    """Returns the networks for images of this shape."""
    spec, channels = NetworkSpec.of(config), config.channels
    return Networks(generator(spec, channels, image_shape, draw), Discriminator(spec, channels, draw))


def attention_heights(image_shape: ImageShape) -> tuple[int, ...]:
    """Returns the heights at which blocks of both networks end."""
    size = image_shape[0]
    smallest = max(8, size >> WIDTHS[size].halvings)
    return tuple(2**power for power in range(int(math.log2(smallest)), int(math.log2(size))))


_SIZES = "images of 32x32, 64x64 or 128x128 pixels"
_UPSAMPLINGS = ("nearest", "bilinear", "unpool", "pixel_shuffle")
_NORMALIZATIONS = ("spectral_norm", "none", "weight_norm")


def accepts(image_shape: ImageShape) -> bool:
    """Returns whether the images are square and of a size in WIDTHS."""
    return image_shape[0] == image_shape[1] and image_shape[0] in WIDTHS


SAGAN = Architecture(
    functools.partial(build_biggan, Generator, glorot_uniform),
    _SIZES,
    accepts,
    _NORMALIZATIONS,
    (
        "batch_norm+spectral_norm",
        "conditional_batch_norm+spectral_norm",
        "batch_norm",
        "conditional_batch_norm",
    ),
    _UPSAMPLINGS,
    attention_heights,
    channels=64,
)
BIGGAN = Architecture(
    functools.partial(build_biggan, GeneratorByParts, orthogonal),
    _SIZES,
    accepts,
    _NORMALIZATIONS,
    ("conditional_batch_norm+spectral_norm", "conditional_batch_norm"),
    _UPSAMPLINGS,
    attention_heights,
    channels=96,
    latent_by_parts=True,
)
