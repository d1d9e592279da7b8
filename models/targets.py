"""Label smoothing and label flipping: the targets in [0, 1] of the discriminator's loss, 1 for real images and 0 for
generated ones by default.

Only losses with targets use them (`targeted` in models/losses.py).
"""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

if TYPE_CHECKING:
    from ganscape.models.config import Config


def no_smoothing(config: "Config", key: Array, batch: int) -> Array:
    """Returns the targets of real images [batch], all 1."""
    return jnp.ones(batch)


def one_sided_smoothing(config: "Config", key: Array, batch: int) -> Array:
    """Returns the targets of real images [batch], all 1 - smoothing. Those of generated images stay 0.

    Reference: Salimans et al. 2016, section 3.4.
    """
    return jnp.full(batch, 1.0 - config.smoothing)


def one_sided_random_smoothing(config: "Config", key: Array, batch: int) -> Array:
    """Returns targets of real images [batch], uniform on [1 - smoothing, 1], one draw per image."""
    return 1.0 - config.smoothing * jax.random.uniform(key, (batch,))


def no_flipping(config: "Config", key: Array, real_targets: Array, fake_targets: Array) -> tuple[Array, Array]:
    """Returns the targets unchanged."""
    return real_targets, fake_targets


def random_flipping(config: "Config", key: Array, real_targets: Array, fake_targets: Array) -> tuple[Array, Array]:
    """Returns the targets [batch] of real and of generated images, some of them flipped.

    Each image gets, with probability flip_probability and independently of all others, the target of the image of the
    other kind at its index.

    Reference: Chintala et al. 2016, How to train a GAN, point 6 (https://github.com/soumith/ganhacks).
    """
    flip_real, flip_fake = jax.random.uniform(key, (2, *real_targets.shape)) < config.flip_probability
    return jnp.where(flip_real, fake_targets, real_targets), jnp.where(flip_fake, real_targets, fake_targets)


LABEL_SMOOTHINGS = {
    "none": no_smoothing,
    "one_sided": one_sided_smoothing,
    "one_sided_random": one_sided_random_smoothing,
}
LABEL_FLIPS = {"none": no_flipping, "random": random_flipping}
