"""What an architecture is: a pair of networks, and what it can be asked for."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn

ImageShape = tuple[int, int, int]


class Networks(NamedTuple):
    """generator: (z [batch, z_dim], training) -> images [batch, height, width, channels] in [0, 1];
    discriminator: (images, in training mode) -> logits [batch]."""

    generator: nn.Module
    discriminator: nn.Module


class Architecture(NamedTuple):
    """A pair of networks by name.

    build: (config, image_shape (height, width, channels)) -> Networks.
    sizes: in words, the images it is made for.
    accepts: (image_shape) -> whether it is made for these images.
    discriminator_normalizations: those that its discriminator knows.
    """

    build: Callable[..., Networks]
    sizes: str
    accepts: Callable[[ImageShape], bool]
    discriminator_normalizations: tuple[str, ...]
