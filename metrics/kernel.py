"""The kernel (Inception) distance: the squared maximum mean discrepancy of two sets of features.

    KID = mean k(x, x') over pairs x != x' + mean k(y, y') over pairs y != y' - 2 mean k(x, y)
    k(a, b) = (a.b / d + 1)^3

Binkowski et al. 2018, https://arxiv.org/abs/1801.01401; the kernel is scikit-learn's polynomial_kernel of degree 3 with
its defaults. The estimate is unbiased at every number of samples, so two scores compare also at different numbers; it
may be negative and is never clipped, as that would bias averages. Papers often print it times 1,000.

`kid` takes every pair of the two samples; `subset_kid` and `block_kid` are the estimates of other code, which take
fewer pairs and scatter more. All sums are float64, and no matrix has more than ENTRIES numbers.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ganscape.metrics.blas import one_blas_thread
from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features

ENTRIES = 2**22


class KernelReference(NamedTuple):
    """Real features with their mean kernel; computed once per data set, as its own pairs are a third of the work."""

    features: Floats  # [n, d]
    within: float  # mean kernel of two different samples


class KernelEstimate(NamedTuple):
    """A kernel distance estimated from parts of the samples."""

    value: float  # mean over the parts
    spread: float  # deviation of a part, or standard error of the mean: the function says which


def reference(features: ArrayLike) -> KernelReference:
    """Returns the reference for features [n, d].

    Raises MetricError for fewer than 2 samples or features that are not finite.
    """
    array = _at_least_two(features)
    return KernelReference(array, _mean_within(array))


def kid(reference: KernelReference, features: ArrayLike) -> float:
    """Returns the unbiased distance between a reference and features [m, d] from all pairs; it may be negative.

    Raises MetricError for fewer than 2 samples, other dimensions, or features that are not finite.
    """
    array = _at_least_two(features)
    if array.shape[1] != reference.features.shape[1]:
        raise MetricError(f"features have {array.shape[1]} dimensions, the reference {reference.features.shape[1]}")
    return reference.within + _mean_within(array) - 2 * _mean_between(reference.features, array)


def kid_of_features(real: ArrayLike, fake: ArrayLike) -> float:
    """Returns the unbiased distance between real [n, d] and fake [m, d] features from all pairs.

    Raises MetricError for fewer than 2 samples, different dimensions, or features that are not finite.
    """
    return kid(reference(real), fake)


def subset_kid(
    real: ArrayLike, fake: ArrayLike, *, subsets: int = 100, size: int = 1000, seed: int = 0
) -> KernelEstimate:
    """Returns the mean of the distances of random subsets, and their standard deviation (divisor `subsets`).

    Each subset draws `size` of real [n, d] and of fake [m, d] without replacement, as MMD-GAN's script, torch-fidelity
    and StyleGAN2-ADA do. The spread describes a single subset of that size. The subsets overlap: dividing it by
    sqrt(subsets) gives no standard error of the value; `block_kid` has one.

    Raises MetricError for fewer than `size` samples, a size below 2, or no subsets.
    """
    real, fake = as_features(real), as_features(fake)
    if subsets < 1:
        raise MetricError(f"a mean over subsets needs at least 1 of them, not {subsets}")
    if not 2 <= size <= min(len(real), len(fake)):
        raise MetricError(f"subsets of {size} samples cannot be drawn from {len(real)} real and {len(fake)} fake ones")
    rng = np.random.default_rng(seed)
    distances = [
        kid_of_features(*(part[rng.choice(len(part), size, replace=False)] for part in (real, fake)))
        for _ in range(subsets)
    ]
    return KernelEstimate(float(np.mean(distances)), float(np.std(distances)))


def block_kid(real: ArrayLike, fake: ArrayLike, *, largest: int = 1024) -> KernelEstimate:
    """Returns the mean of the distances of disjoint blocks, and the standard error of that mean (nan below 5 blocks).

    As compare_gan: the fewest blocks of at most `largest` samples, in the order given and of as equal sizes as can be,
    so the order must be random. It differs where compare_gan takes the number of real samples for that of the fake
    ones, which matters when the two differ, and in the divisor of the variance, here blocks - 1.

    Raises MetricError when a block would have fewer than 2 samples.
    """
    real, fake = as_features(real), as_features(fake)
    if largest < 2:
        raise MetricError(f"blocks need at least 2 samples, not {largest}")
    count = max(1, math.ceil(max(len(real), len(fake)) / largest))
    parts = zip(*(_near_equal_parts(part, count) for part in (real, fake)), strict=True)
    distances = [kid_of_features(*part) for part in parts]
    error = np.std(distances, ddof=1) / np.sqrt(count) if count >= 5 else np.nan
    return KernelEstimate(float(np.mean(distances)), float(error))


def _near_equal_parts(features: Floats, count: int) -> list[Floats]:
    """Returns `count` consecutive parts whose sizes differ by at most one, the smaller ones first."""
    size, larger = divmod(len(features), count)
    ends = np.cumsum([size] * (count - larger) + [size + 1] * larger)
    return np.split(features, ends[:-1])


def _at_least_two(features: ArrayLike) -> Floats:
    array = as_features(features)
    if len(array) < 2:
        raise MetricError(f"a kernel distance needs at least 2 samples, not {len(array)}")
    return array


def _kernel(a: Floats, b: Floats) -> Floats:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _mean_within(features: Floats) -> float:
    """Returns the mean kernel over pairs of different samples; each is computed once, as the kernel is symmetric."""
    count = len(features)
    with one_blas_thread():
        sums = [np.triu(_kernel(features[rows], features[rows.start :]), 1).sum() for rows in _blocks(count, count)]
    return math.fsum(sums) / (count * (count - 1) / 2)


def _mean_between(a: Floats, b: Floats) -> float:
    with one_blas_thread():
        return math.fsum(_kernel(a[rows], b).sum() for rows in _blocks(len(a), len(b))) / (len(a) * len(b))


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, ENTRIES // columns)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
