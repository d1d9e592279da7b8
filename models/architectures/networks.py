"""What an architecture is: a pair of networks, and what it can be asked for."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn

ImageShape = tuple[int, int, int]


class Networks(NamedTuple):
    """The network that makes images and the one that sees them; what they return is the family's.

    generator: (z [batch, z_dim], training) -> images [batch, height, width, channels] in [0, 1];
      in a vae the decoder, which gives the logits of the pixels.
    discriminator: (images, in training mode) -> in gan logits [batch]; in began the autoencoder's
      images, in [0, 1]; in vae the encoder's [batch, 2 * z_dim], means before deviations.
    """

    generator: nn.Module
    discriminator: nn.Module


class Architecture(NamedTuple):
    """A pair of networks by name.

    build: (config, image_shape (height, width, channels)) -> Networks of the config's family.
    sizes: in words, the images it is made for.
    accepts: (image_shape) -> whether it is made for these images.
    discriminator_normalizations: those that its discriminator knows, whatever the family.
    families: the families that it has networks for.
    """

    build: Callable[..., Networks]
    sizes: str
    accepts: Callable[[ImageShape], bool]
    discriminator_normalizations: tuple[str, ...]
    families: tuple[str, ...] = ("gan",)
