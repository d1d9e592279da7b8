"""Images scored against published statistics: the mean and covariance of features of images that are not at hand.

As pytorch-fid and TTUR keep them: an .npz file with `mu` [d] and `sigma` [d, d]. The file does not say of how many
images they are, nor by which encoder: the metric that is asked for must be the one that they were made by.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganscape.data.dataset import array_hash
from ganscape.metrics import MetricError, Protocol, check_samples, find_metric, frechet, make_encoder

UNKNOWN = 0  # reference images of a file that does not say how many
ASYMMETRY = 1e-6  # of the largest entry: how far a covariance may be from its transpose
ROUND_OFF = 1e-6  # of the largest eigenvalue: how far below zero another may come out


def holds_statistics(path: str | Path) -> bool:
    """Returns whether a path is an .npz file with the arrays `mu` and `sigma`."""
    if Path(path).suffix.lower() != ".npz":
        return False
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {"mu", "sigma"} <= set(archive.files)
    except Exception:  # damage shows in a dozen types
        return False


def read_statistics(path: str | Path) -> tuple[frechet.FrechetReference, str]:
    """Returns the statistics in a file, as a reference, and their hash.

    Raises MetricError naming the file if they are no mean and covariance of the same features.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            mean, covariance = (np.asarray(archive[name], np.float64) for name in ("mu", "sigma"))
    except Exception as error:  # zip, zlib, struct, numpy: damage shows in a dozen types
        raise MetricError(f"{path}: no statistics that can be read ({error})") from error
    if mean.ndim != 1 or covariance.shape != (mean.size, mean.size):
        raise MetricError(f"{path}: mu of shape {mean.shape} and sigma of {covariance.shape}; expected (d,) and (d, d)")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise MetricError(f"{path}: mu or sigma has values that are not finite")
    if np.abs(covariance - covariance.T).max(initial=0) > ASYMMETRY * np.abs(covariance).max(initial=0):
        raise MetricError(f"{path}: sigma is not symmetric, so no covariance")
    lowest, highest = np.linalg.eigvalsh(covariance)[[0, -1]]
    if lowest < -ROUND_OFF * highest:
        raise MetricError(f"{path}: sigma has the eigenvalue {lowest:.3g}, so it is no covariance")
    return frechet.reference_of_covariance(mean, covariance), array_hash(mean, covariance)


def check_metrics(names: Sequence[str], path: str | Path) -> None:
    """Raises MetricError for a metric that needs more than the mean and covariance of features."""
    for name in names:
        if find_metric(name).compare is not frechet.distance:
            raise MetricError(f"{name} needs images to compare with; {path} is for fid and fd_<encoder> alone")


def published_protocol(name: str, images: np.ndarray, path: str | Path, dimension: int, fingerprint: str) -> Protocol:
    """Returns by what images are scored against such statistics.

    Raises MetricError if the metric's encoder has another number of features, and for too few images.
    """
    encoder = make_encoder(name, images.shape[1:])
    check_samples(name, find_metric(name).minimum_samples, len(images), encoder.dimension)
    if encoder.dimension != dimension:
        raise MetricError(f"{name} has {encoder.dimension} features, {path} is of {dimension}")
    return Protocol(
        metric=name,
        encoder=encoder.name,
        weights=encoder.weights,
        preprocessing=encoder.preprocessing,
        samples=len(images),
        reference=Path(path).name,
        reference_samples=UNKNOWN,
        reference_fingerprint=fingerprint,
    )
