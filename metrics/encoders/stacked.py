"""Encoders of stacked MNIST: the classifier of MNIST on each colour alone.

The 1,000 logits are the logarithms of the probabilities of the modes, if the classifier is asked about each digit
alone: log p(red digit) + log p(green digit) + log p(blue digit), of mode 100 red + 10 green + blue.
"""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp

from ganscape.metrics.encoders import classifier
from ganscape.metrics.encoders.encoder import PREPROCESSING, Encoder, shape_text
from ganscape.metrics.errors import MetricError

COLOURS = 3


def encoder(digits: str, image_shape: tuple[int, int, int], *, of_logits: bool = False) -> Encoder:
    """Returns the encoder of stacked digits by the classifier of that name, "mnist" or "mnist16".

    Raises MetricError for images of another shape.
    """
    layout = classifier.CLASSIFIERS[digits]
    name = f"stacked_{digits}_logits" if of_logits else f"stacked_{digits}"
    expected = (*layout.image_shape[:2], COLOURS)
    if tuple(image_shape) != expected:
        accepted, actual = shape_text(expected), shape_text(image_shape)
        raise MetricError(f"encoder {name!r} takes images of {accepted}, not {actual}")
    dimension = layout.classes**COLOURS if of_logits else layout.features * COLOURS
    preprocessing = f"{PREPROCESSING}, each colour alone"
    weights = classifier.shipped_weights(digits)
    return Encoder(name, dimension, classifier.SHA256[digits], preprocessing, weights, _apply(digits, of_logits))


@cache
def _apply(digits: str, of_logits: bool) -> Callable[[classifier.Weights, jax.Array], jax.Array]:
    """Returns one and the same function per encoder, because JAX compiles for every new function."""
    return partial(_logits if of_logits else _features, classifier.CLASSIFIERS[digits])


def _features(layout: classifier.ClassifierLayout, weights: classifier.Weights, images: jax.Array) -> jax.Array:
    """Returns the features of red, green and blue side by side, [n, 3 * features]."""
    return classifier.features(layout, weights, _digits(images)).reshape(len(images), -1)


def _logits(layout: classifier.ClassifierLayout, weights: classifier.Weights, images: jax.Array) -> jax.Array:
    """Returns the logits [n, 1000] of the modes."""
    of_digits = jax.nn.log_softmax(classifier.logits(layout, weights, _digits(images)))
    red, green, blue = jnp.moveaxis(of_digits.reshape(len(images), COLOURS, -1), 1, 0)
    modes = red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]
    return modes.reshape(len(images), -1)


def _digits(images: jax.Array) -> jax.Array:
    """Returns the colours of images [n, height, width, 3] as images of their own, [3 n, height, width, 1]."""
    return jnp.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3], 1)
