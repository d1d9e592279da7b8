"""The Monge inception distance: the squared Wasserstein distance of projections of the features, averaged.

    MIND = 3 d  mean over unit vectors u of  W2(u . real, u . fake)^2

Arxiv 2605.06797 (2026), as in torch-fidelity: directions drawn evenly, 1,000 of them, d the number of features. In one
dimension the distance couples quantiles, that is, sorted samples. Unlike a Frechet distance it sees more than means and
covariances, and needs no covariance. It is too large for few samples, as a Frechet distance is. Other code takes as
many samples of both sets; here all of both count, which is the same for equal numbers. The directions are fixed, so a
score is a function of the features.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ganscape.metrics.blas import one_blas_thread
from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features

DIRECTIONS, SEED = 1_000, 0
PER_DIMENSION = 3
ENTRIES = 2**21  # numbers in a matrix


class Projections(NamedTuple):
    """Sorted projections of features on unit vectors."""

    values: Floats  # [n, directions], each column rising
    dimension: int


def reference(features: ArrayLike) -> Projections:
    """Returns the sorted projections of features [n, d].

    Raises MetricError for no samples, or features that are not finite.
    """
    array = as_features(features)
    if not len(array):
        raise MetricError("a distance of projections needs at least 1 sample")
    with one_blas_thread():
        values = array @ draw_directions(array.shape[1])
    values.sort(axis=0)
    return Projections(values, array.shape[1])


def draw_directions(dimension: int) -> Floats:
    """Returns the unit vectors, [dimension, DIRECTIONS]."""
    drawn = np.random.RandomState(SEED).standard_normal((dimension, DIRECTIONS))
    return drawn / np.linalg.norm(drawn, axis=0)


def mind(real: Projections, fake: ArrayLike) -> float:
    """Returns the distance between a reference and features [m, d].

    Raises MetricError for no samples, other dimensions, or features that are not finite.
    """
    other = reference(fake)
    if other.dimension != real.dimension:
        raise MetricError(f"features have {other.dimension} dimensions, the reference {real.dimension}")
    return PER_DIMENSION * real.dimension * float(squared_distances(real.values, other.values).mean())


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Returns the squared Wasserstein distances [k] between the sorted columns of a [n, k] and of b [m, k].

    Where n and m differ, each value weighs 1 / n or 1 / m, and parts of the weights are matched in order.
    """
    n, m = len(a), len(b)
    cuts = np.union1d(np.arange(n) * m, np.arange(m) * n)  # in units of 1 / nm
    weights = np.diff(np.append(cuts, n * m)) / (n * m)
    total = np.zeros(a.shape[1])
    step = max(1, ENTRIES // a.shape[1])
    for start in range(0, len(cuts), step):
        at = cuts[start : start + step]
        total += weights[start : start + step] @ np.square(a[at // m] - b[at // n])
    return total
