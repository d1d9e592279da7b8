"""A folder with `train.npy` and `test.npy`: images that need not fit in memory, mapped where they are used.

Both are uint8 [n, height, width, 1 or 3]. `train_labels.npy` and `test_labels.npy`, whole numbers from 0 [n], are the
classes, if they are there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ganscape.data.dataset import DataError, Dataset, check_labels
from ganscape.data.folders import SPLITS
from ganscape.data.mapped import MappedImages, map_images
from ganscape.data.npy import write_rows
from ganscape.files import part_folder, replacing

EVERY = 5  # of images without splits every fifth is for testing


class ImageSource(Protocol):
    """Anything that holds images by position, such as a data set of PyTorch, a data source of Grain or an array.

    An item is an image, [height, width, channels] or [height, width], uint8 or floats in [0, 1], or a sequence whose
    first entry is one, or a mapping with one under "image". A second entry, or one under "label", is its class.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, position: int, /) -> Any: ...


def in_test(count: int) -> np.ndarray:
    """Returns which of so many images without splits are in the test split, bool [count]: every fifth."""
    return np.arange(count) % EVERY == EVERY - 1


def holds_splits(folder: Path) -> bool:
    """Returns whether a folder has the files `train.npy` and `test.npy`."""
    return all((folder / f"{split}.npy").is_file() for split in SPLITS)


def load_splits(folder: Path) -> Dataset:
    """Returns the data set in such a folder, named after it. Raises DataError naming the file that does not fit."""
    return _load(folder, folder)


def _load(folder: Path, called: Path) -> Dataset:
    """Returns the data set in a folder that messages call `called`."""
    train, test = (_images(folder, f"{split}.npy", called) for split in SPLITS)
    if train.shape[1:] != test.shape[1:]:
        found = " and ".join("x".join(map(str, part.shape[1:])) for part in (train, test))
        raise DataError(f"{called}: images of {found} in {' and '.join(SPLITS)}; all must be alike")
    train_labels = _labels(folder, "train_labels.npy", called, len(train))
    test_labels = _labels(folder, "test_labels.npy", called, len(test))
    if (train_labels is None) != (test_labels is None):
        raise DataError(f"{called}: labels of one split alone; both need them, or none")
    return Dataset(called.resolve().stem, train, test, train_labels, test_labels)


def map_source(train: ImageSource, test: ImageSource, folder: str | Path) -> Dataset:
    """Writes two sources of images to a folder for `load_splits`, one image at a time, and returns the data set.

    A sweep then takes the folder as its data: `ganscape run equal/defaults --data FOLDER`. Floats are rounded to
    multiples of 1 / 255. What a source returns for a position must not be random: it is read once.

    The folder has both splits or neither. Raises DataError if it has these files already, for an item that is no image
    or of another size than the first, for fewer than two images in a split, and for classes with gaps.
    """
    to = Path(folder)
    if holds_splits(to):
        raise DataError(f"{to} holds images already; nothing is overwritten: name another folder")
    to.parent.mkdir(parents=True, exist_ok=True)
    with part_folder(to) as beside:
        for split, source in zip(SPLITS, (train, test), strict=True):
            _write_split(beside, split, source)
        _load(beside, to)
        to.mkdir(exist_ok=True)
        # Images of the last split come last: with them the folder holds splits.
        for file in sorted(beside.iterdir(), key=lambda file: file.name == f"{SPLITS[-1]}.npy"):
            file.replace(to / file.name)
    return load_splits(to)


def _write_split(folder: Path, split: str, source: ImageSource) -> None:
    """Writes the images of a source to `split`.npy of a folder, and their classes, if they have any, beside it."""
    labels: list[int] = []
    rows = _rows(source, split, labels)
    first = next(rows, None)
    if first is None or len(source) < 2:
        raise DataError(f"{len(source)} images for the {split} split; a score needs at least 2 of each")
    with replacing(folder / f"{split}.npy") as stream:
        write_rows(stream, len(source), first.shape, _chained(first, rows))
    if labels:
        with replacing(folder / f"{split}_labels.npy") as stream:
            np.save(stream, np.asarray(labels, np.int64))


def _chained(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest


def _rows(source: ImageSource, split: str, labels: list[int]) -> Iterator[np.ndarray]:
    """Yields the images of a source as uint8 [height, width, channels], and appends their classes to `labels`."""
    shape = None
    for position in range(len(source)):
        name = f"item {position} of {split}"
        image, label = _parts(source[position], name)
        shape = shape or image.shape
        if image.shape != shape:
            found, first = ("x".join(map(str, each)) for each in (image.shape, shape))
            raise DataError(f"{name} is {found}, the first {first}; all must be alike")
        if position and (label is None) == (len(labels) == position):
            raise DataError(f"{name} {'has no class' if label is None else 'has a class'}, unlike those before")
        if label is not None:
            labels.append(label)
        yield image


def _parts(item: Any, name: str) -> tuple[np.ndarray, int | None]:
    """Returns the image of an item as uint8, and its class if it has one."""
    image, label = item, None
    if isinstance(item, dict):
        image, label = item.get("image"), item.get("label")
    elif isinstance(item, tuple | list):
        image, label = item[0], item[1] if len(item) > 1 else None
    array = np.asarray(image)
    array = array[..., None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        hint = "; move the channels to the end" if array.ndim == 3 and array.shape[0] in (1, 3) else ""
        raise DataError(f"{name} has shape {array.shape}, expected [height, width, 1 or 3]{hint}")
    if array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:
        array = np.round(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise DataError(f"{name} holds {array.dtype} from {array.min()} to {array.max()}, expected uint8, or [0, 1]")
    return array, None if label is None else int(label)


def _images(folder: Path, name: str, called: Path) -> MappedImages:
    images = map_images(folder / name)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or len(images) < 2:
        expected = "uint8 [n, height, width, 1 or 3] with n of at least 2"
        raise DataError(f"{called / name}: {images.dtype} of shape {images.shape}, expected {expected}")
    return images


def _labels(folder: Path, name: str, called: Path, count: int) -> np.ndarray | None:
    if not (folder / name).exists():
        return None
    return check_labels(np.asarray(map_images(folder / name)), count, str(called / name))
