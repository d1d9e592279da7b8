"""The kernel distance of CMMD: the squared maximum mean discrepancy of unit features with a Gaussian kernel.

    CMMD = 1000 (mean k(x, x') + mean k(y, y') - 2 mean k(x, y)),   k(a, b) = exp(-|a - b|^2 / (2 10^2))

Jayasumana et al. 2024, https://arxiv.org/abs/2401.09603, who take CLIP's features; here those of any encoder. As in the
authors' code features are divided by their lengths, the bandwidth is 10, and a sample is a pair with itself, so that
the distance is never negative and is too large for few samples. Features of length 0 stay 0.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ganscape.metrics.blas import one_blas_thread
from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features

BANDWIDTH, SCALE = 10.0, 1000.0
ENTRIES = 2**22  # numbers in a matrix


class GaussianReference(NamedTuple):
    """Real features of unit length, and the mean over their pairs of the kernel less 1."""

    features: Floats  # [n, d]
    within: float


def reference(features: ArrayLike) -> GaussianReference:
    """Returns the reference for features [n, d]. Raises MetricError for no samples, or some that are not finite."""
    array = _units(features)
    return GaussianReference(array, _mean(array, array))


def cmmd(reference: GaussianReference, features: ArrayLike) -> float:
    """Returns the distance between a reference and features [m, d], 0 at least.

    Raises MetricError for no samples, other dimensions, or features that are not finite.
    """
    array = _units(features)
    if array.shape[1] != reference.features.shape[1]:
        raise MetricError(f"features have {array.shape[1]} dimensions, the reference {reference.features.shape[1]}")
    return SCALE * (reference.within + _mean(array, array) - 2 * _mean(reference.features, array))


def _units(features: ArrayLike) -> Floats:
    array = as_features(features)
    if not len(array):
        raise MetricError("a kernel distance needs at least 1 sample")
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    return array / np.where(lengths > 0, lengths, 1)


def _mean(a: Floats, b: Floats) -> float:
    """Returns the mean of the kernel less 1 over all pairs. Kernels of unit features are within 2 % of 1: what is left
    has more digits than they have."""
    squares_a, squares_b = (np.square(part).sum(axis=1) for part in (a, b))
    step = max(1, ENTRIES // len(b))
    sums = []
    with one_blas_thread():
        for start in range(0, len(a), step):
            rows = slice(start, start + step)
            distances = squares_a[rows, None] + squares_b - 2 * (a[rows] @ b.T)
            sums.append(np.expm1(np.maximum(distances, 0) / (-2 * BANDWIDTH**2)).sum())
    return math.fsum(sums) / (len(a) * len(b))
