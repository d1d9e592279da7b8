"""Encoder: a function from images to features, with the identity of its weights and preprocessing."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from ganscape.metrics.errors import MetricError


class Encoder(NamedTuple):
    """A deterministic function from images to features; the features of an image do not depend on its batch.

    For `jax.jit` use `apply`, which takes the weights as an argument: a compiled `encode` would hold a copy of them,
    95 MB for Inception.
    """

    name: str  # key in ENCODERS
    dimension: int
    weights: str  # sha256 of the weights, "none" if there are none
    preprocessing: str  # in words, part of the protocol
    parameters: Any  # a tree of arrays, () if there are none
    apply: Callable[[Any, jax.Array], jax.Array]  # (parameters, images) -> features; one object for equal encoders

    def encode(self, images: jax.Array) -> jax.Array:
        """Returns float32 [n, dimension] of images float32 [n, height, width, channels] in [0, 1]."""
        return self.apply(self.parameters, images)


UNRESIZED = "float32 in [0, 1], real images as uint8 / 255, generated images not quantised"
PREPROCESSING = f"{UNRESIZED}, no resize"


def shape_text(image_shape: tuple[int, ...]) -> str:
    """Returns a shape as text, such as "8x8x1"."""
    return "x".join(str(size) for size in image_shape)


def require_gray_or_colour(name: str, image_shape: tuple[int, ...]) -> None:
    """Raises MetricError if images are not height x width x 1 or 3."""
    if len(image_shape) != 3 or min(image_shape) < 1 or image_shape[2] not in (1, 3):
        actual = shape_text(image_shape) or "()"
        raise MetricError(f"encoder {name!r} takes images of any height and width with 1 or 3 channels, not {actual}")
