"""Calibration of metrics: experiments on real images, where the right score is known.

Each returns rows, dictionaries with the keys of `results.calibration.COLUMNS`. All draws come from one seed, so that
the same call gives the same rows. Lucic et al. 2018, https://arxiv.org/abs/1711.10337, section 5, has the first three.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ganscape.data import Dataset
from ganscape.metrics import (
    MetricError,
    Protocol,
    check_images_alone,
    check_samples,
    code_of,
    find_metric,
    frechet,
    make_encoder,
)
from ganscape.metrics.encoders.resizing import antialiased_bicubic, half_pixel_bilinear, tf1_bilinear
from ganscape.sweep.measuring.corruptions import CORRUPTIONS, half_the_classes, one_of_each_class
from ganscape.sweep.measuring.evaluation import encode_images
from ganscape.sweep.measuring.reference_cache import reference_features

Row = dict[str, Any]
REAL = "real images"
ONE_PER_CLASS = "one image per class, repeated"

RESIZES = {
    "TensorFlow 1": tf1_bilinear,
    "half-pixel": half_pixel_bilinear,
    "antialiased bicubic": antialiased_bicubic,
}


def bias(
    dataset: Dataset,
    metric: str,
    *,
    sizes: Sequence[int] = (),
    repeats: int = 20,
    against: str = "train",
    seed: int = 0,
) -> Iterator[Row]:
    """Yields scores of real images against real ones over the number of samples: the bias of a distance that is 0.

    against: "train", two disjoint parts of the train split of each size; "test", a part of the train split against the
    whole test split, as in the paper; or "partition", the same after all images were divided anew, at random, into two
    splits of these sizes. sizes: by default from 250, doubling, up to what there is. Frechet distances
    come with what `frechet.expected_bias` says.
    """
    _check(metric)
    most = len(dataset.train) // 2 if against == "train" else len(dataset.train)
    chosen = list(sizes) or [size for size in (250 * 2**power for power in range(20)) if size <= most]
    if not chosen or min(chosen) < 2 or max(chosen) > most:
        raise MetricError(f"sizes {', '.join(map(str, chosen)) or '(none)'} of {dataset.name}: from 2 to {most}")
    for size in chosen:
        _check_samples(dataset, metric, size if against == "train" else len(dataset.test), size)
    features, rng = _features(dataset, metric), np.random.default_rng(seed)
    test = None if against == "train" else _features(dataset, metric, "test")
    whole = frechet.reference_of_features(features)
    for size in chosen:
        for repeat in range(repeats):
            if against == "partition":
                assert test is not None
                pool = np.concatenate([features, test])
                divided = rng.permutation(len(pool))
                real, chosen_from = pool[divided[: len(test)]], divided[len(test) :]
                value = _value(metric, real, pool[chosen_from[:size]])
            else:
                order = rng.permutation(len(features))
                real = features[order[size : 2 * size]] if test is None else test
                value = _value(metric, real, features[order[:size]])
            expected = frechet.expected_bias(whole, len(real), size) if _is_frechet(metric) else None
            yield _row("bias", dataset, metric, "samples", size, size, len(real), repeat, value, expected, against)


def modes(dataset: Dataset, metric: str, *, repeats: int = 50, seed: int = 0) -> Iterator[Row]:
    """Yields scores of real images of the first k classes against images of all: how a metric sees missing classes.

    The train split is cut once, a sixth against which the rest is scored; of the rest every k has as many images,
    drawn anew in each repeat.
    """
    _check(metric)
    labels = dataset.train_labels
    if labels is None:
        raise MetricError(f"{dataset.name} has no classes to drop")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(dataset.train))
    kept, rest = np.split(order, [len(order) // 6])
    classes = np.unique(labels)
    size = min(len(kept) // 2, *(np.sum(labels[rest] == name) for name in classes[:1]))
    _check_samples(dataset, metric, len(kept), size)
    features = _features(dataset, metric)
    reference = find_metric(metric).summarise(features[kept])
    for number in range(1, len(classes) + 1):
        chosen = rest[np.isin(labels[rest], classes[:number])]
        for repeat in range(repeats):
            value = find_metric(metric).compare(reference, features[rng.choice(chosen, size, replace=False)])
            yield _row("modes", dataset, metric, "classes", number, size, len(kept), repeat, value, None, "train")


def floor(dataset: Dataset, metric: str, *, repeats: int = 20, seed: int = 0) -> Iterator[Row]:
    """Yields scores of train images against equally many test images, the level that a perfect generator reaches."""
    _check(metric)
    size, rng = min(len(dataset.test), len(dataset.train)), np.random.default_rng(seed)
    _check_samples(dataset, metric, len(dataset.test), size)
    features, test = _features(dataset, metric), _features(dataset, metric, "test")
    reference = find_metric(metric).summarise(test)
    for repeat in range(repeats):
        chosen = rng.permutation(len(features))[:size]
        value = find_metric(metric).compare(reference, features[chosen])
        yield _row("floor", dataset, metric, "samples", size, size, len(test), repeat, value, None, "test")


def sanity(dataset: Dataset, metric: str, *, repeats: int = 3, seed: int = 0) -> Iterator[Row]:
    """Yields scores of images with known faults, beside those of real images: what a metric sees.

    Train images, whole and with each fault of `corruptions.CORRUPTIONS`; those of half the classes, where there are
    any; and the reference images themselves, which a generator may have learned by heart. As many images of each, and
    of the test split as reference, as there are of the fewest. The idea is that of Raisa et al. 2025,
    https://arxiv.org/abs/2505.22450, whose checks are of points in few dimensions.
    """
    _check(metric)
    rng, score, encoder = np.random.default_rng(seed), find_metric(metric), make_encoder(metric, dataset.image_shape)
    fewer = dataset.train[half_the_classes(dataset)]
    size = min(len(dataset.test), len(dataset.train), *([len(fewer)] if len(fewer) else []))
    _check_samples(dataset, metric, size, size)
    for repeat in range(repeats):
        real, reference = (images[rng.permutation(len(images))[:size]] for images in (dataset.train, dataset.test))
        images = {REAL: real} | {name: corrupt(real, rng) for name, corrupt in CORRUPTIONS.items()}
        if len(fewer):
            images["half the classes"] = fewer[rng.permutation(len(fewer))[:size]]
            images[ONE_PER_CLASS] = np.resize(dataset.train[one_of_each_class(dataset, seed + repeat)], real.shape)
        images["the reference itself"] = reference
        summary = score.summarise(encode_images(encoder, reference))
        for name, each in images.items():
            value = score.compare(summary, encode_images(encoder, each))
            yield _row("sanity", dataset, metric, "images", name, size, size, repeat, value, None, "test")


def rules(dataset: Dataset, metric: str, *, repeats: int = 5, seed: int = 0) -> Iterator[Row]:
    """Yields scores of the same images by several conventions: how far numbers of two papers may differ for no reason.

    The images to be scored are train images moved by half a pixel, so that they have values between bytes. They are
    scored as they are; rounded to bytes; against the train split in place of the test split; and, beside reference
    images that came to 1.5 times their size by the first way of RESIZES, resized by each.
    """
    _check(metric)
    rng = np.random.default_rng(seed)
    size = min(len(dataset.test), len(dataset.train) // 2)
    _check_samples(dataset, metric, size, size)
    score = find_metric(metric)
    plain, larger = make_encoder(metric, dataset.image_shape), None
    side = round(1.5 * dataset.image_shape[0])
    with contextlib.suppress(MetricError):  # an encoder of one size of images has no resizing to get wrong
        larger = make_encoder(metric, (side, side, dataset.image_shape[2]))
    for repeat in range(repeats):
        order = rng.permutation(len(dataset.train))
        fake, other = _between_pixels(dataset.train[order[:size]]), dataset.train[order[size : 2 * size]]
        real = dataset.test[rng.permutation(len(dataset.test))[:size]]
        reference, made = score.summarise(encode_images(plain, real)), encode_images(plain, fake)
        found = {
            "as it is": score.compare(reference, made),
            "rounded to bytes": score.compare(reference, encode_images(plain, np.round(fake * 255).astype(np.uint8))),
            "against train": score.compare(score.summarise(encode_images(plain, other)), made),
        }
        if larger is not None:
            resized = {name: _resized(rule, fake, side) for name, rule in RESIZES.items()}
            usual = score.summarise(encode_images(larger, _resized(tf1_bilinear, real / np.float32(255), side)))
            found |= {
                f"resized: {name}": score.compare(usual, encode_images(larger, each)) for name, each in resized.items()
            }
        for name, value in found.items():
            against = "train" if name == "against train" else "test"
            yield _row("rules", dataset, metric, "rule", name, size, size, repeat, value, None, against)


def protocol(dataset: Dataset, metric: str, row: Row) -> Protocol:
    """Returns the protocol by which the score of a row was measured."""
    encoder = make_encoder(metric, dataset.image_shape)
    convention = f"; {row['level']}" if row["setting"] == "rule" else ""
    return Protocol(
        metric=metric,
        encoder=encoder.name,
        weights=encoder.weights,
        preprocessing=encoder.preprocessing + convention,
        samples=row["samples"],
        reference=f"{dataset.name}/{row['against']}",
        reference_samples=row["reference_samples"],
        reference_fingerprint=dataset.fingerprint,
        code=code_of(metric),
    )


def _row(
    experiment, dataset, metric, setting, level, samples, reference_samples, repeat, value, expected, against
) -> Row:
    row = {
        "experiment": experiment, "data": dataset.name, "metric": metric, "setting": setting, "level": level,
        "samples": int(samples), "reference_samples": int(reference_samples), "against": against, "repeat": repeat,
        "value": value, "expected": expected,
    }  # fmt: skip
    return row | {"protocol": protocol(dataset, metric, row).fingerprint}


def _check(metric: str) -> None:
    check_images_alone(metric)


def _check_samples(dataset: Dataset, metric: str, real: int, generated: int) -> None:
    check_samples(metric, real, generated, make_encoder(metric, dataset.image_shape).dimension)


def _is_frechet(metric: str) -> bool:
    return find_metric(metric).compare is frechet.distance


def _features(dataset: Dataset, metric: str, split: str = "train") -> np.ndarray:
    images = dataset.train if split == "train" else dataset.test
    return reference_features(make_encoder(metric, dataset.image_shape), images)


def _value(metric: str, real: np.ndarray, fake: np.ndarray) -> float:
    return find_metric(metric).compare(find_metric(metric).summarise(real), fake)


def _between_pixels(images: np.ndarray) -> np.ndarray:
    """Returns images in [0, 1], moved by half a pixel to the right: means of neighbours."""
    scaled = images / np.float32(255)
    return (scaled + np.roll(scaled, 1, axis=2)) / 2


def _resized(rule: Callable, images: np.ndarray, side: int) -> np.ndarray:
    resize = jax.jit(rule, static_argnums=1)
    parts = np.array_split(images, -(-len(images) // 512))
    return np.concatenate([np.clip(np.asarray(resize(part, side)), 0, 1) for part in parts])


EXPERIMENTS: dict[str, Callable[..., Iterator[Row]]] = {
    "bias": bias,
    "modes": modes,
    "floor": floor,
    "rules": rules,
    "sanity": sanity,
}
