"""Noise on a generator's hidden activations, in training and in sampling: functions of (module, x, level) -> x.

level: a traced scalar.
module: the Flax module that calls the function; its random stream `noise` is used.
"""

import jax
import jax.numpy as jnp
from flax.linen import Module
from jax import Array


def no_generator_noise(module: Module, x: Array, level) -> Array:
    """Returns x unchanged."""
    return x


def gaussian(module: Module, x: Array, level) -> Array:
    """Returns x + level * N(0, 1), drawn for every value (Zhao et al. 2017, arXiv:1609.03126, appendix)."""
    return x + level * jax.random.normal(module.make_rng("noise"), x.shape)


def dropout(module: Module, x: Array, level) -> Array:
    """Sets every value to 0 with probability `level` and divides it by 1 - level otherwise, also in sampling.

    Reference: Isola et al. 2017, section 3.2.1, where it is the generator's only noise.
    """
    kept = jax.random.uniform(module.make_rng("noise"), x.shape) >= level
    return jnp.where(kept, x / (1.0 - level), 0.0)


GENERATOR_NOISES = {"none": no_generator_noise, "gaussian": gaussian, "dropout": dropout}
