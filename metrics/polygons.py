"""Images of convex polygons as a function of their corners, with a gradient.

`render_polygon` gives the images of the data sets `triangles` and `squares` (Lucic et al. 2018,
https://arxiv.org/abs/1711.10337): a dark polygon on white, 28x28 pixels, whose gray level counts the points of an 8x8
grid that lie outside, stored in 8 bits. Such an image is piecewise constant in the corners, so its own derivative is
0; `render_polygon` has the derivative of `pixel_coverage` instead, the share of a pixel that the polygon covers, to
which it converges on finer grids. In float32 a grid point on an edge may be rounded to either side: a level off by one.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SIZE, SUBPIXELS = 28, 8  # pixels along one side; grid points along one side of a pixel
MIN_ANGLE, SCALE = 20.0, 0.75  # of the data sets: degrees, and the share of the image that the circle of corners spans
LINES = 4  # per pixel and direction, on which `pixel_coverage` is exact
FIRST = SUBPIXELS // 2 - 1  # pixel p owns the grid points 8 p - FIRST .. 8 p - FIRST + 7
STEEPEST = 1e-3  # grid steps: the run of an edge along an axis counts as at least this long
LEVELS = ((np.arange(SUBPIXELS**2 + 1) * 255 + 32) // 64 / 255).astype(np.float32)


@jax.custom_jvp
def render_polygon(corners: Array) -> Array:
    """Returns the image [28, 28] in [0, 1] of the polygon with these corners [n, 2] in pixels, n at least 3.

    The polygon is convex whatever the corners are: they are joined in the order of their angles about their mean, and a
    point is inside if it is on the inner side of every edge.
    """
    points = order_corners(corners) * SUBPIXELS
    rows = jnp.arange(SIZE * SUBPIXELS, dtype=jnp.float32) - FIRST
    low, high = _covered_run(points, rows)
    beyond = 2.0 * SIZE * SUBPIXELS
    first = jnp.maximum(jnp.ceil(low).clip(-beyond, beyond), 0)
    last = jnp.minimum(jnp.floor(high).clip(-beyond, beyond), SIZE * SUBPIXELS - 1)
    last = jnp.where(rows < 0, -1.0, last)
    starts = rows[::SUBPIXELS]
    owned = jnp.minimum(last[:, None], starts + (SUBPIXELS - 1)) - jnp.maximum(first[:, None], starts) + 1
    covered = jnp.maximum(owned, 0).reshape(SIZE, SUBPIXELS, SIZE).sum(axis=1)
    return jnp.asarray(LEVELS)[SUBPIXELS**2 - covered.astype(jnp.int32)]


def draw_polygon(latent: Array) -> Array:
    """Returns the image [28, 28] in [0, 1] that the data sets have for uniform draws of their generator.

    latent: [corners + 1] in [-1, 1], for the place of each corner in its sector and the turn, see
    `data.polygons.vertices`.
    """
    draws, corners = (latent + 1) / 2, len(latent) - 1
    sector = 360.0 / corners
    angles = jnp.radians(
        np.arange(corners) * sector + MIN_ANGLE / 2 + draws[:-1] * (sector - MIN_ANGLE / 2)  # degrees
    )
    circle = (jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=-1) + 1) / 2
    turn = jnp.radians(draws[-1] * 2 * np.pi)
    rotation = jnp.array([[jnp.cos(turn), -jnp.sin(turn)], [jnp.sin(turn), jnp.cos(turn)]])
    points = jnp.matmul(circle, rotation, precision="highest") * (SIZE * SCALE)
    return render_polygon(points + SIZE / 2 - points.mean(axis=0))


@render_polygon.defjvp
def _derivative(primals, tangents):
    (corners,), (moved,) = primals, tangents
    return render_polygon(corners), -jax.jvp(pixel_coverage, (corners,), (moved,))[1]


def pixel_coverage(corners: Array) -> Array:
    """Returns what share of each pixel [28, 28] the polygon covers, as the mean over lines along both axes."""
    points = order_corners(corners) * SUBPIXELS
    return (_along_rows(points) + _along_rows(points[::-1, ::-1]).T) / 2


def order_corners(corners: Array) -> Array:
    """Returns the corners [n, 2] in the order of their angles about their mean."""
    arms = corners - corners.mean(axis=0)
    return corners[jnp.argsort(jnp.arctan2(arms[:, 1], arms[:, 0]))]


def _along_rows(points: Array) -> Array:
    pixels = jnp.arange(SIZE, dtype=jnp.float32) * SUBPIXELS - (FIRST + 0.5)
    between = (jnp.arange(LINES, dtype=jnp.float32) + 0.5) * (SUBPIXELS / LINES)
    low, high = _covered_run(points, (pixels[:, None] + between).reshape(-1), STEEPEST)
    overlap = jnp.minimum(high[:, None], pixels + SUBPIXELS) - jnp.maximum(low[:, None], pixels)
    return jnp.maximum(overlap, 0).reshape(SIZE, LINES, SIZE).mean(axis=1) / SUBPIXELS


def _covered_run(points: Array, rows: Array, steepest: float = float(np.finfo(np.float32).tiny)) -> tuple[Array, Array]:
    """Returns the second coordinates between which each row is inside the polygon, the first larger if it misses."""
    step = jnp.roll(points, -1, axis=0) - points
    run = jnp.where(jnp.abs(step[:, 0]) < steepest, jnp.where(step[:, 0] < 0, -steepest, steepest), step[:, 0])
    height = points[:, 1, None] + (step[:, 1] / run)[:, None] * (rows - points[:, 0, None])
    floor = (run > 0)[:, None]
    return jnp.where(floor, height, -jnp.inf).max(axis=0), jnp.where(floor, jnp.inf, height).min(axis=0)
