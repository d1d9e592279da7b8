"""Layers with an equalized learning rate: kernels drawn from N(0, 1) and scaled in each forward pass.

The scale is gain / sqrt(fan-in), with gain sqrt(2) the deviation that He et al. 2015 draw kernels with. An optimizer
whose step sizes do not depend on the scale, such as Adam, then changes all layers at the same relative rate.

Reference: Karras et al. 2018 (arXiv:1710.10196), section 4.1.
"""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.convolution import conv
from ganscape.models.initialization import constant, initializer, standard_normal
from ganscape.models.normalizations import NORMALIZATIONS
from ganscape.models.precisions import matmul

GAIN = math.sqrt(2.0)


class _Equalized(nn.Module):
    """Base class of these layers: a kernel that is scaled, then normalised, and a bias that starts at 0."""

    features: int
    normalization: str = "none"
    gain: float = GAIN

    def kernel(self, shape: tuple[int, ...]) -> Array:
        scale = self.gain / math.sqrt(math.prod(shape[:-1]))
        kernel = self.param("kernel", initializer(standard_normal), shape)
        return NORMALIZATIONS[self.normalization].kernel(self, scale * kernel)

    def bias(self) -> Array:
        return self.param("bias", initializer(constant(0.0)), (self.features,))


class EqualizedDense(_Equalized):
    """[batch, ...] -> [batch, features]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = x.reshape(x.shape[0], -1)
        return matmul(x, self.kernel((x.shape[1], self.features))) + self.bias()


class EqualizedConv(_Equalized):
    """[batch, h, w, channels] -> [batch, h, w, features], SAME padding."""

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return conv(x, self.kernel((self.size, self.size, x.shape[-1], self.features)), 1) + self.bias()


class EqualizedSpread(_Equalized):
    """[batch, inputs] -> [batch, size, size, features]: the transposed convolution of a single pixel.

    The fan-in is that of the full kernel, size * size * inputs; the bias is per feature.
    """

    size: int = 4

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.kernel((self.size, self.size, x.shape[-1], self.features))
        return jnp.einsum("bi,hwif->bhwf", x, kernel) + self.bias()
