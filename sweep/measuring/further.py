"""Further metrics of a sweep: they score the samples that the selecting metric scores, and select nothing."""

import logging
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ganscape.metrics import MetricError, find_metric, make_encoder
from ganscape.metrics.encoders import Encoder

logger = logging.getLogger(__name__)


class FurtherMetric(NamedTuple):
    """A metric that scores the samples too, and selects nothing.

    encoder: which of [the evaluator's encoder, *its further encoders] has its features. reference: as `Metric.compare`
    takes it.
    """

    name: str
    encoder: int
    compare: Callable[..., float]
    reference: Any


def prepare_further(
    metrics: Sequence[str],
    encoder: str,
    features: np.ndarray,
    images: np.ndarray,
    encode: Callable[[Encoder, np.ndarray], np.ndarray],
) -> tuple[tuple[FurtherMetric, ...], tuple[Encoder, ...], tuple[Any, ...]]:
    """Returns the further metrics, their encoders besides the one called `encoder`, and the parameters of these.

    features: those of the reference images by `encoder`. Each encoder encodes the images once, whatever needs it.
    """
    encoded, encoders, further = {encoder: features}, [], []
    for name in metrics:
        metric = find_metric(name)
        if metric.encoder not in encoded:
            encoders.append(make_encoder(name, images.shape[1:]))
            encoded[metric.encoder] = encode(encoders[-1], images)
        index = list(encoded).index(metric.encoder)
        further.append(FurtherMetric(name, index, metric.compare, metric.summarise(encoded[metric.encoder])))
    return tuple(further), tuple(encoders), tuple(jax.device_put(each.parameters) for each in encoders)


def score_further(metrics: Sequence[FurtherMetric], features: Sequence[np.ndarray]) -> tuple[tuple[str, float], ...]:
    """Returns (name, score) of one member's samples by each metric that has a finite score of them. Of the others the
    log says why they have none: the trial has its score all the same.

    features: [samples, dimension] by the evaluator's encoder, then by each of the further encoders.
    """
    scores = []
    for metric in metrics:
        try:
            value = metric.compare(metric.reference, np.asarray(features[metric.encoder]))
        except MetricError as error:
            logger.warning("no %s of a trial: %s", metric.name, error)
            continue
        if math.isfinite(value):
            scores.append((metric.name, value))
        else:
            logger.warning("no %s of a trial: it is %s", metric.name, value)
    return tuple(scores)
