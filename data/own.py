"""Data sets of your own images: pictures or arrays at a path."""

from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError, Dataset
from ganscape.data.images import read_images

SPLITS = ("train", "test")
EVERY = 5  # every fifth image is in the test split


def load(path: Path) -> Dataset:
    """Returns the images at a path as a Dataset without labels, named after the file or folder.

    A folder that holds folders `train` and `test` has these splits. In any other folder, and in an .npy or .npz file,
    every fifth image is in the test split, in the order of `data.images.read_images`. Floats in [0, 1] are rounded to
    multiples of 1 / 255.

    Raises DataError naming the file that is missing, unreadable or of another size, and for fewer than two images in a
    split.
    """
    parts = [path / split for split in SPLITS]
    if all(part.is_dir() for part in parts):
        train, test = (read_images(part) for part in parts)
        if train.shape[1:] != test.shape[1:]:
            found = " and ".join("x".join(map(str, part.shape[1:])) for part in (train, test))
            raise DataError(f"{path}: images of {found} in {' and '.join(SPLITS)}; all must be alike")
    else:
        images = read_images(path)
        is_test = np.arange(len(images)) % EVERY == EVERY - 1
        train, test = images[~is_test], images[is_test]
    for split, images in zip(SPLITS, (train, test), strict=True):
        if len(images) < 2:
            raise DataError(f"{path}: {len(images)} images for the {split} split; a score needs at least 2 of each")
    return Dataset(path.resolve().stem, _bytes(train), _bytes(test), None, None)


def _bytes(images: np.ndarray) -> np.ndarray:
    return images if images.dtype == np.uint8 else np.round(images * 255).astype(np.uint8)
