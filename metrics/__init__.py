"""Images or features -> numbers, in three steps that can each be called alone: encode, summarise, compare.

    metric = METRICS["fd_digits"]
    encoder = encoder_of("fd_digits", (8, 8, 1))
    reference = metric.summarise(encoder.encode(real))          # once per data set
    value = metric.compare(reference, encoder.encode(fake))     # once per evaluation, a float, lower is better

Importing this package does not import jax; `metrics.encoders` does.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from metrics import frechet
from metrics.errors import MetricError
from metrics.protocol import Protocol

if TYPE_CHECKING:
    from metrics.encoders import Encoder

__all__ = ["METRICS", "Metric", "MetricError", "Protocol", "check_samples", "encoder_of", "metric_named"]


class Metric(NamedTuple):
    """How a score is computed. Lower is better."""

    encoder: str  # name in metrics.encoders.ENCODERS
    summarise: Callable[..., Any]  # features of real images [n, d] -> reference
    compare: Callable[..., float]  # (reference, features of generated images [m, d]) -> score
    minimum_samples: int  # of real and of generated images
    summary: str  # one line


def _frechet(encoder: str, summary: str) -> Metric:
    return Metric(encoder, frechet.reference_of_features, frechet.distance, 2, summary)


def metric_named(name: str) -> Metric:
    """Returns METRICS[name]. Raises MetricError listing the choices."""
    if name not in METRICS:
        raise MetricError(f"unknown metric {name!r}; one of: {', '.join(sorted(METRICS))}")
    return METRICS[name]


def encoder_of(metric: str, image_shape: tuple[int, int, int]) -> "Encoder":
    """Returns the encoder that a metric uses on images of the given (height, width, channels).

    Raises MetricError, listing the choices, if there is no such metric or its encoder does not take such images.
    """
    from metrics.encoders import ENCODERS

    return ENCODERS[metric_named(metric).encoder](image_shape)


def check_samples(metric: str, samples: int) -> None:
    """Raises MetricError if a metric cannot be computed from that many images, real or generated.

    A Frechet distance needs 2. Fewer samples than feature dimensions are allowed: the distance is then computed from
    the samples themselves and is exact for them, though far from its limit for many samples.
    """
    minimum = metric_named(metric).minimum_samples
    if samples < minimum:
        raise MetricError(f"{metric} needs at least {minimum} samples, not {samples}")


METRICS: dict[str, Metric] = {
    "fd_pixels": _frechet("pixels", "Frechet distance of the pixels in [0, 1], any image shape"),
    "fd_digits": _frechet("digits", "Frechet distance of 64 features of a classifier of 8x8 digits"),
    "fd_mnist": _frechet("mnist", "Frechet distance of 128 features of a classifier of MNIST"),
}
