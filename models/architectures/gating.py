"""Convolutions, plain or gated: functions (x, features, size, draw, normalization, convolve) -> x.

convolve: the layer, a function (x, features, size, draw, normalization) such as those of upsampling and downsampling;
by default a SAME convolution of stride 1.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.layers import Conv
from ganscape.models.initialization import Draw

Convolve = Callable[[Array, int, int, Draw, str], Array]


def same_conv(x: Array, features: int, size: int, draw: Draw, normalization: str) -> Array:
    """Returns the SAME convolution [batch, h, w, features]."""
    return Conv(features, draw, normalization, size=size, stride=1)(x)


def plain(x: Array, features: int, size: int, draw: Draw, normalization: str, convolve: Convolve = same_conv) -> Array:
    """Returns the convolution [batch, h, w, features]."""
    return convolve(x, features, size, draw, normalization)


def gated(x: Array, features: int, size: int, draw: Draw, normalization: str, convolve: Convolve = same_conv) -> Array:
    """Returns one half of a convolution's channels times the sigmoid of the other half, [batch, h, w, features].

    Blocks activate before a convolution, so the half that is passed on has no activation of its own.

    Reference: Yu et al. 2018 (arXiv:1806.03589), section 3.1.
    """
    passed, gate = jnp.split(convolve(x, 2 * features, size, draw, normalization), 2, axis=-1)
    return passed * jax.nn.sigmoid(gate)


CONVOLUTIONS = {"plain": plain, "gated": gated}
