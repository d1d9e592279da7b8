"""NORMALIZATIONS: normalizations of activations and of kernels, by name.

`per_example` has those that treat each example alone, `batch_dependent` those that depend on other examples, `kernels`
those of kernels.
"""

from collections.abc import Callable
from typing import NamedTuple

from jax import Array

from ganscape.models.normalizations.batch_dependent import (
    BatchNorm,
    batch_norm,
    conditional_batch_norm,
    switchable_norm,
    virtual_batch_norm,
)
from ganscape.models.normalizations.context import NormContext
from ganscape.models.normalizations.feature_moments import STATISTICS, reset_averages
from ganscape.models.normalizations.kernels import spectral_norm, weight_norm
from ganscape.models.normalizations.per_example import group_norm, instance_norm, layer_norm, pixel_norm

__all__ = ["AVERAGED", "NORMALIZATIONS", "STATISTICS", "BatchNorm", "NormContext", "Normalization", "reset_averages"]


class Normalization(NamedTuple):
    """A normalization of activations and of kernels; most change one and leave the other unchanged.

    activations: (context, name) -> the function that normalises activations [batch, ..., channels]; name is that of its
      Flax module.
    kernel: (layer, kernel [..., in, out]) -> the normalised kernel, which the layer uses in its forward pass.
    """

    activations: Callable[[NormContext, str], Callable[[Array], Array]]
    kernel: Callable


def keep_activations(context: NormContext, name: str) -> Callable[[Array], Array]:
    """Returns the identity: the activations are not normalised."""
    return lambda x: x


def keep_kernel(layer, kernel: Array) -> Array:
    """Returns the kernel unchanged."""
    return kernel


def conditional_with_spectral(context: NormContext, name: str) -> Callable[[Array], Array]:
    """Returns `conditional_batch_norm` with spectral normalization of its own two kernels."""
    return conditional_batch_norm(context, name, spectral_norm)


NORMALIZATIONS = {
    "none": Normalization(keep_activations, keep_kernel),
    "batch_norm": Normalization(batch_norm, keep_kernel),
    "batch_norm+spectral_norm": Normalization(batch_norm, spectral_norm),
    "conditional_batch_norm": Normalization(conditional_batch_norm, keep_kernel),
    "conditional_batch_norm+spectral_norm": Normalization(conditional_with_spectral, spectral_norm),
    "group_norm": Normalization(group_norm, keep_kernel),
    "instance_norm": Normalization(instance_norm, keep_kernel),
    "layer_norm": Normalization(layer_norm, keep_kernel),
    "pixel_norm": Normalization(pixel_norm, keep_kernel),
    "spectral_norm": Normalization(keep_activations, spectral_norm),
    "switchable_norm": Normalization(switchable_norm, keep_kernel),
    "virtual_batch_norm": Normalization(virtual_batch_norm, keep_kernel),
    "weight_norm": Normalization(keep_activations, weight_norm),
}
# Normalizations that use running averages over batches in sampling.
AVERAGED = (
    "batch_norm",
    "batch_norm+spectral_norm",
    "conditional_batch_norm",
    "conditional_batch_norm+spectral_norm",
    "switchable_norm",
)
