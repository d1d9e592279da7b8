"""Downsampling layers, which halve height and width: [batch, h, w, c] -> [batch, h / 2, w / 2, features].

Functions (x, features, size, draw, normalization), each with one convolution with a kernel of `size`. Height and width
are even.
"""

from jax import Array

from ganscape.models.architectures.layers import Conv, ConvThenMeans
from ganscape.models.initialization import Draw


def average_pool(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Convolves, then averages 2x2 squares (Gulrajani et al. 2017; Miyato et al. 2018)."""
    return ConvThenMeans(features, draw, normalization, size=size)(x)


def max_pool(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Convolves, then takes the largest value of 2x2 squares."""
    return largest_of_squares(Conv(features, draw, normalization, size=size, stride=1)(x))


def strided_conv(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Applies a convolution of stride 2 (Radford et al. 2016)."""
    return Conv(features, draw, normalization, size=size, stride=2)(x)


def largest_of_squares(x: Array) -> Array:
    """Returns the largest value of each 2x2 square: [batch, h, w, c] -> [batch, h / 2, w / 2, c].

    By reshaping, because gradient penalties need second derivatives, which XLA's pooling does not have.
    """
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


DOWNSAMPLINGS = {"average_pool": average_pool, "max_pool": max_pool, "strided_conv": strided_conv}
