"""Normalizations of kernels: functions of (layer, kernel [..., in, out]), read as a matrix [everything else, out]."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, drawn, standard_normal
from ganscape.models.normalizations.feature_moments import STATISTICS

SMALLEST = 1e-12


def spectral_norm(layer: nn.Module, kernel: Array) -> Array:
    """W / (u^T W v), its largest singular value estimated by one power iteration a pass.

    v = W^T u / |W^T u|, then u = W v / |W v|. The left vector u is kept between the passes that leave
    statistics, and no gradient flows through the vectors. No scale is learnt. A kernel of zeros stays one.

    Reference: Miyato et al. 2018, algorithm 1; the left vector persists as in compare_gan.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    left = layer.variable(STATISTICS, "u", drawn(standard_normal), None, (matrix.shape[0],))
    fixed = jax.lax.stop_gradient(matrix)
    v = _unit(fixed.T @ left.value)
    u = _unit(fixed @ v)
    size = u @ (matrix @ v)
    if layer.is_mutable_collection(STATISTICS):
        left.value = jnp.where(size > 0.0, u, left.value)
    return kernel / jnp.where(size > 0.0, size, 1.0)


def weight_norm(layer: nn.Module, kernel: Array) -> Array:
    """g v / |v| for each output unit, v the layer's kernel and g a parameter [out] that starts at 1.

    So columns start at length 1; the paper's start depends on data. |v| counts as 1e-6 at least: a column
    of zeros stays one.

    Reference: Salimans and Kingma 2016 (arXiv:1602.07868), equation 2.
    """
    length = layer.param("g", drawn(constant(1.0)), kernel.shape[-1:])
    squares = jnp.sum(kernel**2, axis=range(kernel.ndim - 1))
    return kernel * (length / jnp.sqrt(jnp.maximum(squares, SMALLEST)))


def _unit(vector: Array) -> Array:
    return vector / jnp.sqrt(jnp.maximum(jnp.sum(vector**2), SMALLEST))
