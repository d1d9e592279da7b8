"""The activations inside encoders: what perceptual and style losses of images compare (Johnson et al. 2016).

FEATURE_MAPS are functions image_shape -> a function from images, float32 [n, height, width, channels] in [0, 1], to
their activations, one float32 array [n, h, w, c] per layer, the first layer first. All are differentiable.
"""

from collections.abc import Callable
from functools import cache, partial

import jax

from ganscape.metrics.encoders import classifier, lite0, random_conv

Maps = Callable[[jax.Array], tuple[jax.Array, ...]]


@cache
def random_conv_maps(image_shape: tuple[int, int, int]) -> Maps:
    """Returns the maps after each of the four random convolutions. Raises MetricError as the encoder does."""
    kernels = random_conv.encoder(image_shape).parameters
    return lambda images: random_conv.feature_maps(kernels, 2 * images - 1)


@cache
def classifier_maps(name: str, image_shape: tuple[int, int, int]) -> Maps:
    """Returns the maps after both convolutions of a shipped classifier. Raises MetricError as the encoder does."""
    weights = getattr(classifier, name)(image_shape).parameters
    return partial(classifier.feature_maps, classifier.CLASSIFIERS[name], weights)


@cache
def lite0_maps(image_shape: tuple[int, int, int]) -> Maps:
    """Returns the maps of lite0 at a half, a quarter and an eighth of its 64x64 pixels: after its stem, its second and
    its third stage. Raises MetricError as the encoder does."""
    network = lite0.encoder(image_shape).parameters
    return lambda images: lite0.feature_maps(network, lite0.prepare(images))


FEATURE_MAPS: dict[str, Callable[[tuple[int, int, int]], Maps]] = {
    "random_conv": random_conv_maps,
    "digits": partial(classifier_maps, "digits"),
    "mnist": partial(classifier_maps, "mnist"),
    "mnist16": partial(classifier_maps, "mnist16"),
    "lite0": lite0_maps,
}
