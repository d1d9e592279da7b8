"""Layers that the architectures share: dense, convolution, transposed convolution.

Flax names a layer after its class, and the initial values of its parameters are drawn by that name (`initialise`):
renaming a class changes the draws of all networks that use it, and the keys in their checkpoints.
"""

import flax.linen as nn
import jax
from jax import Array

from ganscape.models.architectures.convolution import (
    conv,
    conv_average_pool,
    conv_transpose,
    input_dilated_conv,
    sum_shifted_kernels,
)
from ganscape.models.initialization import Draw, constant, initializer
from ganscape.models.normalizations import NORMALIZATIONS
from ganscape.models.precisions import matmul


def leaky_relu(x: Array) -> Array:
    """Returns max(x, 0.2 x); 0.2 is the slope in the networks of Lucic et al. 2018."""
    return jax.nn.leaky_relu(x, 0.2)


def identity(x: Array) -> Array:
    """Returns x unchanged: the output activation of networks that return logits."""
    return x


class _Layer(nn.Module):
    """Base class of the layers: a kernel that is normalised, and a bias that starts at 0."""

    features: int
    draw: Draw
    normalization: str = "none"

    def kernel(self, shape: tuple[int, ...]) -> Array:
        kernel = self.param("kernel", initializer(self.draw), shape)
        return NORMALIZATIONS[self.normalization].kernel(self, kernel)

    def bias(self) -> Array:
        return self.param("bias", initializer(constant(0.0)), (self.features,))


class Dense(_Layer):
    """[batch, inputs] -> [batch, features]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return matmul(x, self.kernel((x.shape[-1], self.features))) + self.bias()


class Pointwise(_Layer):
    """[..., channels] -> [..., features]: a 1x1 convolution without bias."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return matmul(x, self.kernel((x.shape[-1], self.features)))


class Embedding(Pointwise):
    """One-hot [batch, classes] -> [batch, features]: a learnt vector for each class."""


class Conv(_Layer):
    """[batch, h, w, channels] -> [batch, ceil(h / stride), ceil(w / stride), features], SAME padding."""

    size: int = 4
    stride: int = 2

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv(x, self.kernel(shape), self.stride) + self.bias()


class ConvTranspose(_Layer):
    """[batch, h, w, channels] -> [batch, h * stride, w * stride, features], SAME padding."""

    size: int = 4
    stride: int = 2

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv_transpose(x, self.kernel(shape), self.stride) + self.bias()


class ConvThenMeans(_Layer):
    """[batch, h, w, channels] -> [batch, h / 2, w / 2, features]: a SAME convolution, then a 2x2 average pool."""

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv_average_pool(x, self.kernel(shape)) + self.bias()


class SpreadThenConv(_Layer):
    """[batch, h, w, channels] -> [batch, 2h, 2w, features]: a SAME convolution of x dilated by zeros.

    x[i, j] moves to [2i, 2j].
    """

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return input_dilated_conv(x, self.kernel(shape), (self.size - 1) // 2) + self.bias()


class DoubledThenConv(_Layer):
    """[batch, h, w, channels] -> [batch, 2h, 2w, features]: nearest-neighbour upsampling, then a SAME convolution."""

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return input_dilated_conv(x, sum_shifted_kernels(self.kernel(shape)), (self.size + 1) // 2) + self.bias()
