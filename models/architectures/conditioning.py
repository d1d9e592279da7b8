"""How the class of an image enters a discriminator. It enters the generator as a one-hot vector beside z
(Mirza and Osindero 2014), or through its normalizations where they are conditional."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.layers import Embedding


class Conditioning(NamedTuple):
    """Where the class enters a discriminator; classes are one-hot, float32 [batch, classes].

    images: (images [batch, h, w, c], classes) -> the images that the network is given.
    logits: (features [batch, f], classes, draw, normalization) -> what is added to the logits, [batch].
    """

    images: Callable
    logits: Callable


def as_they_are(images: Array, classes: Array | None) -> Array:
    """The images alone."""
    return images


def nothing(features: Array, classes: Array | None, draw, normalization) -> Array | float:
    """0: the logits do not depend on the class but through the images."""
    return 0.0


def planes(images: Array, classes: Array) -> Array:
    """The images with one channel more per class: 1 everywhere for the image's own, 0 for the others."""
    batch, height, width, _ = images.shape
    beside = jnp.broadcast_to(classes[:, None, None, :], (batch, height, width, classes.shape[1]))
    return jnp.concatenate([images, beside], axis=-1)


def inner_product(features: Array, classes: Array, draw, normalization) -> Array:
    """The inner product of the features with an embedding of the class."""
    embedded = Embedding(features.shape[-1], draw, normalization)(classes)
    return jnp.sum(embedded * features, axis=-1)


# concatenation: Mirza and Osindero 2014; projection: Miyato and Koyama 2018, equation 3.
CONDITIONINGS = {
    "none": Conditioning(as_they_are, nothing),
    "concatenation": Conditioning(planes, nothing),
    "projection": Conditioning(as_they_are, inner_product),
}
