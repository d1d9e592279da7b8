from collections.abc import Callable
from typing import NamedTuple

import jax


class Encoder(NamedTuple):
    """A deterministic function from images to features, the features of an image not depending on its batch."""

    name: str  # key in ENCODERS
    dimension: int
    weights: str  # sha256 of the weights file, "none" if there is none
    preprocessing: str  # in words, part of the protocol
    encode: Callable[[jax.Array], jax.Array]  # float32 [n, height, width, channels] in [0, 1] -> float32 [n, dimension]


PREPROCESSING = "float32 in [0, 1], real images as uint8 / 255, generated images not quantised, no resize"


def shape_text(image_shape: tuple[int, ...]) -> str:
    """Returns (8, 8, 1) as "8x8x1"."""
    return "x".join(str(size) for size in image_shape)
