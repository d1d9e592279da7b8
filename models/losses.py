"""Adversarial losses: pure functions of the discriminator's logits."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Loss(NamedTuple):
    """What each player minimises.

    discriminator: (real_logits [batch], fake_logits [batch]) -> scalar.
    generator: (fake_logits [batch]) -> scalar.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[[Array], Array]


def cross_entropy_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean softplus(-real) + mean softplus(fake): binary cross-entropy, real 1, fake 0.

    Reference: Goodfellow et al. 2014, equation 1.
    """
    return jnp.mean(jax.nn.softplus(-real_logits)) + jnp.mean(jax.nn.softplus(fake_logits))


def non_saturating_generator(fake_logits: Array) -> Array:
    """mean softplus(-fake), that is -mean log D(G(z)).

    Reference: Goodfellow et al. 2014, section 3.
    """
    return jnp.mean(jax.nn.softplus(-fake_logits))


def minimax_generator(fake_logits: Array) -> Array:
    """-mean softplus(fake), that is mean log(1 - D(G(z))): what the discriminator maximises.

    Reference: Goodfellow et al. 2014, equation 1.
    """
    return -jnp.mean(jax.nn.softplus(fake_logits))


def least_squares_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """(mean (s(real) - 1)^2 + mean s(fake)^2) / 2 on the sigmoid outputs s.

    The sigmoid is the convention of Lucic et al. 2018's code; Mao et al. 2017 (equation 9)
    write the same squares of unbounded outputs.
    """
    real, fake = jax.nn.sigmoid(real_logits), jax.nn.sigmoid(fake_logits)
    return 0.5 * (jnp.mean((real - 1.0) ** 2) + jnp.mean(fake**2))


def least_squares_generator(fake_logits: Array) -> Array:
    """mean (s(fake) - 1)^2 / 2 on the sigmoid outputs s (Mao et al. 2017, equation 9)."""
    return 0.5 * jnp.mean((jax.nn.sigmoid(fake_logits) - 1.0) ** 2)


def wasserstein_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean fake - mean real (Arjovsky et al. 2017, equation 3, negated to be minimised)."""
    return jnp.mean(fake_logits) - jnp.mean(real_logits)


def wasserstein_generator(fake_logits: Array) -> Array:
    """-mean fake (Arjovsky et al. 2017, algorithm 1)."""
    return -jnp.mean(fake_logits)


def hinge_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean relu(1 - real) + mean relu(1 + fake) (Lim and Ye 2017; Miyato et al. 2018, equation 16)."""
    return jnp.mean(jax.nn.relu(1.0 - real_logits)) + jnp.mean(jax.nn.relu(1.0 + fake_logits))


LOSSES = {
    "non_saturating": Loss(cross_entropy_discriminator, non_saturating_generator),
    "minimax": Loss(cross_entropy_discriminator, minimax_generator),
    "least_squares": Loss(least_squares_discriminator, least_squares_generator),
    "wasserstein": Loss(wasserstein_discriminator, wasserstein_generator),
    "hinge": Loss(hinge_discriminator, wasserstein_generator),
}
