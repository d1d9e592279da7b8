"""Layers that the architectures share: dense, convolution, transposed convolution."""

import flax.linen as nn
import jax
from jax import Array

from ganscape.models.architectures.convolution import (
    between_pixels,
    conv,
    conv_of_spread,
    conv_then_means,
    conv_transpose,
)
from ganscape.models.initialization import Draw, constant, drawn
from ganscape.models.normalizations import NORMALIZATIONS
from ganscape.models.precisions import times


def leaky_relu(x: Array) -> Array:
    """max(x, 0.2 x), the slope of the studies' InfoGAN networks."""
    return jax.nn.leaky_relu(x, 0.2)


def as_it_is(x: Array) -> Array:
    """x, where an output stays a logit."""
    return x


class _Layer(nn.Module):
    """Parameters of a layer: a kernel that goes through a normalization, and a bias from zero."""

    features: int
    draw: Draw
    normalization: str = "none"

    def kernel(self, shape: tuple[int, ...]) -> Array:
        kernel = self.param("kernel", drawn(self.draw), shape)
        return NORMALIZATIONS[self.normalization].kernel(self, kernel)

    def bias(self) -> Array:
        return self.param("bias", drawn(constant(0.0)), (self.features,))


class Dense(_Layer):
    """[batch, inputs] -> [batch, features]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return times(x, self.kernel((x.shape[-1], self.features))) + self.bias()


class Pointwise(_Layer):
    """[..., channels] -> [..., features]: a convolution of 1x1 without bias."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return times(x, self.kernel((x.shape[-1], self.features)))


class Embedding(Pointwise):
    """One-hot [batch, classes] -> [batch, features]: what stands for each class."""


class Conv(_Layer):
    """[batch, h, w, channels] -> [batch, ceil(h / stride), ceil(w / stride), features], SAME."""

    size: int = 4
    stride: int = 2

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv(x, self.kernel(shape), self.stride) + self.bias()


class ConvTranspose(_Layer):
    """[batch, h, w, channels] -> [batch, h * stride, w * stride, features], SAME."""

    size: int = 4
    stride: int = 2

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv_transpose(x, self.kernel(shape), self.stride) + self.bias()


class ConvThenMeans(_Layer):
    """[batch, h, w, channels] -> [batch, h / 2, w / 2, features]: a SAME convolution, then means of 2x2 squares."""

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv_then_means(x, self.kernel(shape)) + self.bias()


class SpreadThenConv(_Layer):
    """[batch, h, w, channels] -> [batch, 2h, 2w, features]: a SAME convolution of x spread by zeros.

    x[i, j] stands at [2i, 2j].
    """

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv_of_spread(x, self.kernel(shape), (self.size - 1) // 2) + self.bias()


class DoubledThenConv(_Layer):
    """[batch, h, w, channels] -> [batch, 2h, 2w, features]: a SAME convolution of x with every pixel four times."""

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        return conv_of_spread(x, between_pixels(self.kernel(shape)), (self.size + 1) // 2) + self.bias()
