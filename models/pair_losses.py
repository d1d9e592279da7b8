"""Pair losses: differences of a completed image and the true one, added to the generator's loss.

PAIR_LOSSES are functions (output, real, output_maps, real_maps) -> scalar, not yet weighted.

output, real: images [batch, height, width, channels] in [0, 1], image i of one beside image i of the other.
output_maps, real_maps: the activations [batch, h, w, c] of a fixed network for both, one array per layer; losses that
  do not use them ignore them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array

from ganscape.models.fields import members
from ganscape.models.forward import Completion

if TYPE_CHECKING:
    from ganscape.models.config import Config

ImageShape = tuple[int, int, int]
Maps = tuple[Array, ...]


def no_pair_loss(output: Array, real: Array, output_maps: Maps, real_maps: Maps) -> Array:
    """Returns 0."""
    return jnp.zeros(())


def l1(output: Array, real: Array, output_maps: Maps, real_maps: Maps) -> Array:
    """Returns the mean absolute difference of the pixels.

    Reference: Isola et al. 2017 (arXiv:1611.07004), equation 3, as a mean.
    """
    return jnp.mean(jnp.abs(output - real))


def perceptual(output: Array, real: Array, output_maps: Maps, real_maps: Maps) -> Array:
    """Returns the mean squared difference of the activations, summed over layers.

    Reference: Johnson et al. 2016 (arXiv:1603.08155), equation 2, of all layers in place of one.
    """
    return sum((jnp.mean((one - other) ** 2) for one, other in zip(output_maps, real_maps, strict=True)), jnp.zeros(()))


def style_difference(output: Array, real: Array, output_maps: Maps, real_maps: Maps) -> Array:
    """Returns the squared Frobenius distance of the Gram matrices of the activations, mean over the batch, summed over
    layers.

    Reference: Johnson et al. 2016 (arXiv:1603.08155), equation 4.
    """

    def distance(one, other):
        return jnp.mean(jnp.sum((gram(one) - gram(other)) ** 2, axis=(1, 2)))

    return sum((distance(one, other) for one, other in zip(output_maps, real_maps, strict=True)), jnp.zeros(()))


def gram(activations: Array) -> Array:
    """Returns the Gram matrices [batch, c, c] of activations [batch, h, w, c]: means over pixels and channels of the
    products of two channels.

    Reference: Johnson et al. 2016 (arXiv:1603.08155), equation 3.
    """
    batch, height, width, channels = activations.shape
    rows = activations.reshape(batch, height * width, channels)
    return jnp.einsum("bpi,bpj->bij", rows, rows, precision="highest") / (height * width * channels)


PAIR_LOSSES = {"none": no_pair_loss, "l1": l1, "perceptual": perceptual, "style": style_difference}


def _maps_of(module: str) -> Callable[[ImageShape], Callable[[Array], Maps]]:
    """Returns the function of a module in metrics.encoders that returns, for images of a shape, a function from images
    to maps. The encoders are imported when one is used: most configs use none."""

    def maps_for(image_shape: ImageShape) -> Callable[[Array], Maps]:
        from ganscape.metrics.encoders import feature_maps

        return feature_maps.FEATURE_MAPS[module](image_shape)

    return maps_for


# Networks whose activations perceptual and style losses compare: image_shape -> (images in [0, 1] -> maps).
PERCEPTUAL_ENCODERS = {name: _maps_of(name) for name in ("random_conv", "digits", "mnist", "mnist16", "lite0")}


def pair_loss(config: "Config", completion: Completion, real: Array) -> Array:
    """Returns the sum of the config's pair losses, each with its weight, as a mean over the networks' outputs."""
    maps_for: Callable[[Array], Maps] = lambda images: ()  # noqa: E731
    if config.perceptual_encoder is not None:
        _, height, width, channels = real.shape
        maps_for = PERCEPTUAL_ENCODERS[config.perceptual_encoder]((height, width, channels))
    real_maps, total = maps_for(real), jnp.zeros(())
    for output in completion.outputs:
        output_maps = maps_for(output)
        for name in members(config.pair_loss):
            weight = getattr(config, f"{name}_weight")
            total = total + weight * PAIR_LOSSES[name](output, real, output_maps, real_maps)
    return total / len(completion.outputs)
