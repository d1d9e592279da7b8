"""The Inception score: how sure a classifier is of each image, and how many classes it sees in all.

    IS = exp( mean over x of KL( p(y|x) || p(y) ) ),   p(y) = mean over x of p(y|x),   1 <= IS <= number of classes

Salimans et al. 2016, https://arxiv.org/abs/1606.03498. Only the logits of the Inception graph of 2015-12-05 make it the
Inception score of the literature. It does not depend on real images.

Computed as the entropy of p(y) minus the mean entropy of p(y|x), from log-softmax in float64, so that a probability
which underflows counts as zero and gives no NaN.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features

ROWS = 4096  # logits turned into probabilities at a time


class InceptionScore(NamedTuple):
    mean: float  # over the splits
    deviation: float  # over the splits, divisor `splits`; no standard error of a score of all images


def inception_score(logits: ArrayLike, splits: int = 1) -> InceptionScore:
    """Returns the score of logits [n, classes], averaged over `splits` stretches [i n // splits, (i + 1) n // splits).

    One split as compare_gan and TF-GAN; 10 of 50,000 images as Salimans et al. and most papers. More splits give a
    lower score: a small stretch has a less even p(y). Images in order of their class must be shuffled before.

    Raises MetricError for logits that are not finite, or fewer images than splits.
    """
    array = as_features(logits)
    if not 1 <= splits <= len(array):
        raise MetricError(f"{splits} splits need as many images or more, not {len(array)}")
    bounds = [number * len(array) // splits for number in range(splits + 1)]
    scores = [_score(array[start:stop]) for start, stop in pairwise(bounds)]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def score_without_splits(reference: None, logits: ArrayLike) -> float:
    """Returns the score of logits [n, classes] without splits, at least 1. reference: the result of `no_reference`.

    Raises MetricError for no logits, or some that are not finite.
    """
    return inception_score(logits).mean


def no_reference(logits: ArrayLike) -> None:
    """Checks that there are logits of real images, on which the score does not depend. Raises MetricError if not."""
    if not len(as_features(logits)):
        raise MetricError("no real images to compare with")


def _score(logits: Floats) -> float:
    from scipy.special import entr, log_softmax

    total, entropy = np.zeros(logits.shape[1]), 0.0
    for start in range(0, len(logits), ROWS):
        logarithms = log_softmax(logits[start : start + ROWS], axis=1)
        probabilities = np.exp(logarithms)
        total += probabilities.sum(axis=0)
        entropy -= (probabilities * logarithms).sum()
    divergence = entr(total / len(logits)).sum() - entropy / len(logits)
    return math.exp(max(divergence, 0.0))
