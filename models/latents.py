"""Where the generator's input comes from: draws z, and the way between two of them."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class Latent(NamedTuple):
    """Two functions (config, key, shape (..., z_dim)) -> z of that shape, and how far sampled ones lie from 0.

    training: what both players are trained on.
    sampling: what images are sampled from.
    bound: config -> the largest magnitude of a coordinate that sampling may draw, inf if there is none.
    """

    training: Callable
    sampling: Callable
    bound: Callable


def uniform(config, key: Array, shape: tuple[int, ...]) -> Array:
    """Uniform on [-1, 1], as in Lucic et al. 2018 and Kurach et al. 2019."""
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def normal(config, key: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal."""
    return jax.random.normal(key, shape)


def truncated_normal(config, key: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal draws as if each were drawn again while beyond +-truncation; `normal` where that is inf.

    The uniform draws behind `normal` are scaled to the probability within +-truncation before they go
    through the inverse of its distribution.

    Reference: Brock et al. 2019 (arXiv:1809.11096), section 3.1, the truncation trick.
    """
    bound = jnp.asarray(config.truncation, jnp.float32)
    draws = jax.random.uniform(key, shape, minval=np.nextafter(np.float32(-1.0), np.float32(0.0)), maxval=1.0)
    within = draws * jax.lax.erf(bound / np.float32(np.sqrt(2.0)))
    return jnp.clip(np.float32(np.sqrt(2.0)) * jax.lax.erf_inv(within), -bound, bound)


def slerp(one: Array, other: Array, fraction: Array | float) -> Array:
    """The point at this fraction, in [0, 1], of the way from one to other [..., z_dim], which turns at a constant
    rate; fraction is a scalar or [..., 1].

    A straight line where the two point along one line, to within 1e-4, or one of them is zero: there
    the turn is none, or which one is not known.

    Reference: White 2016 (arXiv:1609.04468).
    """
    length, other_length = (jnp.linalg.norm(each, axis=-1, keepdims=True) for each in (one, other))
    turnable = (length > 0.0) & (other_length > 0.0)
    a = one / jnp.where(turnable, length, 1.0)
    b = other / jnp.where(turnable, other_length, 1.0)
    apart, together = (jnp.linalg.norm(each, axis=-1, keepdims=True) for each in (a - b, a + b))
    angle = 2.0 * jnp.arctan2(apart, together)  # arccos of the product loses small angles to rounding
    sine = jnp.sin(angle)
    turning = turnable & (sine > 1e-4)
    divisor = jnp.where(turning, sine, 1.0)
    start = jnp.where(turning, jnp.sin((1.0 - fraction) * angle) / divisor, 1.0 - fraction)
    end = jnp.where(turning, jnp.sin(fraction * angle) / divisor, fraction)
    return start * one + end * other


LATENTS = {
    "uniform": Latent(uniform, uniform, lambda config: 1.0),
    "normal": Latent(normal, normal, lambda config: np.inf),
    "truncated_normal": Latent(normal, truncated_normal, lambda config: config.truncation),
}
