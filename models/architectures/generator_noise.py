"""Noise on a generator's hidden activations, in training and in sampling: functions of (module, x, level) -> x.

level: a traced scalar; module: the Flax module that calls it, whose stream `noise` gives the randomness.
"""

import jax
import jax.numpy as jnp
from flax.linen import Module
from jax import Array


def no_generator_noise(module: Module, x: Array, level) -> Array:
    """Returns x unchanged."""
    return x


def gaussian(module: Module, x: Array, level) -> Array:
    """x + level * N(0, 1), drawn for every value (Zhao et al. 2017, arXiv:1609.03126, appendix)."""
    return x + level * jax.random.normal(module.make_rng("noise"), x.shape)


def dropout(module: Module, x: Array, level) -> Array:
    """Every value 0 with probability `level`, else divided by 1 - level: dropout that stays on in sampling.

    Reference: Isola et al. 2017, section 3.2.1, whose only noise it is.
    """
    kept = jax.random.uniform(module.make_rng("noise"), x.shape) >= level
    return jnp.where(kept, x / (1.0 - level), 0.0)


GENERATOR_NOISES = {"none": no_generator_noise, "gaussian": gaussian, "dropout": dropout}
