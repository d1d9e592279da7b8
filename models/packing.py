"""Packing: several images become one input of the discriminator, side by side as channels."""

import jax.numpy as jnp
from jax import Array


def pack(images: Array, count: int) -> Array:
    """images [batch, height, width, channels] -> packs [batch / count, height, width, count * channels].

    Consecutive images go together, all channels of the first before those of the second; batch is a
    multiple of count. A discriminator of packs sees whether images of one kind resemble each other.

    Reference: Lin et al. 2018 (arXiv:1712.04086), PacGAN.
    """
    batch, height, width, channels = images.shape
    packs = images.reshape(batch // count, count, height, width, channels)
    return jnp.moveaxis(packs, 1, 3).reshape(batch // count, height, width, count * channels)
