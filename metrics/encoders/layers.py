"""Layers of the large encoders: convolutions and pools of images [n, height, width, channels].

They use XLA's own convolutions: without gradients these are at least as fast as matrix products on a CPU, and need less
memory. The precision is "highest", because accelerators would otherwise round the factors to 10 bits.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

Weights = dict[str, np.ndarray | jax.Array]


def convolve(x: jax.Array, kernel: np.ndarray | jax.Array, *, stride: int = 1, padding: str = "SAME") -> jax.Array:
    """Returns the correlation of images [n, h, w, channels] with a kernel [rows, columns, channels, features]."""
    if kernel.shape[:2] == (1, 1):
        return matmul(x, kernel[0, 0])
    dimensions = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, jnp.asarray(kernel), (stride, stride), padding, dimension_numbers=dimensions, precision="highest"
    )


def matmul(x: jax.Array, matrix: np.ndarray | jax.Array) -> jax.Array:
    """Returns x [..., channels] times a matrix [channels, features]."""
    return jnp.matmul(x, matrix, precision="highest")


def max_pool(x: jax.Array, size: int, *, stride: int, padding: str = "VALID") -> jax.Array:
    """Returns the maximum of every size x size neighbourhood; pixels outside the image do not count."""
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, size, size, 1), (1, stride, stride, 1), padding)


def mean_pool(x: jax.Array, size: int) -> jax.Array:
    """Returns the mean of the size x size neighbourhood of every pixel; pixels outside the image do not count."""
    window, strides = (1, size, size, 1), (1, 1, 1, 1)
    sums = jax.lax.reduce_window(x, 0.0, jax.lax.add, window, strides, "SAME")
    ones = jnp.ones((1, *x.shape[1:3], 1), x.dtype)
    return sums / jax.lax.reduce_window(ones, 0.0, jax.lax.add, window, strides, "SAME")


def in_batches(encode: Callable[[jax.Array], jax.Array], most: int) -> Callable[[jax.Array], jax.Array]:
    """Returns a function that encodes any number of images, in batches of equal size of at most `most`.

    The last batch is filled up with zeros, whose features are dropped.
    """

    def encode_all(images: jax.Array) -> jax.Array:
        count = max(1, math.ceil(len(images) / most))
        if count == 1:
            return encode(images)
        size = math.ceil(len(images) / count)
        filled = jnp.pad(images, ((0, count * size - len(images)), (0, 0), (0, 0), (0, 0)))
        features = jax.lax.map(encode, filled.reshape(count, size, *images.shape[1:]))
        return features.reshape(count * size, -1)[: len(images)]

    return encode_all
