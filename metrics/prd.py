"""Precision-recall curves of two distributions over shared states.

For histograms p (real) and q (generated) and each slope l

    precision(l) = sum min(l p, q),   recall(l) = precision(l) / l

so at l = 1 both are 1 minus the total variation. Sajjadi et al. 2018, https://arxiv.org/abs/1806.00035. The states are
clusters of the features of both sets together. Matches the authors' code and compare_gan: MiniBatchKMeans with 20
clusters and n_init 10, slopes tan(angle) of 1,001 equally spaced angles in [1e-10, pi / 2 - 1e-10], the mean curve of
10 clusterings. scikit-learn's defaults for that k-means have changed since: published numbers come out to about 0.01.

A curve is summarised by its largest F_8, which emphasises recall, and its largest F_1/8, which emphasises precision.
The two ends of a curve only say which states a set has at all, where a single stray sample counts as much as many.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from ganscape.metrics.blas import one_blas_thread
from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features

CLUSTERS, RUNS, ANGLES = 20, 10, 1001
EPSILON = 1e-10  # of the first and last angle, and of the denominator of F


class Curve(NamedTuple):
    """A precision-recall curve, at slopes from 0 to infinity."""

    precision: Floats  # [angles], rising
    recall: Floats  # [angles], falling


def curve_of_histograms(real: ArrayLike, fake: ArrayLike, angles: int = ANGLES) -> Curve:
    """Returns the curve of two histograms [states] that each sum to 1."""
    p, q = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    slopes = np.tan(np.linspace(EPSILON, np.pi / 2 - EPSILON, angles))
    precision = np.minimum(slopes[:, None] * p, q).sum(axis=1)
    return Curve(np.clip(precision, 0, 1), np.clip(precision / slopes, 0, 1))


def curve(
    real: ArrayLike, fake: ArrayLike, *, clusters: int = CLUSTERS, runs: int = RUNS, angles: int = ANGLES
) -> Curve:
    """Returns the mean curve of `runs` clusterings of features, real [n, d] and fake [n, d]; run i has random state i.

    Raises MetricError for different numbers of samples, which would bias the clusters towards the larger set, fewer
    samples in all than clusters, different dimensions, or features that are not finite.
    """
    real, fake = reference(real, clusters), as_features(fake)
    check_counts(len(real), len(fake), real.shape[1])
    if real.shape != fake.shape:
        raise MetricError(f"features have {fake.shape[1]} dimensions, the reference {real.shape[1]}")
    both = np.concatenate([fake, real])
    curves = [curve_of_histograms(*_histograms(both, clusters, run), angles) for run in range(runs)]
    return Curve(*np.mean(curves, axis=0))


def reference(features: ArrayLike, clusters: int = CLUSTERS) -> Floats:
    """Returns features [n, d] as float64.

    Raises MetricError for fewer than half as many samples as clusters, or features that are not finite.
    """
    array = as_features(features)
    if 2 * len(array) < clusters:
        least = -(-clusters // 2)
        raise MetricError(f"{clusters} clusters need at least {least} samples of each set, not {len(array)}")
    return array


def check_counts(real: int, fake: int, dimension: int) -> None:
    """Raises MetricError unless there are as many generated as real samples."""
    if real != fake:
        raise MetricError(
            f"precision and recall curves need as many generated as real samples, not {fake:,} against {real:,}"
        )


def largest_f(curve: Curve, beta: float) -> float:
    """Returns the largest F_beta = (1 + beta^2) P R / (beta^2 P + R) of a curve, in [0, 1]."""
    precision, recall = curve
    return float(np.max((1 + beta**2) * precision * recall / (beta**2 * precision + recall + EPSILON)))


def largest_f_8(real: ArrayLike, fake: ArrayLike) -> float:
    """Returns the largest F_8 of the curve of features: mostly recall. Raises as `curve`."""
    return largest_f(curve(real, fake), 8)


def largest_f_1_8(real: ArrayLike, fake: ArrayLike) -> float:
    """Returns the largest F_1/8 of the curve of features: mostly precision. Raises as `curve`."""
    return largest_f(curve(real, fake), 1 / 8)


def _histograms(both: Floats, clusters: int, random_state: int) -> tuple[Floats, Floats]:
    """Returns the share of real samples, the second half, and of generated ones, the first half, in each cluster."""
    from sklearn.cluster import MiniBatchKMeans

    count = len(both) // 2
    with one_blas_thread(), threadpool_limits(1):  # of OpenMP too, and of libraries that scikit-learn has loaded
        labels = MiniBatchKMeans(clusters, n_init=10, random_state=random_state).fit(both).labels_
    fake, real = (np.bincount(part, minlength=clusters) / count for part in (labels[:count], labels[count:]))
    return real, fake
