"""Normalizations of kernels: functions (layer, kernel) -> the normalised kernel.

layer: the Flax module that holds the kernel.
kernel: [..., in, out], read as a matrix W [everything else, out].
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, initializer, standard_normal
from ganscape.models.normalizations.feature_moments import STATISTICS

SMALLEST = 1e-12


def spectral_norm(layer: nn.Module, kernel: Array) -> Array:
    """W divided by its largest singular value u^T W v, estimated with one power iteration per forward pass.

    v = W^T u / |W^T u|, then u = W v / |W v|. The left vector u is stored in training passes; no gradient flows through
    u and v. No scale is learnt. A kernel of zeros is unchanged.

    Reference: Miyato et al. 2018, algorithm 1; the left vector persists as in compare_gan.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    left = layer.variable(STATISTICS, "u", initializer(standard_normal), None, (matrix.shape[0],))
    fixed = jax.lax.stop_gradient(matrix)
    v = _unit(fixed.T @ left.value)
    u = _unit(fixed @ v)
    singular_value = u @ (matrix @ v)
    if layer.is_mutable_collection(STATISTICS):
        left.value = jnp.where(singular_value > 0.0, u, left.value)
    return kernel / jnp.where(singular_value > 0.0, singular_value, 1.0)


def weight_norm(layer: nn.Module, kernel: Array) -> Array:
    """g v / |v| for each output unit, v the layer's kernel and g a parameter [out] that starts at 1.

    So columns start at length 1; the paper initialises g from data. |v| counts as at least 1e-6, so a column of zeros
    is unchanged.

    Reference: Salimans and Kingma 2016 (arXiv:1602.07868), equation 2.
    """
    gain = layer.param("g", initializer(constant(1.0)), kernel.shape[-1:])
    squares = jnp.sum(kernel**2, axis=range(kernel.ndim - 1))
    return kernel * (gain / jnp.sqrt(jnp.maximum(squares, SMALLEST)))


def _unit(vector: Array) -> Array:
    return vector / jnp.sqrt(jnp.maximum(jnp.sum(vector**2), SMALLEST))
