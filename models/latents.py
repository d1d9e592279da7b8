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

    training: draws latents for training.
    sampling: draws latents for generating images.
    bound: config -> the largest magnitude of a coordinate that `sampling` may draw, inf if unbounded.
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
    """Draws from N(0, 1) conditioned on [-truncation, truncation]; the same draws as `draw_normal` if that is infinite.

    Scales the uniform draws that `draw_normal` uses to the probability within +-truncation, before the inverse of the
    normal distribution function.

    Reference: Brock et al. 2019 (arXiv:1809.11096), section 3.1, the truncation trick.
    """
    bound = jnp.asarray(truncation, jnp.float32)
    draws = jax.random.uniform(key, shape, minval=np.nextafter(np.float32(-1.0), np.float32(0.0)), maxval=1.0)
    within = draws * jax.lax.erf(bound / np.float32(np.sqrt(2.0)))
    return jnp.clip(np.float32(np.sqrt(2.0)) * jax.lax.erf_inv(within), -bound, bound)


def slerp(start: Array, end: Array, fraction: Array | float) -> Array:
    """Returns the spherical interpolation between `start` and `end` [..., z_dim] at `fraction` in [0, 1].

    The direction turns at a constant rate; fraction is a scalar or [..., 1]. Falls back to linear interpolation if the
    vectors are (anti)parallel to within 1e-4 or one is zero, where the rotation is undefined.

    Reference: White 2016 (arXiv:1609.04468).
    """
    start_length, end_length = _length(start), _length(end)
    nonzero = (start_length > 0.0) & (end_length > 0.0)
    a = start / jnp.where(nonzero, start_length, 1.0)
    b = end / jnp.where(nonzero, end_length, 1.0)
    angle = 2.0 * jnp.arctan2(_length(a - b), _length(a + b))  # arccos(a . b) would lose small angles to rounding
    sine = jnp.sin(angle)
    rotates = nonzero & (sine > 1e-4)
    divisor = jnp.where(rotates, sine, 1.0)
    start_weight = jnp.where(rotates, jnp.sin((1.0 - fraction) * angle) / divisor, 1.0 - fraction)
    end_weight = jnp.where(rotates, jnp.sin(fraction * angle) / divisor, fraction)
    return start_weight * start + end_weight * end


def _length(vectors: Array) -> Array:
    return jnp.linalg.norm(vectors, axis=-1, keepdims=True)


LATENTS = {
    "uniform": Latent(draw_uniform, draw_uniform, lambda config: 1.0),
    "normal": Latent(draw_normal, draw_normal, lambda config: np.inf),
    "truncated_normal": Latent(draw_normal, draw_truncated_normal, lambda config: config.truncation),
}
