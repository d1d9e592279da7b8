"""Normalizations of an example by others as well: by its batch, or by a reference."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, drawn, normal
from ganscape.models.normalizations.context import NormContext
from ganscape.models.normalizations.feature_moments import (
    Moments,
    instances,
    moments,
    normalised,
    pool_moments,
    running,
    scale_and_bias,
)

CONDITION_DEVIATION = 0.02


class BatchNorm(nn.Module):
    """Activations normalised over all axes but the last, then scaled and shifted.

    In training by the batch's mean and biased variance, which also enter running averages; in
    sampling by those averages, as `running` keeps them.

    Reference: Ioffe and Szegedy 2015, algorithm 1.
    """

    momentum: float
    epsilon: float
    training: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        scale, bias = scale_and_bias(self, x.shape[-1])
        return normalised(x, _of_batch(self, x), self.epsilon, scale, bias)


class ConditionalBatchNorm(nn.Module):
    """Activations normalised as by `BatchNorm`, then scaled by 1 + W_s c and shifted by W_b c."""

    momentum: float
    epsilon: float
    training: bool
    kernel: Callable[[nn.Module, Array], Array]

    @nn.compact
    def __call__(self, x: Array, condition: Array) -> Array:
        shape = (x.shape[0], *[1] * (x.ndim - 2), x.shape[-1])
        scale, bias = (
            Linear(x.shape[-1], self.kernel, name=name)(condition).reshape(shape) for name in ("scale", "bias")
        )
        return normalised(x, _of_batch(self, x), self.epsilon, 1.0 + scale, bias)


class Linear(nn.Module):
    """[batch, inputs] -> [batch, features], by a kernel alone, drawn with deviation 0.02."""

    features: int
    normalization: Callable[[nn.Module, Array], Array]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", drawn(normal(CONDITION_DEVIATION)), (x.shape[-1], self.features))
        return x @ self.normalization(self, kernel)


class SwitchableNorm(nn.Module):
    """Activations normalised by mixtures of three kinds of moments, then scaled and shifted per channel."""

    momentum: float
    epsilon: float
    training: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        instance = instances(x)
        batch = pool_moments(instance, range(x.ndim - 1), keepdims=False) if self.training else None
        kinds = [pool_moments(instance, [x.ndim - 1]), running(self, self.momentum, x.shape[-1], batch)]
        if x.ndim > 2:
            kinds.append(instance)
        mixed = Moments(
            self._mixture("mean_weights", [kind.mean for kind in kinds]),
            self._mixture("variance_weights", [kind.variance for kind in kinds]),
        )
        return normalised(x, mixed, self.epsilon, *scale_and_bias(self, x.shape[-1]))

    def _mixture(self, name: str, values: list[Array]) -> Array:
        weights = jax.nn.softmax(self.param(name, drawn(constant(1.0)), (len(values),)))
        return sum((weight * value for weight, value in zip(weights, values, strict=True)), jnp.zeros(()))


class VirtualBatchNorm(nn.Module):
    """Activations normalised by a reference and themselves, then scaled and shifted per channel."""

    epsilon: float
    reference: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        affine = scale_and_bias(self, x.shape[-1])
        first, examples = x[: self.reference], x[self.reference :]
        reference = moments(first, range(x.ndim - 1), keepdims=False)
        own = instances(examples)
        weight = 1.0 / (self.reference + 1)
        joint = Moments(
            (1.0 - weight) * reference.mean + weight * own.mean,
            (1.0 - weight) * reference.variance
            + weight * own.variance
            + weight * (1.0 - weight) * (reference.mean - own.mean) ** 2,
        )
        return jnp.concatenate(
            [normalised(first, reference, self.epsilon, *affine), normalised(examples, joint, self.epsilon, *affine)]
        )


def _of_batch(module, x: Array) -> Moments:
    """Over all axes but the last: of the batch in training, of the batches before in sampling."""
    batch = moments(x, range(x.ndim - 1), keepdims=False) if module.training else None
    return running(module, module.momentum, x.shape[-1], batch)


def batch_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, moments over all axes but the last of the batch.

    Reference: Ioffe and Szegedy 2015, algorithm 1.
    """
    return BatchNorm(context.momentum, context.epsilon, context.training, name=name)


def conditional_batch_norm(
    context: NormContext, name: str, kernel=lambda layer, kernel: kernel
) -> Callable[[Array], Array]:
    """(1 + W_s c) (x - mean) / sqrt(variance + epsilon) + W_b c, c the context's condition, moments as `batch_norm`.

    The two W, in "scale" and in "bias", have no bias of their own and start near 0, so that a network
    starts as one of plain batch norm. They are kernels, which `kernel` may normalise.

    Raises ValueError where the context has no condition.

    Reference: de Vries et al. 2017 (arXiv:1707.00683), section 3; Dumoulin et al. 2017 (arXiv:1610.07629),
    equation 5, for a c that is 1 at one place; linear in c as in Brock et al. 2019.
    """
    condition = context.condition
    if condition is None:
        raise ValueError(f"conditional_batch_norm {name!r}: the context has no condition")
    module = ConditionalBatchNorm(context.momentum, context.epsilon, context.training, kernel, name=name)
    return lambda x: module(x, condition)


def switchable_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - sum_k w_k mean_k) / sqrt(sum_k w'_k variance_k + epsilon) + bias, k layer, batch, instance.

    The weights w and w' are softmaxes of three parameters each, equal at the start. In sampling the
    batch's share is that of running averages, as `batch_norm` keeps them. What has no space has no
    instance statistics, and mixes two kinds, as in the authors' code.

    Reference: Luo et al. 2019 (arXiv:1806.10779), equations 3 to 5.
    """
    return SwitchableNorm(context.momentum, context.epsilon, context.training, name=name)


def virtual_batch_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias of a batch whose first n = context.reference
    examples are its reference.

    The moments of an example are those of the reference and itself, in which it weighs 1 / (n + 1), over
    its own space; those of the reference are its own. In training and in sampling the same: an example does
    not depend on the other examples. `WithReference` puts the reference into the batch.

    Raises ValueError where the context has no reference.

    Reference: Salimans et al. 2016 (arXiv:1606.03498), section 3.4.
    """
    if context.reference < 1:
        raise ValueError(f"virtual_batch_norm {name!r}: the context has no reference")
    return VirtualBatchNorm(context.epsilon, context.reference, name=name)
