"""Packing: stacks several images along their channels into one input of the discriminator."""

import jax.numpy as jnp
from jax import Array


def pack_images(images: Array, count: int) -> Array:
    """images [batch, height, width, channels] -> packs [batch / count, height, width, count * channels].

    Consecutive images form a pack, all channels of the first before those of the second; batch is a multiple of
    count. A discriminator of packs can tell whether images of one kind are too similar to each other.

    Reference: Lin et al. 2018 (arXiv:1712.04086), PacGAN.
    """
    batch, height, width, channels = images.shape
    packs = images.reshape(batch // count, count, height, width, channels)
    return jnp.moveaxis(packs, 1, 3).reshape(batch // count, height, width, count * channels)
