"""Normalizations: of activations, placed where an architecture normalises, or of every kernel."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from models.initialization import constant, drawn, standard_normal

STATISTICS = "statistics"


class Normalization(NamedTuple):
    """What a network does where it normalises.

    activations: (momentum, epsilon, training, name) -> a function of activations.
    kernel: (layer, kernel) -> the kernel that the layer uses, at each forward pass.
    """

    activations: Callable
    kernel: Callable


class BatchNorm(nn.Module):
    """Activations normalised over all axes but the last, then scaled and shifted.

    In training by the batch's mean and biased variance, which also enter running averages; in
    sampling by those averages. The averages are divided by the weight they have gathered,
    1 - momentum^passes: equal to the studies' (TensorFlow 1) after many passes, and usable after few.

    Reference: Ioffe and Szegedy 2015, algorithm 1.
    """

    momentum: float
    epsilon: float
    training: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (x.shape[-1],)
        scale = self.param("scale", drawn(constant(1.0)), shape)
        bias = self.param("bias", drawn(constant(0.0)), shape)
        mean_sum = self.variable(STATISTICS, "mean", drawn(constant(0.0)), None, shape)
        variance_sum = self.variable(STATISTICS, "variance", drawn(constant(0.0)), None, shape)
        weight = self.variable(STATISTICS, "weight", drawn(constant(0.0)), None, ())
        if self.training:
            axes = tuple(range(x.ndim - 1))
            mean = jnp.mean(x, axes)
            variance = jnp.mean((x - mean) ** 2, axes)
            keep = self.momentum
            mean_sum.value = keep * mean_sum.value + (1.0 - keep) * mean
            variance_sum.value = keep * variance_sum.value + (1.0 - keep) * variance
            weight.value = keep * weight.value + (1.0 - keep)
        else:
            seen = weight.value > 0.0
            mean = jnp.where(seen, mean_sum.value / jnp.where(seen, weight.value, 1.0), 0.0)
            variance = jnp.where(seen, variance_sum.value / jnp.where(seen, weight.value, 1.0), 1.0)
        return (x - mean) * (scale / jnp.sqrt(variance + self.epsilon)) + bias


def spectral(layer: nn.Module, kernel: Array) -> Array:
    """The kernel divided by its largest singular value, estimated by one power iteration a pass.

    The kernel [..., in, out] is read as a matrix [everything else, out]; its left vector u is kept
    between passes and no gradient flows through the vectors. No scale is learnt.

    Reference: Miyato et al. 2018, algorithm 1; the left vector persists as in compare_gan.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1])
    left = layer.variable(STATISTICS, "u", drawn(standard_normal), None, (matrix.shape[0],))
    fixed = jax.lax.stop_gradient(matrix)
    v = _unit(fixed.T @ left.value)
    u = _unit(fixed @ v)
    left.value = u
    return kernel / (u @ (matrix @ v))


def _unit(vector: Array) -> Array:
    return vector / jnp.sqrt(jnp.maximum(jnp.sum(vector**2), 1e-12))


def _untouched_activations(momentum, epsilon, training, name):
    return lambda x: x


def _untouched_kernel(layer, kernel):
    return kernel


def _batch_norm(momentum, epsilon, training, name):
    return BatchNorm(momentum, epsilon, training, name=name)


NORMALIZATIONS = {
    "none": Normalization(_untouched_activations, _untouched_kernel),
    "batch_norm": Normalization(_batch_norm, _untouched_kernel),
    "spectral_norm": Normalization(_untouched_activations, spectral),
}
