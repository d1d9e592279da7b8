"""An encoder whose features are the pixels."""

import math

import jax

from ganscape.metrics.encoders.encoder import PREPROCESSING, Encoder, shape_text
from ganscape.metrics.errors import MetricError


def encoder(image_shape: tuple[int, int, int]) -> Encoder:
    """Returns the encoder whose features are the pixels in row order: dimension = height * width * channels.

    Raises MetricError if the shape is not three positive sizes.
    """
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise MetricError(f"encoder 'pixels' takes height x width x channels, not {shape_text(image_shape)!r}")
    return Encoder("pixels", math.prod(image_shape), "none", PREPROCESSING, (), flatten)


def flatten(parameters: tuple, images: jax.Array) -> jax.Array:
    """Returns images [n, height, width, channels] as rows [n, height * width * channels]."""
    return images.reshape(len(images), -1)
