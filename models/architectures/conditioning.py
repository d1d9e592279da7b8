"""How the class of an image enters the discriminator.

It enters the generator as a one-hot vector appended to z (Mirza and Osindero 2014), or through its normalizations if
they are conditional.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures.layers import Embedding


class Conditioning(NamedTuple):
    """How the class enters a discriminator: at its input, at its logits, or both.

    classes: one-hot float32 [batch, classes].
    images: (images [batch, h, w, c], classes) -> the input of the network.
    logits: (features [batch, f], classes, draw, normalization) -> a term that is added to the logits, [batch].
    """

    images: Callable
    logits: Callable


def keep_images(images: Array, classes: Array | None) -> Array:
    """Returns the images unchanged."""
    return images


def no_class_logits(features: Array, classes: Array | None, draw, normalization) -> Array | float:
    """Returns 0: the logits depend on the class only through the input."""
    return 0.0


def append_class_planes(images: Array, classes: Array) -> Array:
    """Returns the images with one more channel per class: all ones for the image's own class, zeros for the others."""
    batch, height, width, _ = images.shape
    planes = jnp.broadcast_to(classes[:, None, None, :], (batch, height, width, classes.shape[1]))
    return jnp.concatenate([images, planes], axis=-1)


def project_on_class(features: Array, classes: Array, draw, normalization) -> Array:
    """Returns the inner product of the features with a learnt embedding of the class."""
    embedded = Embedding(features.shape[-1], draw, normalization)(classes)
    return jnp.sum(embedded * features, axis=-1)


# concatenation: Mirza and Osindero 2014; projection: Miyato and Koyama 2018, equation 3.
CONDITIONINGS = {
    "none": Conditioning(keep_images, no_class_logits),
    "concatenation": Conditioning(append_class_planes, no_class_logits),
    "projection": Conditioning(keep_images, project_on_class),
}
