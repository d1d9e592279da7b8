"""Schedules of instance noise: functions (config, images_seen) -> standard deviation of the Gaussian noise, a scalar.

The noise is added to every image that the discriminator sees, real or generated, with pixels in [0, 1].
images_seen: real images that the discriminator was trained on so far.

Reference: Sønderby et al. 2017 (arXiv:1610.04490); Arjovsky and Bottou 2017 (arXiv:1701.04862),
section 3. The schedules are ours: both papers say that the noise should shrink, not how.
"""

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array

if TYPE_CHECKING:
    from ganscape.models.config import Config


def no_noise(config: "Config", images_seen: Array) -> Array:
    """Returns 0."""
    return jnp.zeros(())


def constant_noise(config: "Config", images_seen: Array) -> Array:
    """Returns noise_std."""
    return jnp.asarray(config.noise_std)


def linear_noise(config: "Config", images_seen: Array) -> Array:
    """Returns a deviation that falls linearly from noise_std to 0 after noise_images real images, and stays 0."""
    return config.noise_std * jnp.maximum(0.0, 1.0 - images_seen / config.noise_images)


def exponential_noise(config: "Config", images_seen: Array) -> Array:
    """Returns a deviation that starts at noise_std and halves every noise_images real images."""
    return config.noise_std * 2.0 ** (-images_seen / config.noise_images)


INSTANCE_NOISES = {
    "none": no_noise,
    "constant": constant_noise,
    "linear": linear_noise,
    "exponential": exponential_noise,
}
