"""Precision, recall and F1 on data sets of convex polygons, from distances between generated and polygon images.

    precision = share of generated images at most 0.75 from an image of a polygon
    recall    = share of test images x with |x - G(z)|^2 at most 0.75 for some z
    F1        = 2 precision recall / (precision + recall), 0 where both are 0

Lucic et al. 2018, https://arxiv.org/abs/1711.10337, section 6, with 1,024 images of each kind; precision by the
distance, recall by its square. The paper does not say how it searched for the nearest images; this search is ours:

- The nearest polygon: STEPS Levenberg-Marquardt steps on the corners, in pixels, from each of RESTARTS starts. A start
  is a polygon with the centroid and covariance of the image's ink, at another rotation. Steps that come no nearer are
  undone. Distances are to `metrics.polygons.render_polygon`, so to images of the data set; the polygon has as
  many corners as those of the data set, any size and any position.
- The nearest generated image: `invert`, Adam on the latent, started from those in a random pool whose images are
  nearest.

The search may miss the nearest image, so both shares are lower bounds. docs/metrics.md shows how they converge with the
number of starts.
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
from ganscape.metrics.polygons import FIRST, SIZE, SUBPIXELS, render_polygon

DELTA = 0.75
OTHER_DELTAS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)  # at which the shares are kept too
SAMPLES = 1024
RESTARTS, STEPS = 5, 20
CHUNK = 32  # images per compiled call
POOL, INVERSIONS, INVERSION_STEPS, RATE = 1024, 5, 150, 0.05
TARGETS = 64  # images that are inverted at once
SETTLED = 0.01  # an inversion has converged if the last tenth of its steps gained at most this part of its distance


class Nearest(NamedTuple):
    """The nearest polygons of images that the search found."""

    distances: np.ndarray  # float64 [n], Euclidean, pixels in [0, 1]
    corners: np.ndarray  # [n, corners, 2], in pixels, first the row


class Inverted(NamedTuple):
    """The distances of target images from the nearest images of a generator."""

    squared: Array  # [n], the least squared distance found
    moving: Array  # bool [n], whether the last tenth of the steps still gained more than SETTLED


def nearest_polygons(images: ArrayLike, corners: int, *, restarts: int = RESTARTS, steps: int = STEPS) -> Nearest:
    """Returns the nearest images of polygons found for images [n, 784] or [n, 28, 28, 1] in [0, 1].

    Raises MetricError for images of another size, none, or some that are not finite.
    """
    images = np.asarray(images)
    flat = images.reshape(len(images), -1) if images.ndim == 4 else images
    array = as_features(flat).astype(np.float32).reshape(-1, flat.shape[-1])
    if array.shape[1] != SIZE * SIZE or not len(array):
        raise MetricError(f"polygons are images of {SIZE}x{SIZE}x1; these are {len(array)} of {array.shape[1]} values")
    parts = np.split(array, range(CHUNK, len(array), CHUNK))
    filled = np.concatenate([parts[-1], np.repeat(parts[-1][-1:], CHUNK - len(parts[-1]), axis=0)])
    results = [_nearest(part, corners, restarts, steps) for part in [*parts[:-1], filled]]
    distances, points = (
        np.concatenate([np.asarray(part) for part in parts])[: len(array)] for parts in zip(*results, strict=True)
    )
    return Nearest(distances.astype(np.float64), points)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _nearest(images: Array, corners: int, restarts: int, steps: int) -> tuple[Array, Array]:
    def one(image: Array) -> tuple[Array, Array]:
        polygons = starts(image.reshape(SIZE, SIZE), corners, restarts)
        squared, points = jax.vmap(lambda start: _descend(image, start, steps))(polygons)
        best = jnp.argmin(squared)
        return jnp.sqrt(squared[best]), points[best]

    return jax.vmap(one)(images)


def starts(image: Array, corners: int, restarts: int) -> Array:
    """Returns polygons [restarts, corners, 2] with the centroid and covariance of an image's ink, 1 - pixel value."""
    ink = jnp.clip(1 - image, 0, 1)
    mass = ink.sum() + 1e-6
    position = jnp.arange(SIZE) + 0.5 - (FIRST + 0.5) / SUBPIXELS
    centre = jnp.stack([ink.sum(axis=1) @ position, ink.sum(axis=0) @ position]) / mass
    rows, columns = position - centre[0], position - centre[1]
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
        return render_polygon(parameters.reshape(start.shape)).reshape(-1) - image

    def step(carry, _):
        parameters, squared, damping = carry
        residuals, push = jax.linearize(residual, parameters)
        jacobian = jax.vmap(push)(jnp.eye(len(parameters)))
        curvature = jnp.matmul(jacobian, jacobian.T, precision="highest")
        damped = curvature + damping * (jnp.diag(jnp.diag(curvature)) + 1e-3 * jnp.eye(len(parameters)))
        move = jnp.linalg.solve(damped, jnp.matmul(jacobian, residuals, precision="highest"))
        candidate = parameters - jnp.clip(jnp.nan_to_num(move), -4, 4)
        candidate_squared = jnp.square(residual(candidate)).sum()
        better = candidate_squared < squared
        return (
            jnp.where(better, candidate, parameters),
            jnp.where(better, candidate_squared, squared),
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
    """Returns the distances of images [n, d] from the nearest images that a generator makes; can be compiled.

    generate: z [k, z_dim] -> images [k, d], each a function of its own z only.
    pool: latents [p, z_dim], p >= restarts; Adam starts from those whose images are nearest.
    bound: the search keeps latents within +-bound.
    """
    generated = jax.lax.map(generate, pool.reshape(-1, min(len(pool), 256), pool.shape[-1])).reshape(len(pool), -1)
    pool, images = jnp.asarray(pool), jnp.asarray(images)
    count = -(-len(images) // TARGETS)
    filled = jnp.concatenate([images, jnp.repeat(images[-1:], count * TARGETS - len(images), axis=0)])
    adam = optax.adam(RATE)

    def chunk(targets: Array) -> Inverted:
        distances = jnp.square(targets).sum(axis=1)[:, None] + jnp.square(generated).sum(axis=1)
        distances = distances - 2 * jnp.matmul(targets, generated.T, precision="highest")
        z = pool[jax.lax.top_k(-distances, restarts)[1]].reshape(-1, pool.shape[-1])
        wanted = jnp.repeat(targets, restarts, axis=0)

        def squared(z: Array) -> tuple[Array, Array]:
            distances = jnp.square(generate(z) - wanted).sum(axis=1)
            return distances.sum(), distances

        def step(carry, _):
            z, state, best = carry
            (_, distances), gradients = jax.value_and_grad(squared, has_aux=True)(z)
            updates, state = adam.update(gradients, state)
            return (jnp.clip(z + updates, -bound, bound), state, jnp.minimum(best, distances)), None

        def run(carry, length):
            return jax.lax.scan(step, carry, None, length=length)[0]

        late = max(1, steps // 10)
        early = run((z, adam.init(z), jnp.full(len(z), jnp.inf)), steps - late)
        before, after = (best.reshape(-1, restarts).min(axis=1) for best in (early[2], run(early, late)[2]))
        return Inverted(after, after < (1 - SETTLED) * before)

    inverted = jax.lax.map(chunk, filled.reshape(count, TARGETS, -1))
    return Inverted(*(leaf.reshape(-1)[: len(images)] for leaf in inverted))


def targets(features: ArrayLike, samples: int) -> Floats:
    """Returns the images [m, 784] for measuring recall: `samples` of `features`, evenly spaced, or all if fewer."""
    array = as_features(features)
    count = min(samples, len(array))
    return array[np.arange(count) * len(array) // count]


def polygon_precision(features: ArrayLike, corners: int, delta: float = DELTA) -> float:
    """Returns the share of images [n, 784] at most delta from an image of a polygon. Raises as `nearest_polygons`."""
    return float(np.mean(nearest_polygons(features, corners).distances <= delta))


def manifold_facts(features: ArrayLike, inverted: Inverted, corners: int, delta: float = DELTA) -> dict[str, float]:
    """Returns precision, recall, f1, one_minus_f1 and moving, all in [0, 1]; precision_D and recall_D for each D of
    OTHER_DELTAS; and the medians of the distances themselves, precision_median and recall_median (squared).

    moving: the share of inversions that had not converged.

    Raises MetricError as `nearest_polygons`.
    """
    distances = {"precision": nearest_polygons(features, corners).distances, "recall": np.asarray(inverted.squared)}
    shares = {
        f"{name}_{other:g}" if other != delta else name: float(np.mean(values <= other))
        for other in (delta, *OTHER_DELTAS)
        for name, values in distances.items()
    }
    medians = {f"{name}_median": float(np.median(values)) for name, values in distances.items()}
    both = f1(shares["precision"], shares["recall"])
    moving = float(np.mean(np.asarray(inverted.moving)))
    return shares | medians | {"f1": both, "one_minus_f1": 1 - both, "moving": moving}


def f1(precision: float, recall: float) -> float:
    """Returns the harmonic mean, 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
