"""Targets of the discriminator's loss, in [0, 1]: 1 for real and 0 for generated images, smoothed or flipped.

Only losses that have targets use them (`targeted` in models/losses.py).
"""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

if TYPE_CHECKING:
    from ganscape.models.config import Config


def exact(config: "Config", key: Array, batch: int) -> Array:
    """Returns the targets of real images [batch], all 1."""
    return jnp.ones(batch)


def one_sided(config: "Config", key: Array, batch: int) -> Array:
    """Returns the targets of real images [batch], all 1 - smoothing. Those of generated images stay 0.

    Reference: Salimans et al. 2016, section 3.4.
    """
    return jnp.full(batch, 1.0 - config.smoothing)


def one_sided_random(config: "Config", key: Array, batch: int) -> Array:
    """Returns targets of real images [batch], uniform on [1 - smoothing, 1], one draw per image."""
    return 1.0 - config.smoothing * jax.random.uniform(key, (batch,))


def unflipped(config: "Config", key: Array, real_targets: Array, fake_targets: Array) -> tuple[Array, Array]:
    """Returns the targets unchanged."""
    return real_targets, fake_targets


def flipped(config: "Config", key: Array, real_targets: Array, fake_targets: Array) -> tuple[Array, Array]:
    """Returns the targets [batch] of both kinds, each replaced with probability flip_probability by that of the image
    at the same place of the other kind.

    All 2 * batch images are drawn independently: of two images at one place one may be flipped and the other not.

    Reference: Chintala et al. 2016, How to train a GAN, point 6 (https://github.com/soumith/ganhacks).
    """
    real, fake = jax.random.uniform(key, (2, *real_targets.shape)) < config.flip_probability
    return jnp.where(real, fake_targets, real_targets), jnp.where(fake, real_targets, fake_targets)


LABEL_SMOOTHINGS = {"none": exact, "one_sided": one_sided, "one_sided_random": one_sided_random}
LABEL_FLIPS = {"none": unflipped, "random": flipped}
