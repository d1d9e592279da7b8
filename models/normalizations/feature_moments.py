"""Means and variances of activations: computed, averaged over batches, and used to normalise."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, initializer

STATISTICS = "statistics"


class FeatureMoments(NamedTuple):
    """A mean and a biased variance of the same shape, which broadcasts against the activations."""

    mean: Array
    variance: Array


def feature_moments(x: Array, axes: Iterable[int], keepdims: bool = True) -> FeatureMoments:
    """Returns the mean and variance of x over these axes; `keepdims` keeps them as axes of length 1."""
    axes = tuple(axes)
    mean = jnp.mean(x, axes, keepdims=keepdims)
    return FeatureMoments(mean, jnp.mean((x - mean) ** 2, axes, keepdims=keepdims))


def pool_moments(parts: FeatureMoments, axes: Iterable[int], keepdims: bool = True) -> FeatureMoments:
    """Returns the moments of the union of equally large parts, given the moments of each part along these axes."""
    axes = tuple(axes)
    between = feature_moments(parts.mean, axes, keepdims)
    within = jnp.mean(parts.variance, axes, keepdims=keepdims)
    return FeatureMoments(between.mean, within + between.variance)


def instance_moments(x: Array) -> FeatureMoments:
    """Returns the moments over the pixels of each example and channel, [batch, 1, 1, channels].

    For x [batch, channels], without pixels, the mean is x and the variance 0.
    """
    return feature_moments(x, range(1, x.ndim - 1))


def running_moments(module: nn.Module, momentum: float, channels: int, batch: FeatureMoments | None) -> FeatureMoments:
    """Returns the moments [channels] to normalise with: in training the batch's, else (batch None) running averages.

    In training it also updates the running averages, which `module` holds as weighted sums "mean" and "variance" and
    their total weight "weight", 1 - momentum^passes. Dividing by this weight makes the averages usable after few
    passes; after many they equal those of TensorFlow 1, which the studies used. Before the first pass they are 0 and 1.
    """
    mean_sum = module.variable(STATISTICS, "mean", initializer(constant(0.0)), None, (channels,))
    variance_sum = module.variable(STATISTICS, "variance", initializer(constant(0.0)), None, (channels,))
    weight = module.variable(STATISTICS, "weight", initializer(constant(0.0)), None, ())
    if batch is None:
        trained = weight.value > 0.0
        divisor = jnp.where(trained, weight.value, 1.0)
        mean = jnp.where(trained, mean_sum.value / divisor, 0.0)
        return FeatureMoments(mean, jnp.where(trained, variance_sum.value / divisor, 1.0))
    mean_sum.value = momentum * mean_sum.value + (1.0 - momentum) * batch.mean
    variance_sum.value = momentum * variance_sum.value + (1.0 - momentum) * batch.variance
    weight.value = momentum * weight.value + (1.0 - momentum)
    return batch


def reset_averages(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a network's statistics with all running averages (`running_moments`) reset and the rest unchanged."""
    if set(statistics) == {"mean", "variance", "weight"}:
        return {name: jnp.zeros_like(value) for name, value in statistics.items()}
    return {name: reset_averages(value) if isinstance(value, Mapping) else value for name, value in statistics.items()}


def scale_and_bias(module: nn.Module, channels: int) -> tuple[Array, Array]:
    """Returns the parameters "scale" and "bias" [channels] of `module`, which start at 1 and 0."""
    scale = module.param("scale", initializer(constant(1.0)), (channels,))
    return scale, module.param("bias", initializer(constant(0.0)), (channels,))


def normalize(x: Array, by: FeatureMoments, epsilon: float, scale: Array, bias: Array) -> Array:
    """Returns scale (x - mean) / sqrt(variance + epsilon) + bias, with the mean and variance of `by`."""
    return (x - by.mean) * (scale / jnp.sqrt(by.variance + epsilon)) + bias
