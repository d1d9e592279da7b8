"""Penalties on the discriminator: pure functions of (critic, real, fake, key), before their weight.

critic: images [batch, height, width, channels] -> logits [batch];
real, fake: images [batch, height, width, channels] in [0, 1]; the result is a scalar >= 0.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

Critic = Callable[[Array], Array]


def none(critic: Critic, real: Array, fake: Array, key: Array) -> Array:
    """0: no penalty."""
    return jnp.zeros(())


def slopes(critic: Critic, images: Array) -> Array:
    """Norm of the critic's gradient at each image: sqrt(1e-4 + sum of squares), [batch].

    The 1e-4 inside the root is Lucic et al. 2018's code: it keeps the derivative finite at a zero
    gradient, whose slope therefore counts as 0.01.
    """
    gradients = jax.grad(lambda batch: jnp.sum(critic(batch)))(images)
    return jnp.sqrt(1e-4 + jnp.sum(gradients**2, axis=(1, 2, 3)))


def wgangp(critic: Critic, real: Array, fake: Array, key: Array) -> Array:
    """mean (slope - 1)^2 at points drawn uniformly between real and fake, one draw per image.

    Reference: Gulrajani et al. 2017, equation 3, two-sided.
    """
    fraction = jax.random.uniform(key, (real.shape[0], 1, 1, 1))
    between = real + fraction * (fake - real)
    return jnp.mean((slopes(critic, between) - 1.0) ** 2)


PENALTIES = {"none": none, "wgangp": wgangp}
