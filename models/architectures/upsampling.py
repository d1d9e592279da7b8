"""Upsampling layers, which double height and width: [batch, h, w, c] -> [batch, 2h, 2w, features].

Functions (x, features, size, draw, normalization), each with one convolution with a kernel of `size`.
"""

import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.layers import Conv, ConvTranspose, DoubledThenConv, SpreadThenConv
from ganscape.models.initialization import Draw


def transposed_conv(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Applies a transposed convolution of stride 2 (Radford et al. 2016)."""
    return ConvTranspose(features, draw, normalization, size=size)(x)


def nearest(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Repeats every pixel 2x2 times, then convolves (Odena et al. 2016, resize-convolution)."""
    return DoubledThenConv(features, draw, normalization, size=size)(x)


def bilinear(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Interpolates linearly along both axes, then convolves (Odena et al. 2016).

    Pixel centres are at half integers; pixels beyond the edges equal those at the edges.
    """
    for axis in (1, 2):
        before = jnp.concatenate([_slice_axis(x, axis, slice(0, 1)), _slice_axis(x, axis, slice(None, -1))], axis)
        after = jnp.concatenate([_slice_axis(x, axis, slice(1, None)), _slice_axis(x, axis, slice(-1, None))], axis)
        pairs = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
        x = pairs.reshape(*x.shape[:axis], 2 * x.shape[axis], *x.shape[axis + 1 :])
    return Conv(features, draw, normalization, size=size, stride=1)(x)


def _slice_axis(x: Array, axis: int, part: slice) -> Array:
    return x[(slice(None),) * axis + (part,)]


def pixel_shuffle(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Convolves to four times the features, which become the pixels of a 2x2 square (Shi et al. 2016)."""
    batch, height, width, _ = x.shape
    x = Conv(4 * features, draw, normalization, size=size, stride=1)(x)
    squares = x.reshape(batch, height, width, 2, 2, features).transpose(0, 1, 3, 2, 4, 5)
    return squares.reshape(batch, 2 * height, 2 * width, features)


def unpool(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Puts every pixel at the top left of a 2x2 square of zeros, then convolves (the code of Kurach et al. 2019)."""
    return SpreadThenConv(features, draw, normalization, size=size)(x)


def repeat_pixels(x: Array) -> Array:
    """Returns x [batch, h, w, c] with every pixel repeated 2x2 times: [batch, 2h, 2w, c]."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


UPSAMPLINGS = {
    "transposed_conv": transposed_conv,
    "nearest": nearest,
    "bilinear": bilinear,
    "pixel_shuffle": pixel_shuffle,
    "unpool": unpool,
}
