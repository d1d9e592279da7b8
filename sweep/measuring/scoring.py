"""Scores of images that no sweep has made, with the protocol that they were measured by."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.data import DATASETS, DataError, load
from ganscape.data.dataset import array_hash
from ganscape.data.images import check_array, read_images
from ganscape.errors import check_name
from ganscape.metrics import (
    MetricError,
    Protocol,
    check_images_alone,
    check_samples,
    code_of,
    find_metric,
    make_encoder,
)
from ganscape.metrics.defaults import default_metric, warnings
from ganscape.sweep.measuring.evaluation import encode_images
from ganscape.sweep.measuring.reference_cache import reference_features
from ganscape.sweep.measuring.statistics_files import (
    check_metrics,
    holds_statistics,
    published_protocol,
    read_statistics,
)
from ganscape.sweep.resources import check_address_space


class ImageScore(NamedTuple):
    """A metric's value for images, and the protocol that says how it was measured."""

    value: float
    better: str  # "lower" or "higher"
    protocol: Protocol
    warnings: tuple[str, ...] = ()  # reasons to doubt the value, one line each


class Images(NamedTuple):
    """Images with what a protocol says of them."""

    name: str
    array: np.ndarray  # [n, height, width, channels], uint8 or float32 in [0, 1]
    fingerprint: str


def score_images(
    images: np.ndarray | str | Path,
    against: str,
    metrics: Sequence[str] | None = None,
    *,
    samples: int | None = None,
    data_root: str | Path | None = None,
) -> list[ImageScore]:
    """Returns one score per metric of images: an array, a folder of pictures, an .npy or an .npz file.

    Args:
      images: the images to be scored, an array as `data.images.check_array` takes it or a path as `read_images` does.
      against: a data set, whose test split is the reference, or a path to other images, or to an .npz file of published
        statistics (`mu`, `sigma`), for Frechet distances alone.
      metrics: names in METRICS; by default that of `metrics.defaults.default_metric`, as in sweeps, and `fid` against
        statistics.
      samples: how many of the images, spread evenly over their order; all by default.
      data_root: the folder with the data sets' files.

    Raises:
      MetricError, DataError: one line each, before anything is encoded: every metric takes the images and their
        numbers, or none is computed.
    """
    check_address_space()
    for name in metrics or []:
        check_images_alone(name)
    where = "in the array" if isinstance(images, np.ndarray) else f"at {images}"
    images = check_array(images, "the array") if isinstance(images, np.ndarray) else read_images(images)
    if holds_statistics(against):
        return _score_against_statistics(_spread(images, samples, where), against, metrics or ["fid"])
    reference = _reference(against, data_root)
    if images.shape[1:] != reference.array.shape[1:]:
        found, expected = ("x".join(map(str, each.shape[1:])) for each in (images, reference.array))
        raise DataError(f"images of {found} {where} cannot be compared with those of {expected} of {reference.name}")
    images = _spread(images, samples, where)
    fewest = min(len(images), len(reference.array))
    names = list(dict.fromkeys(metrics or [default_metric(against, images.shape[1:], fewest)]))
    protocols = [_protocol(name, images, reference) for name in names]
    encoders = {protocol.encoder: make_encoder(protocol.metric, images.shape[1:]) for protocol in protocols}
    features = {
        name: (reference_features(encoder, reference.array), encode_images(encoder, images))
        for name, encoder in encoders.items()
    }
    return [_score(protocol, images.shape[1:], *features[protocol.encoder]) for protocol in protocols]


def _score_against_statistics(images: np.ndarray, path: str, metrics: Sequence[str]) -> list[ImageScore]:
    names = list(dict.fromkeys(metrics))
    check_metrics(names, path)
    reference, fingerprint = read_statistics(path)
    scores = []
    for name in names:
        encoder = make_encoder(name, images.shape[1:])
        protocol = published_protocol(name, images, path, reference.dimension, fingerprint)
        protocol = protocol._replace(preprocessing=protocol.preprocessing + _quantised(images))
        value = find_metric(name).compare(reference, encode_images(encoder, images))
        doubts = tuple(warnings(name, images.shape[1:], len(images)))
        scores.append(ImageScore(value, find_metric(name).better, protocol, doubts))
    return scores


def _score(protocol: Protocol, image_shape: tuple[int, int, int], real: np.ndarray, fake: np.ndarray) -> ImageScore:
    metric = find_metric(protocol.metric)
    try:
        value = metric.compare(metric.summarise(real), fake)
    except MetricError as error:
        raise MetricError(f"{protocol.metric}: {error}") from error
    fewest = min(protocol.samples, protocol.reference_samples)
    return ImageScore(value, metric.better, protocol, tuple(warnings(protocol.metric, image_shape, fewest)))


def _reference(against: str, data_root: str | Path | None) -> Images:
    if against in DATASETS:
        dataset = load(against, data_root)
        return Images(f"{against}/test", dataset.test, dataset.fingerprint)
    if not Path(against).exists():
        check_name("data set", against, sorted(DATASETS), DataError, "the path of images", "nothing to compare with: ")
    array = read_images(against)
    return Images(Path(against).name, array, array_hash(array))


def _spread(images: np.ndarray, samples: int | None, where: str) -> np.ndarray:
    if samples is None:
        return images
    if not 1 <= samples <= len(images):
        raise DataError(f"samples={samples} of the {len(images)} images {where}; at least 1, at most all of them")
    return images[np.arange(samples) * len(images) // samples]


def _protocol(name: str, images: np.ndarray, reference: Images) -> Protocol:
    """Returns the protocol of scored images: as of a sweep, but that stored images may be quantised where a sweep's are
    not."""
    encoder = make_encoder(name, images.shape[1:])
    check_samples(name, len(reference.array), len(images), encoder.dimension)
    return Protocol(
        metric=name,
        encoder=encoder.name,
        weights=encoder.weights,
        preprocessing=encoder.preprocessing + _quantised(images),
        samples=len(images),
        reference=reference.name,
        reference_samples=len(reference.array),
        reference_fingerprint=reference.fingerprint,
        code=code_of(name),
    )


def _quantised(images: np.ndarray) -> str:
    return "; these generated images were uint8 / 255" if images.dtype == np.uint8 else ""
