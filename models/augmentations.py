"""DiffAugment: differentiable augmentations of all images, real and generated, before the discriminator.

Functions (images [batch, height, width, channels] in [0, 1], key) -> images of that shape, differentiable in the
images. Each image gets random draws of its own. Nothing is clipped, so values may leave [0, 1].

The paper's images x are in [-1, 1], ours are (x + 1) / 2. So brightness changes here by half as much as in the authors'
code, and their fill value 0 is here 0.5, grey.

Reference: Zhao et al. 2020 (arXiv:2006.10738), with the constants of the authors' code.
"""

import jax
import jax.numpy as jnp
from jax import Array

GREY = 0.5


def no_augmentation(images: Array, key: Array) -> Array:
    """Returns the images unchanged."""
    return images


def color(images: Array, key: Array) -> Array:
    """Changes brightness, saturation and contrast of each image.

    Brightness: adds U(-0.25, 0.25). Saturation: scales each pixel's differences from its mean over channels by
    U(0, 2); no effect on one channel. Contrast: scales the differences from the image's mean by U(0.5, 1.5).
    """
    draws = jax.random.uniform(key, (3, images.shape[0], 1, 1, 1))
    images = images + 0.5 * (draws[0] - 0.5)
    images = _scale_deviations(images, 2.0 * draws[1], axis=3)
    return _scale_deviations(images, 0.5 + draws[2], axis=(1, 2, 3))


def _scale_deviations(images: Array, factor: Array, axis) -> Array:
    mean = jnp.mean(images, axis, keepdims=True)
    return mean + factor * (images - mean)


def translation(images: Array, key: Array) -> Array:
    """Shifts each image along both axes by whole pixels, uniform on [-size // 8, size // 8], and fills with grey.

    Computed as a product with a 0-1 matrix per axis: exact, and cheap compared to a convolution.
    """
    batch, height, width, _ = images.shape
    height_key, width_key = jax.random.split(key)
    rows, columns = _shift_matrices(height_key, batch, height), _shift_matrices(width_key, batch, width)
    shifted = jnp.einsum("bij,bjwc->biwc", rows, images, precision="highest")
    shifted = jnp.einsum("bij,bhjc->bhic", columns, shifted, precision="highest")
    return jnp.where(_rectangles(jnp.any(rows, 2), jnp.any(columns, 2)), shifted, GREY)


def _shift_matrices(key: Array, batch: int, size: int) -> Array:
    """Returns 0-1 matrices [batch, size, size] that shift an axis; row i has its 1 at the pixel that moves to i."""
    reach = size // 8
    shift = jax.random.randint(key, (batch, 1), -reach, reach + 1)
    return jax.nn.one_hot(jnp.arange(size) + shift, size)


def cutout(images: Array, key: Array) -> Array:
    """Covers a rectangle of half the height and half the width of each image with grey.

    Its centre is uniform over the pixels (for an even length, over the edges between and around them), so part of the
    rectangle may lie outside the image.
    """
    batch, height, width, _ = images.shape
    height_key, width_key = jax.random.split(key)
    covered = _rectangles(_interval(height_key, batch, height), _interval(width_key, batch, width))
    return jnp.where(covered, GREY, images)


def _interval(key: Array, batch: int, size: int) -> Array:
    """Returns the mask [batch, size] of the pixels along an axis that a random rectangle covers."""
    length = size // 2
    start = jax.random.randint(key, (batch, 1), 0, size + 1 - length % 2) - length // 2
    pixels = jnp.arange(size)
    return (start <= pixels) & (pixels < start + length)


def _rectangles(rows: Array, columns: Array) -> Array:
    """Returns the mask [batch, height, width, 1] of pixels in both the rows [batch, height] and the columns [batch,
    width]."""
    return rows[:, :, None, None] & columns[:, None, :, None]


def diffaugment(images: Array, key: Array) -> Array:
    """Applies `color`, then `translation`, then `cutout`."""
    color_key, translation_key, cutout_key = jax.random.split(key, 3)
    return cutout(translation(color(images, color_key), translation_key), cutout_key)


AUGMENTATIONS = {
    "none": no_augmentation,
    "color": color,
    "translation": translation,
    "cutout": cutout,
    "diffaugment": diffaugment,
}
