"""DiffAugment: differentiable augmentations of all images, real and generated, before the discriminator.

Functions (images [batch, height, width, channels] in [0, 1], key) -> images of that shape, differentiable in the
images, every draw per image; values may leave [0, 1], as nothing is clipped.

The paper's images are in [-1, 1]. With x = 2 * ours - 1 each of these is the authors' function of x: their
brightness moves by half as much here, and their zero, which fills what a move or a cut leaves, is grey, 0.5.

Reference: Zhao et al. 2020 (arXiv:2006.10738), with the numbers of the authors' code.
"""

import jax
import jax.numpy as jnp
from jax import Array

GREY = 0.5


def no_augmentation(images: Array, key: Array) -> Array:
    """Returns the images unchanged."""
    return images


def color(images: Array, key: Array) -> Array:
    """Brightness: plus U(-0.25, 0.25). Saturation: the differences from a pixel's mean over channels times U(0, 2),
    nothing where there is one channel. Contrast: the differences from the image's mean times U(0.5, 1.5)."""
    draws = jax.random.uniform(key, (3, images.shape[0], 1, 1, 1))
    images = images + 0.5 * (draws[0] - 0.5)
    images = _spread(images, 2.0 * draws[1], axis=3)
    return _spread(images, 0.5 + draws[2], axis=(1, 2, 3))


def _spread(images: Array, factor: Array, axis) -> Array:
    mean = jnp.mean(images, axis, keepdims=True)
    return mean + factor * (images - mean)


def translation(images: Array, key: Array) -> Array:
    """Shifts each image along both axes by whole pixels, uniform on [-size // 8, size // 8], and fills with grey.

    A shift is a product with a 0-1 matrix for each axis: exact, and cheap beside a convolution.
    """
    batch, height, width, _ = images.shape
    height_key, width_key = jax.random.split(key)
    rows, columns = _moves(height_key, batch, height), _moves(width_key, batch, width)
    moved = jnp.einsum("bij,bjwc->biwc", rows, images, precision="highest")
    moved = jnp.einsum("bij,bhjc->bhic", columns, moved, precision="highest")
    return jnp.where(_within(jnp.any(rows, 2), jnp.any(columns, 2)), moved, GREY)


def _moves(key: Array, batch: int, size: int) -> Array:
    """Matrices [batch, size, size]: row i has its 1 where pixel i comes from, none if that is outside."""
    reach = size // 8
    shift = jax.random.randint(key, (batch, 1), -reach, reach + 1)
    return jax.nn.one_hot(jnp.arange(size) + shift, size)


def cutout(images: Array, key: Array) -> Array:
    """A grey rectangle of half the height and half the width; its middle is uniform on the image's pixels (for an
    even length on the edges between and around them), so that part of it may lie outside."""
    batch, height, width, _ = images.shape
    height_key, width_key = jax.random.split(key)
    cut = _within(_stretch(height_key, batch, height), _stretch(width_key, batch, width))
    return jnp.where(cut, GREY, images)


def _stretch(key: Array, batch: int, size: int) -> Array:
    """Which pixels [batch, size] of an axis are in the rectangle."""
    length = size // 2
    start = jax.random.randint(key, (batch, 1), 0, size + 1 - length % 2) - length // 2
    pixels = jnp.arange(size)
    return (start <= pixels) & (pixels < start + length)


def _within(rows: Array, columns: Array) -> Array:
    """[batch, height, width, 1] of the rows [batch, height] and the columns [batch, width]."""
    return rows[:, :, None, None] & columns[:, None, :, None]


def diffaugment(images: Array, key: Array) -> Array:
    """`color`, then `translation`, then `cutout`."""
    color_key, translation_key, cutout_key = jax.random.split(key, 3)
    return cutout(translation(color(images, color_key), translation_key), cutout_key)


AUGMENTATIONS = {
    "none": no_augmentation,
    "color": color,
    "translation": translation,
    "cutout": cutout,
    "diffaugment": diffaugment,
}
