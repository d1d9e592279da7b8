"""Encoders: images -> features. A distance between features means something only together with its encoder."""

from collections.abc import Callable

from metrics.encoders import classifier, pixels
from metrics.encoders.encoder import Encoder

__all__ = ["ENCODERS", "Encoder"]

ENCODERS: dict[str, Callable[[tuple[int, int, int]], Encoder]] = {
    "pixels": pixels.encoder,
    "digits": classifier.digits,
    "mnist": classifier.mnist,
}
