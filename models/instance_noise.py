"""Standard deviation of the Gaussian noise on all images that the discriminator sees: (config, images_seen) -> scalar.

images_seen: the real images that it has been trained on so far. In units of the images, whose range is [0, 1].

Reference: Sønderby et al. 2017 (arXiv:1610.04490); Arjovsky and Bottou 2017 (arXiv:1701.04862),
section 3. The schedules are ours: both say that the noise is to shrink, not how.
"""

import jax.numpy as jnp
from jax import Array


def none(config, images_seen: Array) -> Array:
    """0: no noise."""
    return jnp.zeros(())


def constant(config, images_seen: Array) -> Array:
    """noise_std throughout."""
    return jnp.asarray(config.noise_std)


def linear(config, images_seen: Array) -> Array:
    """From noise_std in a straight line to 0 after noise_images real images, and 0 from there on."""
    return config.noise_std * jnp.maximum(0.0, 1.0 - images_seen / config.noise_images)


def exponential(config, images_seen: Array) -> Array:
    """noise_std at first, halved every noise_images real images."""
    return config.noise_std * 2.0 ** (-images_seen / config.noise_images)


INSTANCE_NOISES = {"none": none, "constant": constant, "linear": linear, "exponential": exponential}
