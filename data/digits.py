"""scikit-learn's 8x8 handwritten digits: real images that need no download."""

from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError, Dataset, array_hash

IMAGE_SHAPE = (8, 8, 1)
COUNT, TRAIN_COUNT = 1797, 1000
STRIDE = 1111  # COUNT / golden ratio, rounded to a number coprime to COUNT
SHA256 = "f76d6a300e1bfa2de01aeee8d7fd436adf25e6d6154481083cc39d4898cc2d92"


def load(root: Path) -> Dataset:
    """Returns the digits data set: 1,000 train and 797 test images, uint8 [n, 8, 8, 1]; reads nothing from `root`.

    Gray levels 0..16 become round(level * 255 / 16), halves up: 16 becomes 255 and levels stay distinct.
    Split: sort the images by label, scikit-learn's order within a label (which is by writer); visit that
    list in strides of 1111, modulo 1797; the first 1,000 visited are train, the other 797 test. Labels and writers are
    therefore spread evenly; a writer may occur in both splits.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = scale_levels(bunch.images)[..., None]
    labels = bunch.target.astype(np.int64)
    actual = array_hash(images, labels)
    if actual != SHA256:
        raise DataError(f"digits.csv.gz of the installed scikit-learn: content has sha256 {actual}, expected {SHA256}")
    order = np.argsort(labels, kind="stable")[np.arange(COUNT) * STRIDE % COUNT]
    train, test = order[:TRAIN_COUNT], order[TRAIN_COUNT:]
    return Dataset("digits", images[train], images[test], labels[train], labels[test])


def scale_levels(levels: np.ndarray) -> np.ndarray:
    """Returns gray levels 0..16 as uint8 0..255: round(level * 255 / 16), halves up."""
    return ((levels.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)
