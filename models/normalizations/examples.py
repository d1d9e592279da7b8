"""Normalizations of each example by itself: in training and in sampling the same, whatever else is in the batch."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.normalizations.context import NormContext
from ganscape.models.normalizations.feature_moments import Moments, instances, moments, normalised, scale_and_bias

LAYER_EPSILON = 1e-12
PIXEL_EPSILON = 1e-8
GROUPS = 32


class ExampleNorm(nn.Module):
    """Activations [batch, ..., channels] normalised by moments of each example, then scaled and shifted per channel."""

    epsilon: float
    moments: Callable[[Array], Moments]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return normalised(x, self.moments(x), self.epsilon, *scale_and_bias(self, x.shape[-1]))


def layer_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + 1e-12) + bias, moments over all axes of an example.

    Scale and bias are per channel, and the epsilon is 1e-12 whatever the context's, as in TensorFlow's
    tf.contrib.layers.layer_norm, which Kurach et al. 2019 used: beside the context's 1e-3 the small
    activations of a network drawn with deviation 0.02 would hardly be normalised.

    Reference: Ba et al. 2016 (arXiv:1607.06450), equation 3; the paper's scale and bias are per unit.
    """
    return ExampleNorm(LAYER_EPSILON, layers, name=name)


def instance_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, moments over the space of each example and channel.

    For images only: what has no space is its own mean, and nothing but the bias is left of it.

    Reference: Ulyanov et al. 2016 (arXiv:1607.08022), equation 5, with scale and bias as in their code.
    """
    return ExampleNorm(context.epsilon, instances, name=name)


def group_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, moments over the space and the channels of a group.

    There are 32 groups of neighbouring channels, or the largest divisor of the channels below that.
    Up to 32 channels each is a group of its own, so this too is for images.

    Reference: Wu and He 2018 (arXiv:1803.08494), equations 1, 2, 6 and 7.
    """
    return ExampleNorm(context.epsilon, groups, name=name)


def pixel_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """x / sqrt(mean of x^2 over the channels + 1e-8), at each place; without parameters.

    Reference: Karras et al. 2018 (arXiv:1710.10196), section 4.2.
    """
    return lambda x: x / jnp.sqrt(jnp.mean(x**2, axis=-1, keepdims=True) + PIXEL_EPSILON)


def layers(x: Array) -> Moments:
    """Over all axes of each example."""
    return moments(x, range(1, x.ndim))


def groups(x: Array) -> Moments:
    """Over space and the channels of each group, repeated for each channel."""
    channels = x.shape[-1]
    count = max(each for each in range(1, GROUPS + 1) if channels % each == 0)
    split = x.reshape(*x.shape[:-1], count, channels // count)
    grouped = moments(split, [*range(1, x.ndim - 1), x.ndim])
    mean, variance = (jnp.repeat(each[..., 0], channels // count, axis=-1) for each in grouped)
    return Moments(mean, variance)
