"""Penalties on generated images, added to the generator's loss: functions (images) -> scalar, not yet weighted.

images: [batch, height, width, channels], as the generator returns them.
"""

import jax.numpy as jnp
from jax import Array


def no_generator_penalty(images: Array) -> Array:
    """Returns 0."""
    return jnp.zeros(())


def total_variation(images: Array) -> Array:
    """Returns the mean absolute difference of vertical neighbours plus that of horizontal ones, 0 for flat images.

    Reference: Johnson et al. 2016 (arXiv:1603.08155), section 3.2, anisotropic and as a mean, so that its weight does
    not depend on the size of the images.
    """
    vertical = jnp.abs(images[:, 1:] - images[:, :-1])
    horizontal = jnp.abs(images[:, :, 1:] - images[:, :, :-1])
    return jnp.mean(vertical) + jnp.mean(horizontal)


GENERATOR_PENALTIES = {"none": no_generator_penalty, "total_variation": total_variation}
