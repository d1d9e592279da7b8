"""Dataset, the images of a data set, and DataError."""

import hashlib
from typing import NamedTuple

import numpy as np

from ganscape.errors import UserError


class DataError(UserError):
    """A data set that cannot be loaded; one line with the file or option, what is wrong and what was expected."""


class Dataset(NamedTuple):
    """The images of a data set in a train and a test split, which never change.

    No split is sorted by label, but own images keep the order of their paths.
    """

    name: str
    train: np.ndarray  # uint8 [n, height, width, channels], 0 black .. 255 white
    test: np.ndarray  # uint8 [m, height, width, channels]
    train_labels: np.ndarray | None  # int64 [n]; None without classes
    test_labels: np.ndarray | None  # int64 [m]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """The shape (height, width, channels) of an image."""
        height, width, channels = self.train.shape[1:]
        return height, width, channels

    @property
    def classes(self) -> int | None:
        """The number of classes; None without labels."""
        return None if self.train_labels is None else int(self.train_labels.max()) + 1

    @property
    def fingerprint(self) -> str:
        """The SHA-256 (64 hex digits) of the shapes and bytes of the train and test images."""
        stamps = tuple(_stamp(images) for images in (self.train, self.test))
        if None in stamps:
            return array_hash(self.train, self.test)
        if stamps not in _known:
            _known[stamps] = array_hash(self.train, self.test)
        return _known[stamps]


_known: dict[tuple, str] = {}  # fingerprints of files that this process has read


def _stamp(images: np.ndarray) -> tuple[str, int, int] | None:
    """Returns what changes with the file that holds these images; None if they are in no file."""
    file = getattr(images, "file", None)
    if file is None:
        return None
    status = file.stat()
    return str(file), status.st_mtime_ns, status.st_size


def array_hash(*arrays: np.ndarray) -> str:
    """Returns the SHA-256 (64 hex digits) of the dtypes, shapes and bytes (C order) of the arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_labels(labels: np.ndarray, count: int, name: str) -> np.ndarray:
    """Returns labels as int64 [count], if they are classes 0, 1, 2 ... without gaps, one for each of `count` images.

    Raises DataError, which calls them `name`, if they are not.
    """
    if labels.shape != (count,):
        raise DataError(f"{name}: labels of shape {labels.shape} for {count} images; expected ({count},)")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{name}: labels of type {labels.dtype}; expected whole numbers")
    classes = np.unique(labels)
    if not np.array_equal(classes, np.arange(len(classes))):
        shown = ", ".join(map(str, classes[:5]))
        raise DataError(f"{name}: labels are {shown} ...; expected 0, 1, 2, ... without gaps")
    return labels.astype(np.int64)
