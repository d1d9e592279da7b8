"""How far an image is from the nearest one of a convex polygon, and what that makes of a generator.

    precision = share of generated images at most 0.75 from an image of a polygon
    recall    = share of test images x with |x - G(z)|^2 at most 0.75 for some z
    F1        = 2 precision recall / (precision + recall), 0 where both are 0

Lucic et al. 2018, https://arxiv.org/abs/1711.10337, section 6, with 1,024 images of each kind; precision by the
distance, recall by its square. The paper does not say how the nearest images were found, so this is ours:

- The polygon: Levenberg and Marquardt's steps on the corners, in pixels, from RESTARTS starts, each the polygon with
  the image's centroid and covariance of ink, turned by another part of a corner's angle; STEPS steps, of which those
  that come no nearer are undone. Distances are to `metrics.polygons.render`, so to images of the data set; a polygon
  has as many corners as the data set's, may have any size, and may lie anywhere.
- The latent: `invert`, Adam from the latents, of a pool of random ones, whose images are nearest.

What is found is no nearer than the nearest, so both shares are lower bounds. docs/metrics.md shows how they settle with
the number of starts.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from numpy.typing import ArrayLike

from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features
from ganscape.metrics.polygons import FIRST, SIZE, SUBPIXELS, render

DELTA = 0.75
SAMPLES = 1024
RESTARTS, STEPS = 5, 20
CHUNK = 32  # images whose polygons are found at once
POOL, INVERSIONS, INVERSION_STEPS, RATE = 1024, 5, 150, 0.05
TARGETS = 64  # images that are inverted at once
SETTLED = 0.01  # of the squared distance: a larger gain in the last tenth of the steps is one too much


class Nearest(NamedTuple):
    """The nearest polygons of images, as far as the search found them."""

    distances: np.ndarray  # float64 [n], Euclidean, pixels in [0, 1]
    corners: np.ndarray  # [n, corners, 2], in pixels, first the row


class Inverted(NamedTuple):
    """How near the images of a generator come to given images."""

    squared: Array  # [n], the least squared distance found
    moving: Array  # bool [n], whether the last tenth of the steps still gained more than SETTLED of it


def nearest_polygons(images: ArrayLike, corners: int, *, restarts: int = RESTARTS, steps: int = STEPS) -> Nearest:
    """Returns the nearest images of polygons found for images [n, 784] or [n, 28, 28, 1] in [0, 1].

    Raises MetricError for images of another size, none, or some that are not finite.
    """
    given = np.asarray(images)
    flat = given.reshape(len(given), -1) if given.ndim == 4 else given
    array = as_features(flat).astype(np.float32).reshape(-1, flat.shape[-1])
    if array.shape[1] != SIZE * SIZE or not len(array):
        raise MetricError(f"polygons are images of {SIZE}x{SIZE}x1; these are {len(array)} of {array.shape[1]} values")
    parts = np.split(array, range(CHUNK, len(array), CHUNK))
    filled = np.concatenate([parts[-1], np.repeat(parts[-1][-1:], CHUNK - len(parts[-1]), axis=0)])
    found = [_nearest(part, corners, restarts, steps) for part in [*parts[:-1], filled]]
    distances, points = (
        np.concatenate([np.asarray(each) for each in kind])[: len(array)] for kind in zip(*found, strict=True)
    )
    return Nearest(distances.astype(np.float64), points)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _nearest(images: Array, corners: int, restarts: int, steps: int) -> tuple[Array, Array]:
    def one(image: Array) -> tuple[Array, Array]:
        begun = starts(image.reshape(SIZE, SIZE), corners, restarts)
        squared, points = jax.vmap(lambda start: _descend(image, start, steps))(begun)
        best = jnp.argmin(squared)
        return jnp.sqrt(squared[best]), points[best]

    return jax.vmap(one)(images)


def starts(image: Array, corners: int, restarts: int) -> Array:
    """Returns polygons [restarts, corners, 2] with the centroid and covariance of an image's ink, 1 - its values."""
    ink = jnp.clip(1 - image, 0, 1)
    mass = ink.sum() + 1e-6
    place = jnp.arange(SIZE) + 0.5 - (FIRST + 0.5) / SUBPIXELS
    centre = jnp.stack([ink.sum(axis=1) @ place, ink.sum(axis=0) @ place]) / mass
    rows, columns = place - centre[0], place - centre[1]
    mixed = rows @ ink @ columns
    covariance = jnp.array([[ink.sum(axis=1) @ rows**2, mixed], [mixed, ink.sum(axis=0) @ columns**2]]) / mass
    inner = (2 + math.cos(2 * math.pi / corners)) / 12  # variance of a regular polygon whose corners are at radius 1
    shape = jnp.linalg.cholesky(covariance + 0.1 * jnp.eye(2)) / math.sqrt(inner)
    turns = (np.arange(restarts)[:, None] / restarts + np.arange(corners)) * 2 * np.pi / corners
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=-1).astype(np.float32)
    return centre + jnp.matmul(circle, shape.T, precision="highest")


def _descend(image: Array, start: Array, steps: int) -> tuple[Array, Array]:
    """Returns the squared distance and the corners after `steps` steps of Levenberg and Marquardt."""

    def residual(parameters: Array) -> Array:
        return render(parameters.reshape(start.shape)).reshape(-1) - image

    def step(carry, _):
        parameters, squared, damping = carry
        residuals, push = jax.linearize(residual, parameters)
        slopes = jax.vmap(push)(jnp.eye(len(parameters)))
        curvature = jnp.matmul(slopes, slopes.T, precision="highest")
        damped = curvature + damping * (jnp.diag(jnp.diag(curvature)) + 1e-3 * jnp.eye(len(parameters)))
        move = jnp.linalg.solve(damped, jnp.matmul(slopes, residuals, precision="highest"))
        tried = parameters - jnp.clip(jnp.nan_to_num(move), -4, 4)
        reached = jnp.square(residual(tried)).sum()
        better = reached < squared
        return (
            jnp.where(better, tried, parameters),
            jnp.where(better, reached, squared),
            jnp.clip(jnp.where(better, damping / 4, damping * 4), 1e-5, 1e5),
        ), None

    first = start.reshape(-1)
    (parameters, squared, _), _ = jax.lax.scan(
        step, (first, jnp.square(residual(first)).sum(), jnp.float32(0.01)), None, length=steps
    )
    return squared, parameters.reshape(start.shape)


def invert(
    generate: Callable[[Array], Array],
    pool: Array,
    images: Array,
    bound: Array | float = math.inf,
    *,
    restarts: int = INVERSIONS,
    steps: int = INVERSION_STEPS,
) -> Inverted:
    """Returns how near the images generated from latents come to the images [n, d]; can be compiled.

    generate: z [k, z_dim] -> images [k, d], each of its own z alone.
    pool: latents [p, z_dim], p at least restarts; those whose images are nearest are where Adam starts.
    bound: latents stay within +-bound.
    """
    made = jax.lax.map(generate, pool.reshape(-1, min(len(pool), 256), pool.shape[-1])).reshape(len(pool), -1)
    pool, images = jnp.asarray(pool), jnp.asarray(images)
    count = -(-len(images) // TARGETS)
    filled = jnp.concatenate([images, jnp.repeat(images[-1:], count * TARGETS - len(images), axis=0)])
    adam = optax.adam(RATE)

    def chunk(targets: Array) -> Inverted:
        apart = jnp.square(targets).sum(axis=1)[:, None] + jnp.square(made).sum(axis=1)
        apart = apart - 2 * jnp.matmul(targets, made.T, precision="highest")
        z = pool[jax.lax.top_k(-apart, restarts)[1]].reshape(-1, pool.shape[-1])
        wanted = jnp.repeat(targets, restarts, axis=0)

        def squared(z: Array) -> tuple[Array, Array]:
            each = jnp.square(generate(z) - wanted).sum(axis=1)
            return each.sum(), each

        def step(carry, _):
            z, state, best = carry
            (_, each), slopes = jax.value_and_grad(squared, has_aux=True)(z)
            moves, state = adam.update(slopes, state)
            return (jnp.clip(z + moves, -bound, bound), state, jnp.minimum(best, each)), None

        def run(carry, length):
            return jax.lax.scan(step, carry, None, length=length)[0]

        late = max(1, steps // 10)
        early = run((z, adam.init(z), jnp.full(len(z), jnp.inf)), steps - late)
        before, after = (best.reshape(-1, restarts).min(axis=1) for best in (early[2], run(early, late)[2]))
        return Inverted(after, after < (1 - SETTLED) * before)

    found = jax.lax.map(chunk, filled.reshape(count, TARGETS, -1))
    return Inverted(*(leaf.reshape(-1)[: len(images)] for leaf in found))


def targets(features: ArrayLike, samples: int) -> Floats:
    """Returns the images [m, 784] that recall is measured on: `samples` of those given, evenly spread, or all."""
    array = as_features(features)
    count = min(samples, len(array))
    return array[np.arange(count) * len(array) // count]


def precision(features: ArrayLike, corners: int, delta: float = DELTA) -> float:
    """Returns the share of images [n, 784] at most delta from an image of a polygon. Raises as `nearest_polygons`."""
    return float(np.mean(nearest_polygons(features, corners).distances <= delta))


def facts(features: ArrayLike, inverted: Inverted, corners: int, delta: float = DELTA) -> dict[str, float]:
    """Returns precision, recall, f1 and one_minus_f1, all in [0, 1], and `moving`: of the inversions, the share that
    more steps would still have improved.

    Raises MetricError as `nearest_polygons`.
    """
    exact = precision(features, corners, delta)
    complete = float(np.mean(np.asarray(inverted.squared) <= delta))
    both = f1(exact, complete)
    moving = float(np.mean(np.asarray(inverted.moving)))
    return {"precision": exact, "recall": complete, "f1": both, "one_minus_f1": 1 - both, "moving": moving}


def f1(precision: float, recall: float) -> float:
    """Returns the harmonic mean, 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
