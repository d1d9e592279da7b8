"""The Frechet distance between two sets of features, each summed up by its mean and covariance.

    FD = |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2))

the squared 2-Wasserstein distance of two Gaussians (Dowson & Landau 1982; for images Heusel et al. 2017,
https://arxiv.org/abs/1706.08500). Only features of the Inception graph of 2015-12-05 make it an "FID"; with any other
encoder it is called fd_<encoder>. Matches TF-GAN and TTUR (covariance with divisor n - 1) to about 1e-8 relative to
tr(S1) + tr(S2), without their additions: no eps on the diagonal, no complex square root.

The last trace needs no root of S1 S2: with any R such that S1 = R^T R it is the sum of the roots of the eigenvalues of
R S2 R^T, and with S2 = B^T B also the sum of the singular values of R B^T. The second form keeps all digits when there
are fewer samples than dimensions, where the first loses half of them on the eigenvalues that are zero.

Two scores compare only at equal numbers of samples: the expectation exceeds the distance of the distributions by a term
proportional to 1/n that depends on both spectra (Chong & Forsyth 2020, https://arxiv.org/abs/1911.07023).
`distance_at_infinity` extrapolates that term away, as far as it comes from the generated samples.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ganscape.metrics.blas import one_blas_thread
from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, Moments, as_features, centre, moments, require_two

SIZES = 15  # subsets that the distance at infinity is fitted to
ROUND_OFF = 1e-6  # of tr(S1) + tr(S2): how far below zero a distance may come out and still count as zero


class FrechetReference(NamedTuple):
    """The mean and a root of the covariance of real features; computed once per data set, as it is expensive."""

    mean: Floats  # [d]
    root: Floats  # [r, d], root^T root = covariance

    @property
    def dimension(self) -> int:
        return len(self.mean)


def reference(moments: Moments) -> FrechetReference:
    """Returns the reference for these moments.

    Raises MetricError for moments of fewer than 2 samples.
    """
    return reference_of_covariance(moments.mean, moments.covariance)


def reference_of_covariance(mean: Floats, covariance: Floats) -> FrechetReference:
    """Returns the reference for a mean [d] and a covariance [d, d]; its eigenvalues below 0 count as 0."""
    with one_blas_thread():
        eigenvalues, vectors = np.linalg.eigh(covariance)
    return FrechetReference(mean, np.sqrt(np.maximum(eigenvalues, 0))[:, None] * vectors.T)


def reference_of_features(features: ArrayLike) -> FrechetReference:
    """Returns the reference for features [n, d]: from their moments, or exactly from the features if n < d.

    Raises MetricError for fewer than 2 samples or features that are not finite.
    """
    array = as_features(features)
    if len(array) < array.shape[1]:
        return FrechetReference(*_mean_and_root(array))
    return reference(moments(array))


def frechet_distance(reference: FrechetReference, moments: Moments) -> float:
    """Returns the Frechet distance between a reference and moments, at least 0, in squared units of the features.

    Raises MetricError for other dimensions or fewer than 2 samples.
    """
    _require_dimension(reference, moments.dimension)
    covariance = moments.covariance
    with one_blas_thread():
        eigenvalues = np.linalg.eigvalsh(reference.root @ covariance @ reference.root.T)
        overlap = np.sqrt(np.maximum(eigenvalues, 0)).sum()
        return _combine(reference, moments.mean, np.trace(covariance), overlap)


def distance(reference: FrechetReference, features: ArrayLike) -> float:
    """Returns the Frechet distance between a reference and features [n, d], by the more exact of two formulas.

    For n >= d from the moments, for n < d from the singular values of an [r, n] matrix. Any n from 2 is allowed,
    but the covariance of n <= d samples is singular and the distance is biased upwards accordingly.

    Raises MetricError for fewer than 2 samples, other dimensions, or features that are not finite.
    """
    array = as_features(features)
    if len(array) >= array.shape[1]:
        return frechet_distance(reference, moments(array))
    _require_dimension(reference, array.shape[1])
    mean, root = _mean_and_root(array)
    with one_blas_thread():
        overlap = np.linalg.svd(reference.root @ root.T, compute_uv=False).sum()
        return _combine(reference, mean, np.square(root).sum(), overlap)


def frechet_distance_of_features(real: ArrayLike, fake: ArrayLike) -> float:
    """Returns the Frechet distance between real [n, d] and fake [m, d] features, symmetric in them but for rounding.

    Raises MetricError for fewer than 2 samples, different dimensions, or features that are not finite.
    """
    return distance(reference_of_features(real), fake)


def expected_bias(reference: FrechetReference, n: int, m: int) -> float:
    """Returns the expected distance between n and m samples of the same Gaussian, to first order in 1/n and 1/m.

    With eigenvalues l of its covariance: sum_i l_i (1/n + 1/m) + (1/(n-1) + 1/(m-1)) / 2 times
    sum_ij l_i l_j / (l_i + l_j) + sum_i l_i / 2. Each half is proportional to 1/n, so doubling the samples halves it.
    Features of images are not Gaussian; for those of MNIST the result is within a tenth.
    """
    eigenvalues = np.square(reference.root).sum(axis=1)
    eigenvalues = eigenvalues[eigenvalues > 0]
    pairs = np.multiply.outer(eigenvalues, eigenvalues) / np.add.outer(eigenvalues, eigenvalues)
    of_covariance = (pairs.sum() + eigenvalues.sum() / 2) / 2
    means = eigenvalues.sum() * (1 / n + 1 / m)
    return float(means + of_covariance * (1 / (n - 1) + 1 / (m - 1)))


def distance_at_infinity(reference: FrechetReference, features: ArrayLike, *, seed: int = 0) -> float:
    """Returns the distance extrapolated to infinitely many features, from random subsets of n [n, d]; may be negative.

    It is the intercept of the least-squares line through the distances of 15 subsets over 1 / size. Sizes are equally
    spaced from max(n / 10, 2 d) to n: with 50,000 samples from 5,000, as Chong & Forsyth 2020 and dgm-eval. The bias
    from the number of samples in the reference remains.

    Raises MetricError for fewer than 4 d or 30 samples, other dimensions, or features that are not finite.
    """
    array = as_features(features)
    count, dimension = array.shape
    check_extrapolation(len(reference.root), count, dimension)
    rng = np.random.default_rng(seed)
    sizes = np.linspace(max(count // 10, 2 * dimension), count, SIZES).astype(int)
    distances = [distance(reference, array[rng.choice(count, size, replace=False)]) for size in sizes]
    _, intercept = np.polyfit(1 / sizes, distances, 1)
    return float(intercept)


def check_extrapolation(real: int, count: int, dimension: int) -> None:
    """Raises MetricError for fewer than 4 d or 30 generated features."""
    least = max(2 * SIZES, 4 * dimension)
    if count < least:
        raise MetricError(f"an extrapolation in {dimension} dimensions needs at least {least} samples, not {count}")


def _mean_and_root(features: Floats) -> tuple[Floats, Floats]:
    """Returns the mean [d] of features [n, d] and a root [n, d] of their covariance."""
    require_two(len(features))
    mean, deviations = centre(features)
    return mean, deviations / np.sqrt(len(features) - 1)


def _combine(reference: FrechetReference, mean: Floats, trace: float, overlap: float) -> float:
    """Returns the distance; overlap: tr((S1 S2)^(1/2)). Raises ArithmeticError if it is negative beyond rounding."""
    gap = mean - reference.mean
    traces = np.square(reference.root).sum() + trace
    value = float(gap @ gap + traces - 2 * overlap)
    if not value >= -ROUND_OFF * traces:
        raise ArithmeticError(f"Frechet distance {value} with covariance traces of {traces}: not explained by rounding")
    return max(value, 0.0)


def _require_dimension(reference: FrechetReference, dimension: int) -> None:
    if reference.dimension != dimension:
        raise MetricError(f"features have {dimension} dimensions, the reference {reference.dimension}")
