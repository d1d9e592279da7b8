"""An untrained encoder: four convolutions with fixed random weights, averaged over the image.

It needs no weights from outside and accepts any images, so its distances can check those by a trained encoder. Random
convolutions respond to edges and textures, not to classes.
"""

from functools import cache

import jax
import numpy as np

from ganscape.metrics.encoders.encoder import PREPROCESSING, Encoder, require_gray_or_colour
from ganscape.metrics.encoders.layers import convolve, in_batches
from ganscape.metrics.encoders.weight_files import fingerprint

SEED = 20151205
CHANNELS = (32, 64, 128, 128)
BATCH = 256


def encoder(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder for images of any size with 1 or 3 channels: 128 features.

    Raises MetricError for another image shape.
    """
    require_gray_or_colour("random_conv", image_shape)
    channels = image_shape[2]
    named = {f"{number}": kernel for number, kernel in enumerate(kernels(channels))}
    words = f"{PREPROCESSING}, 2 x - 1"
    return Encoder("random_conv", CHANNELS[-1], fingerprint(named), words, kernels(channels), _apply)


@cache
def kernels(channels: int, seed: int = SEED) -> tuple[np.ndarray, ...]:
    """Returns normal kernels [3, 3, in, out] of variance 2 / fan_in (He et al. 2015), for images of these channels."""
    rng = np.random.default_rng((seed, channels))
    layers = []
    for inputs, outputs in zip((channels, *CHANNELS), CHANNELS, strict=False):
        deviation = np.sqrt(2 / (9 * inputs))
        layers.append(rng.normal(0, deviation, (3, 3, inputs, outputs)).astype(np.float32))
    return tuple(layers)


def features(kernels: tuple[np.ndarray, ...], images: jax.Array) -> jax.Array:
    """Returns the features [n, 128] of images [n, height, width, channels] in [-1, 1]: every layer halves the sides."""
    return feature_maps(kernels, images)[-1].mean(axis=(1, 2))


def feature_maps(kernels: tuple[np.ndarray, ...], images: jax.Array) -> tuple[jax.Array, ...]:
    """Returns the activations [n, h, w, channels] after each layer, for images as `features` takes them."""
    maps = [images]
    for kernel in kernels:
        maps.append(jax.nn.leaky_relu(convolve(maps[-1], kernel, stride=2), 0.2))
    return tuple(maps[1:])


def _apply(kernels: tuple[np.ndarray, ...], images: jax.Array) -> jax.Array:
    return in_batches(lambda batch: features(kernels, 2 * batch - 1), BATCH)(images)
