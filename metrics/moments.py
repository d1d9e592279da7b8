"""Mean and covariance of features: computed in a stream, merged, saved.

Sums are float64 and of deviations from the mean, never E[xx] - E[x]E[x], so features with a large offset lose no
further digits.
"""

from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ganscape.metrics.blas import one_blas_thread
from ganscape.metrics.errors import MetricError

Floats = NDArray[np.float64]


class Moments(NamedTuple):
    """The mean and scatter matrix of `count` feature vectors of dimension d."""

    count: int  # type: ignore[assignment]  # hides tuple.count
    mean: Floats  # [d]
    scatter: Floats  # [d, d], sum of (x - mean)(x - mean)^T

    @property
    def dimension(self) -> int:
        return len(self.mean)

    @property
    def covariance(self) -> Floats:
        """The unbiased covariance [d, d], divisor count - 1 (as TTUR, TF-GAN, pytorch-fid; StyleGAN2 divides by count).

        Raises MetricError for fewer than 2 samples.
        """
        require_two(self.count)
        return self.scatter / (self.count - 1)


def require_two(count: int) -> None:
    """Raises MetricError when there are too few samples for a covariance."""
    if count < 2:
        raise MetricError(f"a covariance needs at least 2 samples, not {count}")


def as_features(features: ArrayLike) -> Floats:
    """Returns features as float64 [n, d].

    Raises MetricError if they have another number of axes or are not all finite.
    """
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2:
        raise MetricError(f"features must be [samples, dimension], not of shape {array.shape}")
    wrong = array.size - np.count_nonzero(np.isfinite(array))
    if wrong:
        rows = np.count_nonzero(~np.isfinite(array).all(axis=1))
        raise MetricError(f"{wrong} of {array.size} feature values are not finite, in {rows} of {len(array)} samples")
    return array


def centre(features: Floats) -> tuple[Floats, Floats]:
    """Returns the mean [d] of features [n, d] (n at least 1) and the deviations from it [n, d].

    The mean of the deviations, zero but for rounding, is added to the first estimate: that removes the error a large
    offset leaves in it.
    """
    mean = features.mean(axis=0)
    deviations = features - mean
    correction = deviations.mean(axis=0)
    return mean + correction, deviations - correction


def empty(dimension: int) -> Moments:
    """Returns the moments of zero samples, the start of a stream."""
    return Moments(0, np.zeros(dimension), np.zeros((dimension, dimension)))


def update(moments: Moments, features: ArrayLike) -> Moments:
    """Returns the moments after adding a batch of features [n, d], n >= 0.

    Raises MetricError if a feature is not finite or the dimensions differ.
    """
    batch = as_features(features)
    if batch.shape[1] != moments.dimension:
        raise MetricError(f"features of dimension {batch.shape[1]} cannot be added to moments of {moments.dimension}")
    if not len(batch):
        return moments
    mean, deviations = centre(batch)
    with one_blas_thread():
        return merge(moments, Moments(len(batch), mean, deviations.T @ deviations))


def merge(a: Moments, b: Moments) -> Moments:
    """Returns the moments of the samples of a and b together.

    Reference: Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    Raises MetricError if the dimensions differ.
    """
    if a.dimension != b.dimension:
        raise MetricError(f"moments of dimensions {a.dimension} and {b.dimension} cannot be merged")
    count = a.count + b.count
    if not count:
        return a
    step = b.mean - a.mean
    scatter = a.scatter + b.scatter + np.outer(step, step) * (a.count * b.count / count)
    return Moments(count, a.mean + step * (b.count / count), scatter)


def moments(features: ArrayLike) -> Moments:
    """Returns the moments of a whole sample: features [n, d], n at least 2.

    Raises MetricError for fewer than 2 samples or features that are not finite.
    """
    array = as_features(features)
    require_two(len(array))
    return update(empty(array.shape[1]), array)


def save_moments(moments: Moments, path: str | PathLike[str]) -> None:
    """Writes moments to an .npz file of plain arrays."""
    with Path(path).open("wb") as file:
        np.savez(file, count=np.int64(moments.count), mean=moments.mean, scatter=moments.scatter)


def load_moments(path: str | PathLike[str]) -> Moments:
    """Returns the moments that `save_moments` wrote, bit for bit. Pickled objects are refused.

    Raises MetricError if the file holds anything else.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            count, mean, scatter = (np.asarray(arrays[name]) for name in Moments._fields)
    except Exception as error:  # damage shows in a dozen types
        raise MetricError(f"{path} holds no moments ({error})") from error
    if count.shape or mean.ndim != 1 or scatter.shape != 2 * mean.shape or _types(count, mean, scatter) != "iff":
        raise MetricError(f"{path} holds no moments (count {count.shape}, mean {mean.shape}, scatter {scatter.shape})")
    return Moments(int(count), mean, scatter)


def _types(*arrays: NDArray[Any]) -> str:
    return "".join(array.dtype.kind for array in arrays)
