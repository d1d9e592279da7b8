"""Self-attention over the pixels of an activation map."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.layers import Pointwise
from ganscape.models.initialization import Draw, constant, initializer


class SelfAttention(nn.Module):
    """x [batch, height, width, channels] + gamma * o(sum_j softmax_j(f(x_i) . g(x_j)) h(x_j)), of x's shape.

    f, g, h and o are 1x1 convolutions without bias ("query", "key", "value", "output") with normalised kernels: f
    and g to max(1, channels // 8) channels, h to max(1, channels // 2), o back to channels. gamma starts at 0, so at
    first the layer is the identity. g and h are max-pooled over 2x2 squares j; in the paper j is a single pixel and h
    has channels // 8 channels. Height and width are even.

    Reference: Zhang et al. 2019 (arXiv:1805.08318), equations 1 to 3, in the form of the authors' code, of
    compare_gan's `non_local_block` and of Brock et al. 2019.
    """

    draw: Draw
    normalization: str = "none"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels = x.shape[-1]

        def project(values, features, name):
            return Pointwise(features, self.draw, self.normalization, name=name)(values)

        queries = _flatten_space(project(x, max(channels // 8, 1), "query"))
        keys = _flatten_space(_max_pool(project(x, max(channels // 8, 1), "key")))
        values = _flatten_space(_max_pool(project(x, max(channels // 2, 1), "value")))
        weights = jax.nn.softmax(queries @ keys.swapaxes(1, 2), axis=-1)
        attended = project((weights @ values).reshape(*x.shape[:-1], -1), channels, "output")
        return x + self.param("gamma", initializer(constant(0.0)), ()) * attended


def _flatten_space(x: Array) -> Array:
    """[batch, height, width, c] -> [batch, height * width, c]."""
    return x.reshape(x.shape[0], -1, x.shape[-1])


def _max_pool(x: Array) -> Array:
    """Returns the maxima of the 2x2 squares of x [batch, height, width, c]."""
    batch, height, width, channels = x.shape
    return jnp.max(x.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))
