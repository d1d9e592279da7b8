"""Normalizations in which an example depends on others: those of its batch, or of a reference batch."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.initialization import constant, initializer, normal
from ganscape.models.normalizations.context import NormContext
from ganscape.models.normalizations.feature_moments import (
    FeatureMoments,
    feature_moments,
    instance_moments,
    normalize,
    pool_moments,
    running_moments,
    scale_and_bias,
)

CONDITION_DEVIATION = 0.02


class BatchNorm(nn.Module):
    """Normalises activations over all axes but the last, then scales and shifts them.

    Uses the batch's mean and biased variance in training, and their running averages (`running_moments`) in sampling.

    Reference: Ioffe and Szegedy 2015, algorithm 1.
    """

    momentum: float
    epsilon: float
    training: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        scale, bias = scale_and_bias(self, x.shape[-1])
        return normalize(x, _batch_moments(self, x), self.epsilon, scale, bias)


class ConditionalBatchNorm(nn.Module):
    """Normalises activations as `BatchNorm`, then scales them by 1 + W_s c and shifts them by W_b c (condition c)."""

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
        return normalize(x, _batch_moments(self, x), self.epsilon, 1.0 + scale, bias)


class Linear(nn.Module):
    """[batch, inputs] -> [batch, features]: a dense layer without bias, whose kernel is drawn with deviation 0.02."""

    features: int
    normalization: Callable[[nn.Module, Array], Array]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", initializer(normal(CONDITION_DEVIATION)), (x.shape[-1], self.features))
        return x @ self.normalization(self, kernel)


class SwitchableNorm(nn.Module):
    """Normalises activations by a learnt mixture of layer, batch and instance moments, then scales and shifts them."""

    momentum: float
    epsilon: float
    training: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        instance = instance_moments(x)
        batch = pool_moments(instance, range(x.ndim - 1), keepdims=False) if self.training else None
        kinds = [pool_moments(instance, [x.ndim - 1]), running_moments(self, self.momentum, x.shape[-1], batch)]
        if x.ndim > 2:
            kinds.append(instance)
        mixed = FeatureMoments(
            self._mixture("mean_weights", [kind.mean for kind in kinds]),
            self._mixture("variance_weights", [kind.variance for kind in kinds]),
        )
        return normalize(x, mixed, self.epsilon, *scale_and_bias(self, x.shape[-1]))

    def _mixture(self, name: str, values: list[Array]) -> Array:
        weights = jax.nn.softmax(self.param(name, initializer(constant(1.0)), (len(values),)))
        return sum((weight * value for weight, value in zip(weights, values, strict=True)), jnp.zeros(()))


class VirtualBatchNorm(nn.Module):
    """Normalises each example by the moments of the reference batch and itself together, then scales and shifts it.

    x: the reference batch, its first `reference` examples, then the examples.
    """

    epsilon: float
    reference: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        affine = scale_and_bias(self, x.shape[-1])
        reference_batch, examples = x[: self.reference], x[self.reference :]
        reference = feature_moments(reference_batch, range(x.ndim - 1), keepdims=False)
        own = instance_moments(examples)
        weight = 1.0 / (self.reference + 1)
        joint = FeatureMoments(
            (1.0 - weight) * reference.mean + weight * own.mean,
            (1.0 - weight) * reference.variance
            + weight * own.variance
            + weight * (1.0 - weight) * (reference.mean - own.mean) ** 2,
        )
        return jnp.concatenate(
            [
                normalize(reference_batch, reference, self.epsilon, *affine),
                normalize(examples, joint, self.epsilon, *affine),
            ]
        )


def _batch_moments(module, x: Array) -> FeatureMoments:
    """Returns moments over all axes but the last: of the batch in training, their running averages in sampling."""
    batch = feature_moments(x, range(x.ndim - 1), keepdims=False) if module.training else None
    return running_moments(module, module.momentum, x.shape[-1], batch)


def batch_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, moments over all axes of the batch but the last.

    Reference: Ioffe and Szegedy 2015, algorithm 1.
    """
    return BatchNorm(context.momentum, context.epsilon, context.training, name=name)


def conditional_batch_norm(
    context: NormContext, name: str, kernel=lambda layer, kernel: kernel
) -> Callable[[Array], Array]:
    """(1 + W_s c) (x - mean) / sqrt(variance + epsilon) + W_b c, c the context's condition, moments as `batch_norm`.

    The kernels W_s (in "scale") and W_b (in "bias") have no bias and start near 0, so a network starts close
    to one with plain batch norm. The function `kernel` normalises both.

    Raises ValueError if the context has no condition.

    Reference: de Vries et al. 2017 (arXiv:1707.00683), section 3; Dumoulin et al. 2017 (arXiv:1610.07629),
    equation 5, for one-hot c; linear in c as in Brock et al. 2019.
    """
    condition = context.condition
    if condition is None:
        raise ValueError(f"conditional_batch_norm {name!r}: the context has no condition")
    module = ConditionalBatchNorm(context.momentum, context.epsilon, context.training, kernel, name=name)
    return lambda x: module(x, condition)


def switchable_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - sum_k w_k mean_k) / sqrt(sum_k w'_k variance_k + epsilon) + bias, k = layer, batch, instance.

    The weights w and w' are softmaxes of three parameters each, equal at the start. In sampling the batch moments are
    running averages, as in `batch_norm`. Flat vectors have no instance moments and mix only the other two, as in the
    authors' code.

    Reference: Luo et al. 2019 (arXiv:1806.10779), equations 3 to 5.
    """
    return SwitchableNorm(context.momentum, context.epsilon, context.training, name=name)


def virtual_batch_norm(context: NormContext, name: str) -> Callable[[Array], Array]:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, with moments of a fixed reference batch and of the
    example itself.

    The first n = context.reference examples of a batch are the reference, which is normalised by its own moments. An
    example enters its moments with weight 1 / (n + 1), by its mean and variance over pixels. It does not depend on the
    other examples, and is normalised alike in training and in sampling. `WithReference` puts the reference into the
    batch.

    Raises ValueError if the context has no reference.

    Reference: Salimans et al. 2016 (arXiv:1606.03498), section 3.4.
    """
    if context.reference < 1:
        raise ValueError(f"virtual_batch_norm {name!r}: the context has no reference")
    return VirtualBatchNorm(context.epsilon, context.reference, name=name)
