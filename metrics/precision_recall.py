"""Precision, recall, density and coverage: how two sets of features overlap, by nearest-neighbour balls.

The ball of a sample reaches to its k-th nearest neighbour in its own set, the sample itself not counted.

    precision = share of generated samples in at least one real ball
    recall    = share of real samples in at least one generated ball
    density   = mean number of real balls that a generated sample lies in, divided by k; may exceed 1
    coverage  = share of real balls with at least one generated sample in them

Precision and recall: Kynkaanniemi et al. 2019, https://arxiv.org/abs/1904.06991, with k = 3. Density and coverage:
Naeem et al. 2020, https://arxiv.org/abs/2002.09797, with k = 5. A ball holds its boundary (<=), as in the first paper's
code, StyleGAN2-ADA and torch-fidelity; the second's code, prdc, leaves it out (<), which differs only where distances
tie, as among duplicates. Precision and recall grow with k and with the number of samples; for n real and m generated
samples of one distribution the expected density is 1, the expected coverage 1 - prod_{i=1..k} (n - i) / (n + m - i).

Membership is decided by the float64 sum of squared differences, so that duplicates are at distance 0 and equal
distances tie whatever the offset. A matrix product finds the distances first, with a bound on its error; only pairs
that the bound does not decide are computed again, so the result does not depend on the number of BLAS threads. No
matrix has more than ENTRIES numbers.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features

ENTRIES = 2**21


class Balls(NamedTuple):
    """Balls around samples, each up to the k-th nearest other sample."""

    centres: Floats  # [n, d]
    radii: Floats  # [n], squared
    k: int


def balls(features: ArrayLike, k: int) -> Balls:
    """Returns the balls of features [n, d] that reach to the k-th nearest other sample.

    Raises MetricError for fewer than k + 1 samples or features that are not finite.
    """
    array = as_features(features)
    if not 1 <= k < len(array):
        raise MetricError(f"the {k}-th neighbour needs at least {k + 1} samples, not {len(array)}")
    around = _around(array, array.mean(axis=0))
    radii = [_squared_radii(array, around, rows, k) for rows in _blocks(len(array), len(array))]
    return Balls(array, np.concatenate(radii), k)


def precision(real: Balls, fake: ArrayLike) -> float:
    """Returns the share of fake features [m, d] that lie in at least one real ball, in [0, 1].

    Raises MetricError for no samples, other dimensions, or features that are not finite.
    """
    array = _matching(real, fake)
    return sum(int(inside.any(axis=1).sum()) for inside in _inside(real, array)) / len(array)


def recall(real: Balls, fake: ArrayLike) -> float:
    """Returns the share of the real samples that lie in at least one ball of the fake features [m, d], in [0, 1].

    Raises MetricError for fewer than k + 1 samples, other dimensions, or features that are not finite.
    """
    return precision(balls(_matching(real, fake), real.k), real.centres)


def density(real: Balls, fake: ArrayLike) -> float:
    """Returns the mean number of real balls that a fake sample [m, d] lies in, divided by k: 0 up to n / k.

    Raises MetricError for no samples, other dimensions, or features that are not finite.
    """
    array = _matching(real, fake)
    return sum(int(inside.sum()) for inside in _inside(real, array)) / (real.k * len(array))


def coverage(real: Balls, fake: ArrayLike) -> float:
    """Returns the share of real balls that hold at least one of the fake features [m, d], in [0, 1].

    Raises MetricError for no samples, other dimensions, or features that are not finite.
    """
    covered = np.zeros(len(real.centres), bool)
    for inside in _inside(real, _matching(real, fake)):
        covered |= inside.any(axis=0)
    return float(covered.mean())


def _matching(real: Balls, fake: ArrayLike) -> Floats:
    """Returns fake as float64 [m, d]. Raises MetricError for no samples and other dimensions than the balls'."""
    array = as_features(fake)
    if array.shape[1] != real.centres.shape[1]:
        raise MetricError(f"features have {array.shape[1]} dimensions, the reference {real.centres.shape[1]}")
    if not len(array):
        raise MetricError("no generated samples to compare")
    return array


def _squared_radii(features: Floats, around: "_Around", rows: slice, k: int) -> Floats:
    """Returns the squared radii of the balls around these rows."""
    own = (np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop))
    low, high = _bounds(_Around(*(part[rows] for part in around)), around)
    low[own] = high[own] = np.inf
    limit = np.partition(high, k - 1, axis=1)[:, k - 1, None]
    near = low <= limit
    distances = np.full_like(low, np.inf)
    distances[near] = _squared_distances(features[rows], features, near)
    return np.partition(distances, k - 1, axis=1)[:, k - 1].copy()  # a view would keep the whole block


def _inside(real: Balls, points: Floats) -> Iterator[NDArray[np.bool_]]:
    """Yields, for one block of points after another, which balls each point lies in: bool [points, balls]."""
    centre = real.centres.mean(axis=0)
    around = _around(real.centres, centre)
    for rows in _blocks(len(points), len(real.centres)):
        low, high = _bounds(_around(points[rows], centre), around)
        inside = high <= real.radii
        unsure = (low <= real.radii) & ~inside
        distances = _squared_distances(points[rows], real.centres, unsure)
        inside[unsure] = distances <= real.radii[np.nonzero(unsure)[1]]
        yield inside


class _Around(NamedTuple):
    """Samples relative to a centre, with their squared norms."""

    arms: Floats  # [n, d]
    squares: Floats  # [n], their squared lengths


def _around(features: Floats, centre: Floats) -> _Around:
    arms = features - centre
    return _Around(arms, np.square(arms).sum(axis=1))


def _bounds(a: _Around, b: _Around) -> tuple[Floats, Floats]:
    """Returns bounds on the squared distances [len(a), len(b)], from |a|^2 + |b|^2 - 2 a.b about one centre.

    The product, the norms and the sum of squared differences each err by at most about d eps / 2 of |a|^2 + |b|^2, the
    subtraction of the centre by 2 eps; the bound leaves as much again.
    """
    error = (4 * a.arms.shape[1] + 32) * np.finfo(np.float64).eps
    norms = a.squares[:, None] + b.squares
    products = norms - 2 * (a.arms @ b.arms.T)
    norms *= error
    return products - norms, products + norms


def _squared_distances(a: Floats, b: Floats, pairs: NDArray[np.bool_]) -> Floats:
    """Returns the sums of squared differences of the chosen pairs, in their order in memory."""
    left, right = np.nonzero(pairs)
    step = max(1, ENTRIES // a.shape[1])
    parts = [slice(start, start + step) for start in range(0, len(left), step)]
    sums = [np.square(a[left[part]] - b[right[part]]).sum(axis=1) for part in parts]
    return np.concatenate([np.empty(0), *sums])


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, ENTRIES // columns)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
