"""Signs that a generator copies its training images: both compare with the train split, not the test split.

Authenticity, Alaa et al. 2022, https://arxiv.org/abs/2102.08921: a generated sample is authentic if it is farther from
the training sample that is nearest to it than that one is from the nearest other training sample.

C_T, Meehan, Chaudhuri and Dasgupta 2020, https://arxiv.org/abs/2004.05675: within each cell of the space, the rank test
of Mann and Whitney says whether generated samples are nearer to training samples than test samples are. The average of
its z values, weighted by the test samples of each cell, is far below 0 for a copy, and far above 0 for a generator that
is far from the data.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from ganscape.metrics.blas import one_blas_thread
from ganscape.metrics.errors import MetricError
from ganscape.metrics.moments import Floats, as_features

CELLS = 5
LEAST_IN_CELL = 20  # generated samples in a cell that counts, as in the authors' experiments


class DataCopying(NamedTuple):
    """The statistic, and how many of the cells and what share of the test samples it is from."""

    value: float
    cells: int
    share: float


def authenticity(train: ArrayLike, fake: ArrayLike) -> float:
    """Returns the share of fake features [m, d] that are authentic against train features [n, d], in [0, 1].

    About 1/2 for samples of the same distribution, near 0 for copies. Raises MetricError for fewer than 2 train
    features, no fake ones, different dimensions, and features that are not finite.
    """
    real, made = _alike(train, fake)
    if len(real) < 2:
        raise MetricError(f"authenticity needs at least 2 training samples, not {len(real)}")
    positions, distances = _nearest(real, made, 1)
    chosen, places = np.unique(positions[:, 0], return_inverse=True)
    _, own = _nearest(real, real[chosen], 2)  # the nearest is the sample itself, at distance 0
    return float(np.mean(distances[:, 0] > own[places, 1]))


def data_copying(train: ArrayLike, test: ArrayLike, fake: ArrayLike, cells: int = CELLS, seed: int = 0) -> DataCopying:
    """Returns C_T of train [n, d], test [k, d] and fake [m, d] features, in cells of k-means of the train features.

    Cells with fewer than LEAST_IN_CELL fake features, or without test features, do not count.

    Raises MetricError if no cell counts, for fewer train features than cells, different dimensions, and features that
    are not finite.
    """
    from sklearn.cluster import KMeans

    real, made = _alike(train, fake)
    _, held_out = _alike(train, test)
    if len(real) < cells:
        raise MetricError(f"{cells} cells need as many training samples, not {len(real)}")
    with one_blas_thread(), threadpool_limits(1, user_api="openmp"):
        clusters = KMeans(cells, n_init=1, random_state=seed).fit(real)
        in_cell = [clusters.predict(part) for part in (real, held_out, made)]
    values, weights = [], []
    for cell in range(cells):
        known, tested, generated = (
            part[own == cell] for part, own in zip((real, held_out, made), in_cell, strict=True)
        )
        if len(known) and len(tested) and len(generated) >= LEAST_IN_CELL:
            values.append(rank_z(*(_nearest(known, part, 1)[1][:, 0] for part in (generated, tested))))
            weights.append(len(tested))
    if not values:
        raise MetricError(f"no cell has {LEAST_IN_CELL} generated samples and a test sample; take fewer cells")
    return DataCopying(float(np.average(values, weights=weights)), len(values), sum(weights) / len(held_out))


def rank_z(a: Floats, b: Floats) -> float:
    """Returns the z value of the Mann-Whitney test: negative where values of a [n] are lower than those of b [m].

    (U - nm / 2) / sqrt(nm (n + m + 1) / 12), where U counts the pairs with a > b, ties for one half.
    """
    from scipy.stats import rankdata

    n, m = len(a), len(b)
    wins = rankdata(np.concatenate([a, b]))[:n].sum() - n * (n + 1) / 2
    return float((wins - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def _alike(train: ArrayLike, other: ArrayLike) -> tuple[Floats, Floats]:
    real, made = as_features(train), as_features(other)
    if real.shape[1] != made.shape[1]:
        raise MetricError(f"features have {made.shape[1]} dimensions, the training samples {real.shape[1]}")
    if not len(made):
        raise MetricError("no samples to compare with the training samples")
    return real, made


def _nearest(known: Floats, points: Floats, count: int) -> tuple[np.ndarray, Floats]:
    """Returns the positions [m, count] of the nearest known samples [n, d] of points [m, d], and their distances."""
    from sklearn.neighbors import NearestNeighbors

    with one_blas_thread(), threadpool_limits(1, user_api="openmp"):
        distances, positions = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(known).kneighbors(points)
    return positions, distances
