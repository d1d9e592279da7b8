"""Masks of images to be completed: functions (key, count, height, width, share) -> masks.

Masks are float32 [count, height, width, 1]: 1 in the hole, whose pixels are to be completed, and 0 where they are
known. share: the part of the pixels that the hole has, in (0, 1), a scalar that may be traced. Every image has a hole
and a known pixel.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

VERTICES = 8
TIE = 0.01  # pixels, by which distances within an image are moved apart
HALVINGS = 30
# Turns of a stroke, in radians, as in the code of Yu et al. 2019: 2 pi / 5 give or take 2 pi / 15.
LEAST_ANGLE, MOST_ANGLE = 4.0 * np.pi / 15.0, 8.0 * np.pi / 15.0


def box(key: Array, count: int, height: int, width: int, share: Array | float) -> Array:
    """Returns rectangular holes at uniform positions inside the image, of sqrt(share) of its height and of its width.

    Reference: Pathak et al. 2016 (arXiv:1604.07379), section 3.3, whose central box has a quarter of the pixels.
    """
    row_key, column_key = jax.random.split(key)
    side = jnp.sqrt(jnp.asarray(share, jnp.float32))
    rows, columns = _interval(row_key, count, height, side), _interval(column_key, count, width, side)
    return (rows[:, :, None, None] & columns[:, None, :, None]).astype(jnp.float32)


def _interval(key: Array, count: int, size: int, part: Array) -> Array:
    """Returns the mask [count, size] of `part` of the pixels of an axis, in one piece at a uniform position."""
    length = jnp.clip(jnp.round(part * size), 1.0, size - 1.0)
    start = jnp.floor(jax.random.uniform(key, (count, 1)) * (size - length + 1.0))
    pixels = jnp.arange(size)
    return (start <= pixels) & (pixels < start + length)


def irregular(key: Array, count: int, height: int, width: int, share: Array | float) -> Array:
    """Returns holes in the form of a brush stroke that turns back and forth, with a brush so wide that they have this
    share of the pixels.

    The stroke has VERTICES vertices; lengths are uniform up to a quarter of the image's diagonal, and each image is
    mirrored at random along both axes. In the authors' code the width of the brush is random, and with it the share.

    Reference: Yu et al. 2019 (arXiv:1806.03589), algorithm 1, with the angles of the authors' code.
    """
    distances = _distances(_vertices(key, count, height, width), height, width).reshape(count, -1)
    pixels = height * width
    inside = jnp.clip(jnp.round(jnp.asarray(share, jnp.float32) * pixels), 1.0, pixels - 1.0)
    # Of pixels at one distance the earlier are nearer, so that the hole has the size wanted.
    distances = distances + jnp.arange(pixels) * (TIE / pixels)
    return (distances <= _radius(distances, inside)).astype(jnp.float32).reshape(count, height, width, 1)


def _radius(distances: Array, inside: Array) -> Array:
    """Returns the distance [count, 1] within which `inside` of the distances [count, pixels] lie: by halving an
    interval, which takes a tenth of the time of sorting on a CPU."""

    def halve(_, interval):
        low, high = interval
        middle = 0.5 * (low + high)
        enough = jnp.sum(distances <= middle, axis=1, keepdims=True) >= inside
        return jnp.where(enough, low, middle), jnp.where(enough, middle, high)

    high = jnp.max(distances, axis=1, keepdims=True)
    return jax.lax.fori_loop(0, HALVINGS, halve, (-jnp.ones_like(high), high))[1]


def _vertices(key: Array, count: int, height: int, width: int) -> Array:
    """Returns the vertices [count, VERTICES, 2] of strokes: rows and columns, inside the image."""
    start_key, angle_key, length_key, mirror_key = jax.random.split(key, 4)
    size = jnp.array([height - 1.0, width - 1.0])
    vertices = [jax.random.uniform(start_key, (count, 2)) * size]
    angles = jax.random.uniform(angle_key, (VERTICES - 1, count), minval=LEAST_ANGLE, maxval=MOST_ANGLE)
    lengths = jax.random.uniform(length_key, (VERTICES - 1, count)) * np.float32(np.hypot(height, width) / 4.0)
    mirror = jnp.where(jax.random.bernoulli(mirror_key, shape=(count, 2)), 1.0, -1.0)
    for number in range(VERTICES - 1):
        angle = angles[number] if number % 2 else 2.0 * np.pi - angles[number]
        step = lengths[number, :, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
        vertices.append(jnp.clip(vertices[-1] + mirror * step, 0.0, size))
    return jnp.stack(vertices, axis=1)


def _distances(vertices: Array, height: int, width: int) -> Array:
    """Returns the distance [count, height, width] of every pixel to the nearest of the segments between vertices."""
    grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), axis=-1).astype(jnp.float32)
    least = jnp.full((len(vertices), height, width), jnp.inf)
    for number in range(vertices.shape[1] - 1):
        start, end = (vertices[:, number + side, None, None, :] for side in (0, 1))
        along = end - start
        length = jnp.sum(along**2, axis=-1)
        position = jnp.sum((grid - start) * along, axis=-1) / jnp.maximum(length, 1e-12)
        nearest = start + jnp.clip(position, 0.0, 1.0)[..., None] * along
        least = jnp.minimum(least, jnp.sum((grid - nearest) ** 2, axis=-1))
    return jnp.sqrt(least)


MASKS = {"box": box, "irregular": irregular}
