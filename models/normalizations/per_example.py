"""Normalizations of each example alone: the same in training and in sampling, whatever else is in the batch."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.normalizations.context import NormContext
from ganscape.models.normalizations.feature_moments import (
    FeatureMoments,
    feature_moments,
    instance_moments,
    normalize,
    scale_and_bias,
)

LAYER_EPSILON = 1e-12
PIXEL_EPSILON = 1e-8
GROUPS = 32


class ExampleNorm(nn.Module):
    """Normalises activations [batch, ..., channels] by moments of each example, then scales and shifts each channel."""

    epsilon: float
    moments: Callable[[Array], FeatureMoments]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return normalize(x, self.moments(x), self.epsilon, *scale_and_bias(self, x.shape[-1]))


def layer_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + 1e-12) + bias, moments over all axes of an example.

    Scale and bias are per channel, and the epsilon is 1e-12 whatever the context's, as in TensorFlow's
    tf.contrib.layers.layer_norm, which Kurach et al. 2019 used: with 1e-3 the small
    activations of a network initialised with deviation 0.02 would hardly be normalised.

    Reference: Ba et al. 2016 (arXiv:1607.06450), equation 3; the paper's scale and bias are per unit.
    """
    return ExampleNorm(LAYER_EPSILON, layer_moments, name=name)


def instance_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, moments over the pixels of each example and channel.

    For images only: a flat vector has no pixels to average over, and would be reduced to its bias.

    Reference: Ulyanov et al. 2016 (arXiv:1607.08022), equation 5, with scale and bias as in their code.
    """
    return ExampleNorm(context.epsilon, instance_moments, name=name)


def group_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, moments over the pixels and the channels of a group.

    The number of groups of neighbouring channels is the largest divisor of the number of channels up to 32. With up to
    32 channels each is a group of its own, so this too is for images only.

    Reference: Wu and He 2018 (arXiv:1803.08494), equations 1, 2, 6 and 7.
    """
    return ExampleNorm(context.epsilon, group_moments, name=name)


def pixel_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """x / sqrt(mean of x^2 over the channels + 1e-8) at each pixel, without parameters.

    Reference: Karras et al. 2018 (arXiv:1710.10196), section 4.2.
    """
    return lambda x: x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True) + PIXEL_EPSILON)


def layer_moments(x: Array) -> FeatureMoments:
    """Returns the moments over all axes of each example."""
    return feature_moments(x, range(1, x.ndim))


def group_moments(x: Array) -> FeatureMoments:
    """Returns the moments over the pixels and channels of each group, repeated for each of its channels."""
    channels = x.shape[-1]
    count = max(divisor for divisor in range(1, GROUPS + 1) if channels % divisor == 0)
    split = x.reshape(*x.shape[:-1], count, channels // count)
    grouped = feature_moments(split, [*range(1, x.ndim - 1), x.ndim])
    mean, variance = (jnp.repeat(moment[..., 0], channels // count, axis=-1) for moment in grouped)
    return FeatureMoments(mean, variance)
