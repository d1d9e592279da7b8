"""Data sets of your own images: pictures or arrays at a path."""

from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError, Dataset
from ganscape.data.folders import list_pictures, split_folders
from ganscape.data.images import read_images, read_labels
from ganscape.data.own_tables import parquet_files, read_tables, split_of
from ganscape.data.splits import SPLITS, holds_splits, in_test, load_splits


def load(path: Path) -> Dataset:
    """Returns the images at a path as a Dataset named after the file or folder.

    A folder that holds folders `train` and `test` has these splits, and so has one that holds `train.npy` and
    `test.npy`, which are mapped into memory, see `data.splits`. In any other folder, and in an .npy or .npz file,
    every fifth image is in the test split, in the order of `data.images.read_images`. Floats in [0, 1] are rounded to
    multiples of 1 / 255. Labels are those of a folder that holds one folder per class, or the array `labels` of an
    .npz file, if both splits have images of every class. Parquet files, or a folder with some, have the splits that
    their names begin with, `train` and `test`, else as an .npy file, and may have a column of classes.

    Raises DataError naming the file that is missing, unreadable or of another size, and for fewer than two images in a
    split.
    """
    if holds_splits(path):
        return load_splits(path)
    if tables := parquet_files(path):
        train, test, train_labels, test_labels = _of_tables(tables, path)
    elif parts := split_folders(path):
        train, test = (read_images(part) for part in parts)
        labels = _labels(path, len(train) + len(test))
        train_labels, test_labels = (None, None) if labels is None else (labels[: len(train)], labels[len(train) :])
        train, test = _alike(train, test, path)
    else:
        images = read_images(path)
        is_test = in_test(len(images))
        train, test = images[~is_test], images[is_test]
        labels = _labels(path, len(images))
        train_labels, test_labels = _split_labels(labels, is_test)
    for split, images in zip(SPLITS, (train, test), strict=True):
        if len(images) < 2:
            raise DataError(f"{path}: {len(images)} images for the {split} split; a score needs at least 2 of each")
    return Dataset(path.resolve().stem, _bytes(train), _bytes(test), train_labels, test_labels)


def _of_tables(files: list[Path], path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Returns the train and the test images of Parquet files and their labels, None unless both splits have all
    classes."""
    of_split = {split: [file for file in files if split_of(file, path) == split] for split in SPLITS}
    if not all(of_split.values()):
        images, labels = read_tables(files)
        is_test = in_test(len(images))
        return images[~is_test], images[is_test], *_split_labels(labels, is_test)
    (train, train_labels), (test, test_labels) = (read_tables(of_split[split]) for split in SPLITS)
    train, test = _alike(train, test, path)
    alike = train_labels is not None and test_labels is not None
    if not alike or not np.array_equal(np.unique(train_labels), np.unique(test_labels)):  # type: ignore[arg-type]
        train_labels = test_labels = None
    return train, test, train_labels, test_labels


def _labels(path: Path, count: int) -> np.ndarray | None:
    """Returns the labels of the images at a path, int64 [count]; None where there are none."""
    if path.is_dir():
        classes = list_pictures(path).classes
        return None if classes is None else classes.labels
    return read_labels(path, count)


def _split_labels(labels: np.ndarray | None, is_test: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Returns the labels of the train and the test split; None for both if one of them lacks a class."""
    if labels is None:
        return None, None
    splits = labels[~is_test], labels[is_test]
    whole = all(np.array_equal(np.unique(split), np.unique(labels)) for split in splits)
    return splits if whole else (None, None)


def _alike(train: np.ndarray, test: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Returns both splits with as many channels; raises DataError if images have two sizes."""
    channels = max(train.shape[3], test.shape[3])
    train, test = (np.repeat(part, channels // part.shape[3], axis=3) for part in (train, test))
    if train.shape[1:] != test.shape[1:]:
        found = " and ".join("x".join(map(str, part.shape[1:])) for part in (train, test))
        raise DataError(f"{path}: images of {found} in {' and '.join(SPLITS)}; all must be alike")
    return train, test


def _bytes(images: np.ndarray) -> np.ndarray:
    return images if images.dtype == np.uint8 else np.round(images * 255).astype(np.uint8)
