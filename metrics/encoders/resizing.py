"""Three ways to resize images; they change FID by more than many published differences between models.

Each takes images [n, height, width, channels] and returns float32 [n, size, size, channels].

| way                 | as                                               | source of output pixel i       | shrinking |
|---------------------|--------------------------------------------------|--------------------------------|-----------|
| tf1_bilinear        | TensorFlow 1, align_corners and half_pixel false | i in / out                     | skips     |
| half_pixel_bilinear | PyTorch's interpolate, align_corners false       | (i + 1/2) in / out - 1/2, >= 0 | skips     |
| antialiased_bicubic | Pillow, mode F                                   | (i + 1/2) in / out - 1/2       | averages  |
"""

import jax
import jax.numpy as jnp
import numpy as np


def tf1_bilinear(images: jax.Array, size: int) -> jax.Array:
    """Resizes as tf.image.resize_bilinear of TensorFlow 1: coordinates in float32, columns first."""
    for axis in (2, 1):
        scale = np.float32(images.shape[axis]) / np.float32(size)
        images = _between(images, axis, np.arange(size, dtype=np.float32) * scale)
    return images


def half_pixel_bilinear(images: jax.Array, size: int) -> jax.Array:
    """Resizes as torch.nn.functional.interpolate(mode="bilinear", align_corners=False)."""
    for axis in (2, 1):
        scale = np.float32(images.shape[axis]) / np.float32(size)
        centres = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
        images = _between(images, axis, np.maximum(centres, 0))
    return images


def antialiased_bicubic(images: jax.Array, size: int) -> jax.Array:
    """Resizes as PIL.Image.resize(resample=BICUBIC) of one channel of floats; may leave the range of the images."""
    rows, columns = (bicubic_matrix(images.shape[axis], size) for axis in (1, 2))
    images = jnp.einsum("oi,nhic->nhoc", columns, images, precision="highest")
    return jnp.einsum("oi,niwc->nowc", rows, images, precision="highest")


def bicubic_matrix(old: int, new: int) -> np.ndarray:
    """Returns the matrix [new, old] of Pillow's bicubic filter (a = -1/2), widened by old / new when shrinking."""
    scale = old / new
    widened = max(scale, 1.0)
    centres = (np.arange(new) + 0.5) * scale
    first = np.maximum((centres - 2 * widened + 0.5).astype(int), 0)[:, None]
    last = np.minimum((centres + 2 * widened + 0.5).astype(int), old)[:, None]
    pixels = np.arange(old)
    distance = np.abs(pixels + 0.5 - centres[:, None]) / widened
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0)) * ((first <= pixels) & (pixels < last))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _between(images: jax.Array, axis: int, coordinates: np.ndarray) -> jax.Array:
    """Interpolates linearly along an axis at these coordinates; beyond the last pixel its value continues."""
    last = images.shape[axis] - 1
    low = np.minimum(np.floor(coordinates).astype(int), last)
    shape = [1] * images.ndim
    shape[axis] = -1
    part = (coordinates - low).astype(np.float32).reshape(shape)
    left, right = (jnp.take(images, np.minimum(low + step, last), axis=axis) for step in (0, 1))
    return left + (right - left) * part
