"""Means and variances of activations, normalization by them, and their running averages."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, drawn

STATISTICS = "statistics"


class Moments(NamedTuple):
    """A mean and a biased variance of the same shape, which broadcasts against the activations."""

    mean: Array
    variance: Array


def moments(x: Array, axes: Iterable[int], keepdims: bool = True) -> Moments:
    """Returns the moments of x over these axes, which stay as axes of length 1 where `keepdims`."""
    axes = tuple(axes)
    mean = jnp.mean(x, axes, keepdims=keepdims)
    return Moments(mean, jnp.mean((x - mean) ** 2, axes, keepdims=keepdims))


def pool_moments(parts: Moments, axes: Iterable[int], keepdims: bool = True) -> Moments:
    """Returns the moments of the union of equally large parts that lie along these axes, which stay as in `moments`."""
    axes = tuple(axes)
    between = moments(parts.mean, axes, keepdims)
    within = jnp.mean(parts.variance, axes, keepdims=keepdims)
    return Moments(between.mean, within + between.variance)


def instances(x: Array) -> Moments:
    """Over the space of each example and channel, [batch, 1, 1, channels]; where there is none x itself and 0."""
    return moments(x, range(1, x.ndim - 1))


def running(module: nn.Module, momentum: float, channels: int, batch: Moments | None) -> Moments:
    """Returns the moments to normalise by, [channels]: in training the batch's, in sampling (batch None) the averages.

    The batch's moments enter running averages kept in `module`: sums "mean" and "variance", and "weight", the total
    weight in the sums.

    The averages are divided by that weight, 1 - momentum^passes: equal to the studies' (TensorFlow 1) after
    many passes, and usable after few. Before the first they are 0 and 1.
    """
    mean_sum = module.variable(STATISTICS, "mean", drawn(constant(0.0)), None, (channels,))
    variance_sum = module.variable(STATISTICS, "variance", drawn(constant(0.0)), None, (channels,))
    weight = module.variable(STATISTICS, "weight", drawn(constant(0.0)), None, ())
    if batch is None:
        seen = weight.value > 0.0
        gathered = jnp.where(seen, weight.value, 1.0)
        mean = jnp.where(seen, mean_sum.value / gathered, 0.0)
        return Moments(mean, jnp.where(seen, variance_sum.value / gathered, 1.0))
    mean_sum.value = momentum * mean_sum.value + (1.0 - momentum) * batch.mean
    variance_sum.value = momentum * variance_sum.value + (1.0 - momentum) * batch.variance
    weight.value = momentum * weight.value + (1.0 - momentum)
    return batch


def reset_averages(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a network's statistics with every running average of `running` empty and all others as they are."""
    if set(statistics) == {"mean", "variance", "weight"}:
        return {name: jnp.zeros_like(value) for name, value in statistics.items()}
    return {name: reset_averages(value) if isinstance(value, Mapping) else value for name, value in statistics.items()}


def scale_and_bias(module: nn.Module, channels: int) -> tuple[Array, Array]:
    """Parameters [channels] of `module`, from 1 and from 0."""
    scale = module.param("scale", drawn(constant(1.0)), (channels,))
    return scale, module.param("bias", drawn(constant(0.0)), (channels,))


def normalised(x: Array, by: Moments, epsilon: float, scale: Array, bias: Array) -> Array:
    """scale (x - mean) / sqrt(variance + epsilon) + bias."""
    return (x - by.mean) * (scale / jnp.sqrt(by.variance + epsilon)) + bias
