"""Layers with an equalized learning rate: kernels from N(0, 1), scaled at each forward pass.

The scale, gain / sqrt(fan-in), is that of He et al. 2015 at the gain sqrt(2), which is usually drawn with. An
optimizer that moves all values alike, such as Adam, so moves all layers alike in relation to their size.

Reference: Karras et al. 2018 (arXiv:1710.10196), section 4.1.
"""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.convolution import conv
from ganscape.models.initialization import constant, drawn, standard_normal
from ganscape.models.normalizations import NORMALIZATIONS
from ganscape.models.precisions import times

GAIN = math.sqrt(2.0)


class _Equalized(nn.Module):
    """Parameters of a layer: a kernel that is scaled, then normalised, and a bias from zero."""

    features: int
    normalization: str = "none"
    gain: float = GAIN

    def kernel(self, shape: tuple[int, ...]) -> Array:
        scale = self.gain / math.sqrt(math.prod(shape[:-1]))
        kernel = self.param("kernel", drawn(standard_normal), shape)
        return NORMALIZATIONS[self.normalization].kernel(self, scale * kernel)

    def bias(self) -> Array:
        return self.param("bias", drawn(constant(0.0)), (self.features,))


class EqualizedDense(_Equalized):
    """[batch, ...] -> [batch, features]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = x.reshape(x.shape[0], -1)
        return times(x, self.kernel((x.shape[1], self.features))) + self.bias()


class EqualizedConv(_Equalized):
    """[batch, h, w, channels] -> [batch, h, w, features], SAME."""

    size: int = 3

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return conv(x, self.kernel((self.size, self.size, x.shape[-1], self.features)), 1) + self.bias()


class EqualizedSpread(_Equalized):
    """[batch, inputs] -> [batch, size, size, features]: the convolution of a lone pixel, by whose full kernel the
    fan-in counts, with one bias for each feature."""

    size: int = 4

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.kernel((self.size, self.size, x.shape[-1], self.features))
        return jnp.einsum("bi,hwif->bhwf", x, kernel) + self.bias()
