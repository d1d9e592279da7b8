"""Distributions of the latent z, and spherical interpolation between two latents."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

if TYPE_CHECKING:
    from ganscape.models.config import Config


class Latent(NamedTuple):
    """A distribution of z, as functions (config, key, shape (..., z_dim)) -> z of that shape.

    training: what both players are trained on.
    sampling: what images are sampled from.
    bound: config -> the largest magnitude of a coordinate that sampling may draw, inf if there is none.
    """

    training: Callable
    sampling: Callable
    bound: Callable


def draw_uniform(config: "Config", key: Array, shape: tuple[int, ...]) -> Array:
    """Draws uniformly on [-1, 1], as in Lucic et al. 2018 and Kurach et al. 2019."""
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def draw_normal(config: "Config", key: Array, shape: tuple[int, ...]) -> Array:
    """Draws from N(0, 1)."""
    return jax.random.normal(key, shape)


def draw_truncated_normal(config: "Config", key: Array, shape: tuple[int, ...]) -> Array:
    """Draws from N(0, 1) conditioned on [-config.truncation, config.truncation]."""
    return draw_within(config.truncation, key, shape)


def draw_within(truncation: Array | float, key: Array, shape: tuple[int, ...]) -> Array:
    """Draws from N(0, 1) conditioned on [-truncation, truncation]; `draw_normal` where that is infinite.

    The uniform draws behind `draw_normal` are scaled to the probability within +-truncation before they go
    through the inverse of its distribution.

    Reference: Brock et al. 2019 (arXiv:1809.11096), section 3.1, the truncation trick.
    """
    bound = jnp.asarray(truncation, jnp.float32)
    draws = jax.random.uniform(key, shape, minval=np.nextafter(np.float32(-1.0), np.float32(0.0)), maxval=1.0)
    within = draws * jax.lax.erf(bound / np.float32(np.sqrt(2.0)))
    return jnp.clip(np.float32(np.sqrt(2.0)) * jax.lax.erf_inv(within), -bound, bound)


def slerp(one: Array, other: Array, fraction: Array | float) -> Array:
    """Returns the spherical interpolation between `one` and `other` [..., z_dim] at `fraction` in [0, 1].

    The direction turns at a constant rate; fraction is a scalar or [..., 1]. Falls back to linear interpolation if the
    vectors are (anti)parallel to within 1e-4 or one is zero, where the rotation is undefined.

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
    "uniform": Latent(draw_uniform, draw_uniform, lambda config: 1.0),
    "normal": Latent(draw_normal, draw_normal, lambda config: np.inf),
    "truncated_normal": Latent(draw_normal, draw_truncated_normal, lambda config: config.truncation),
}
