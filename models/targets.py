"""What the discriminator is told that an image is: targets in [0, 1], 1 for real and 0 for generated images.

For the losses that have targets (`targeted` in models/losses.py).
"""

import jax
import jax.numpy as jnp
from jax import Array


def exact(config, key: Array, batch: int) -> Array:
    """Targets of real images [batch]: 1."""
    return jnp.ones(batch)


def one_sided(config, key: Array, batch: int) -> Array:
    """Targets of real images [batch]: 1 - smoothing. Those of generated images stay 0.

    Reference: Salimans et al. 2016, section 3.4.
    """
    return jnp.full(batch, 1.0 - config.smoothing)


def one_sided_random(config, key: Array, batch: int) -> Array:
    """Targets of real images [batch], uniform on [1 - smoothing, 1], one draw per image: `one_sided` with noise."""
    return 1.0 - config.smoothing * jax.random.uniform(key, (batch,))


def unflipped(config, key: Array, real_targets: Array, fake_targets: Array) -> tuple[Array, Array]:
    """The targets as they are."""
    return real_targets, fake_targets


def flipped(config, key: Array, real_targets: Array, fake_targets: Array) -> tuple[Array, Array]:
    """Targets [batch] of both kinds, each image's exchanged for its partner's of the other kind with probability
    flip_probability; all 2 * batch images are drawn independently, so a partner may keep its own.

    Reference: Chintala et al. 2016, How to train a GAN, point 6 (https://github.com/soumith/ganhacks).
    """
    real, fake = jax.random.uniform(key, (2, *real_targets.shape)) < config.flip_probability
    return jnp.where(real, fake_targets, real_targets), jnp.where(fake, real_targets, fake_targets)


LABEL_SMOOTHINGS = {"none": exact, "one_sided": one_sided, "one_sided_random": one_sided_random}
LABEL_FLIPS = {"none": unflipped, "random": flipped}
