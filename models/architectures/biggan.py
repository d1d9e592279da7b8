"""sagan and biggan: residual networks for 32, 64 and 128 pixels, of the same blocks.

Generator: dense to 4x4 -> blocks, each norm, ReLU, upsampling, conv 3x3, norm, ReLU, conv 3x3 beside an upsampled
conv 1x1 -> batch norm, ReLU, conv 3x3 -> (tanh + 1) / 2.
Discriminator: 2 images - 1 -> blocks, each ReLU, conv 3x3, ReLU, conv 3x3, means of 2x2 squares beside such means,
conv 1x1 -> ReLU -> sum over space -> dense 1. The first block has no first ReLU; where nothing is halved and no
channels are added, the block's input stands beside it as it is.

At the height of a config's `attention`, a `SelfAttention` of each network follows the block that reaches it; the
papers have one at 32 (sagan) and 64 (biggan) of 128. All kernels go through the normalization, but that of biggan's
embedding of the classes.

biggan's generator is given z in parts, one for each block beside a first one for the dense layer. The blocks' batch
norms are linear in their part, beside an embedding of the class with 128 features that all blocks share.

References: Zhang et al. 2019 (arXiv:1805.08318); Brock et al. 2019 (arXiv:1809.11096), appendix B; the widths for 32
and 64 pixels, for both, as in the authors' PyTorch code. Kernels start orthogonal in biggan and as Glorot's in sagan,
but those of conditional normalizations near 0.
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
    """Channels for images of one size, in units of the base.

    generator: of the dense layer, then of each block, which doubles height and width;
    discriminator: of each block; halvings: how many of them, the first, halve height and width.
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

    The class enters by the normalizations of the blocks where they are conditional, else beside z.
    """

    channels: int
    image_shape: ImageShape
    draw: Draw

    @nn.compact
    def __call__(self, z: Array, context: Context = TRAINING) -> Array:
        first, conditions = self.parts(z, context)
        widths = [self.channels * width for width in WIDTHS[self.image_shape[0]].generator]
        x = Dense(4 * 4 * widths[0], self.draw, self.normalization)(first).reshape(-1, 4, 4, widths[0])
        for depth, (features, condition) in enumerate(zip(widths[1:], conditions, strict=True)):
            x = self.block(x, features, f"norm{depth}", context, condition)
            x = self.attended(x, self.draw)
        x = jax.nn.relu(BatchNorm(MOMENTUM, EPSILON, context.training, name="norm_image")(x))
        x = GENERATOR_NOISES[self.spec.generator_noise](self, x, context.noise)
        x = Conv(self.image_shape[2], self.draw, self.normalization, size=3, stride=1)(x)
        return 0.5 * (jnp.tanh(x) + 1.0)

    def parts(self, z: Array, context: Context) -> tuple[Array, Sequence[Array | None]]:
        """What the dense layer is given, and what each block's normalizations are, None for the class alone."""
        blocks = len(WIDTHS[self.image_shape[0]].generator) - 1
        return self.with_classes(z, context), [None] * blocks

    def block(self, x: Array, features: int, name: str, context: Context, condition: Array | None) -> Array:
        """[batch, h, w, c] -> [batch, 2h, 2w, features]."""

        def hidden(x, part):
            return self.hidden(x, f"{name}{part}", context, jax.nn.relu, MOMENTUM, EPSILON, condition)

        grow = UPSAMPLINGS[self.spec.upsampling]
        main = grow(hidden(x, "a"), features, 3, self.draw, self.normalization)
        main = Conv(features, self.draw, self.normalization, size=3, stride=1)(hidden(main, "b"))
        return main + grow(x, features, 1, self.draw, self.normalization)


class GeneratorByParts(Generator):
    """Generator whose blocks are given their own part of z, with the shared embedding of the class.

    The parts are equally long, z_dim // (blocks + 1); what is left over goes into the first, which is all of a
    shorter z.
    """

    def parts(self, z: Array, context: Context) -> tuple[Array, Sequence[Array | None]]:
        """The first part, and for each block its own, beside the embedding where there are classes."""
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
        x = self.with_classes(2.0 * images - 1.0, context)
        widths = WIDTHS[images.shape[1]]
        for depth, width in enumerate(widths.discriminator):
            smaller = depth < widths.halvings
            x = self.block(x, self.channels * width, depth == 0, smaller)
            x = self.attended(x, self.draw) if smaller else x
        return self.judge(jnp.sum(jax.nn.relu(x), axis=(1, 2)), context, self.draw)

    def block(self, x: Array, features: int, first: bool, smaller: bool) -> Array:
        """[batch, h, w, c] -> [batch, h, w, features], or half of h and w where `smaller`."""

        def conv(x, size):
            return Conv(features, self.draw, self.normalization, size=size, stride=1)(x)

        main = conv(x if first else jax.nn.relu(x), 3)
        main = conv(jax.nn.relu(main), 3)
        if not smaller:
            return main + (x if x.shape[-1] == features else conv(x, 1))
        return average_pool(main) + conv(average_pool(x), 1)


def build_biggan(generator: type[Generator], draw: Draw, config: "Config", image_shape: ImageShape) -> Networks:
    """The pair of these images."""
    spec, channels = NetworkSpec.of(config), config.channels
    return Networks(generator(spec, channels, image_shape, draw), Discriminator(spec, channels, draw))


def attention_heights(image_shape: ImageShape) -> tuple[int, ...]:
    """Heights that blocks of both networks reach."""
    size = image_shape[0]
    smallest = max(8, size >> WIDTHS[size].halvings)
    return tuple(2**power for power in range(int(math.log2(smallest)), int(math.log2(size))))


_SIZES = "images of 32x32, 64x64 or 128x128 pixels"
_UPSAMPLINGS = ("nearest", "bilinear", "unpool", "pixel_shuffle")
_NORMALIZATIONS = ("spectral_norm", "none", "weight_norm")


def accepts(image_shape: ImageShape) -> bool:
    """Whether the images are square and of a size in WIDTHS."""
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
