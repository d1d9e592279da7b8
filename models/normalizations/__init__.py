"""Normalizations by name: of activations, placed where an architecture normalises, and of every kernel.

What normalises each example alone is in `examples`, what depends on others in `batches`, what divides
kernels in `kernels`.
"""

from collections.abc import Callable
from typing import NamedTuple

from jax import Array

from ganscape.models.normalizations.batches import (
    BatchNorm,
    batch_norm,
    conditional_batch_norm,
    switchable_norm,
    virtual_batch_norm,
)
from ganscape.models.normalizations.context import NormContext
from ganscape.models.normalizations.examples import group_norm, instance_norm, layer_norm, pixel_norm
from ganscape.models.normalizations.feature_moments import STATISTICS, reset_averages
from ganscape.models.normalizations.kernels import spectral_norm, weight_norm

__all__ = ["AVERAGED", "NORMALIZATIONS", "STATISTICS", "BatchNorm", "NormContext", "Normalization", "reset_averages"]


class Normalization(NamedTuple):
    """What a network does where it normalises.

    activations: (context, name) -> a function of activations [batch, ..., channels].
    kernel: (layer, kernel [..., in, out]) -> the kernel that the layer uses, at each forward pass.
    """

    activations: Callable[[NormContext, str], Callable[[Array], Array]]
    kernel: Callable


def untouched_activations(context: NormContext, name: str) -> Callable[[Array], Array]:
    """The activations as they are."""
    return lambda x: x


def untouched_kernel(layer, kernel: Array) -> Array:
    """The kernel as it is."""
    return kernel


def conditional_and_spectral(context: NormContext, name: str) -> Callable[[Array], Array]:
    """`conditional_batch_norm` whose own two kernels go through `spectral_norm` as well."""
    return conditional_batch_norm(context, name, spectral_norm)


NORMALIZATIONS = {
    "none": Normalization(untouched_activations, untouched_kernel),
    "batch_norm": Normalization(batch_norm, untouched_kernel),
    "batch_norm+spectral_norm": Normalization(batch_norm, spectral_norm),
    "conditional_batch_norm": Normalization(conditional_batch_norm, untouched_kernel),
    "conditional_batch_norm+spectral_norm": Normalization(conditional_and_spectral, spectral_norm),
    "group_norm": Normalization(group_norm, untouched_kernel),
    "instance_norm": Normalization(instance_norm, untouched_kernel),
    "layer_norm": Normalization(layer_norm, untouched_kernel),
    "pixel_norm": Normalization(pixel_norm, untouched_kernel),
    "spectral_norm": Normalization(untouched_activations, spectral_norm),
    "switchable_norm": Normalization(switchable_norm, untouched_kernel),
    "virtual_batch_norm": Normalization(virtual_batch_norm, untouched_kernel),
    "weight_norm": Normalization(untouched_activations, weight_norm),
}
# Those that keep running averages of batches' moments, which sampling uses.
AVERAGED = (
    "batch_norm",
    "batch_norm+spectral_norm",
    "conditional_batch_norm",
    "conditional_batch_norm+spectral_norm",
    "switchable_norm",
)
