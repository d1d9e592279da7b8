"""scikit-learn's 8x8 handwritten digits: real images that need no download."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError, Dataset, array_hash

IMAGE_SHAPE = (8, 8, 1)
COUNT, TRAIN_COUNT = 1797, 1000
STRIDE = 1111  # COUNT / golden ratio, rounded to a number coprime to COUNT
FILE = "digits.csv.gz"
SHA256 = "f76d6a300e1bfa2de01aeee8d7fd436adf25e6d6154481083cc39d4898cc2d92"


def load(root: Path) -> Dataset:
    """Returns the digits data set: 1,000 train and 797 test images, uint8 [n, 8, 8, 1]; reads nothing from `root`.

    Gray levels 0..16 become round(level * 255 / 16), halves up: 16 becomes 255 and levels stay distinct.
    Split: sort the images by label, scikit-learn's order within a label (which is by writer); visit that
    list in strides of 1111, modulo 1797; the first 1,000 visited are train, the other 797 test. Labels and writers are
    therefore spread evenly; a writer may occur in both splits.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998 (its test part).
    """
    rows = _rows()
    images = scale_levels(rows[:, :-1]).reshape(-1, *IMAGE_SHAPE)
    labels = rows[:, -1].astype(np.int64)
    actual = array_hash(images, labels)
    if actual != SHA256:
        raise DataError(f"{FILE} of the installed scikit-learn: content has sha256 {actual}, expected {SHA256}")
    order = np.argsort(labels, kind="stable")[np.arange(COUNT) * STRIDE % COUNT]
    train, test = order[:TRAIN_COUNT], order[TRAIN_COUNT:]
    return Dataset("digits", images[train], images[test], labels[train], labels[test])


def _rows() -> np.ndarray:
    """Returns the rows of scikit-learn's file, 64 gray levels and the label, without importing scikit-learn: that takes
    longer than everything else before a small sweep's first step.

    Raises DataError if there is no such file, or it is no table of numbers.
    """
    spec = importlib.util.find_spec("sklearn")
    folders = [] if spec is None else spec.submodule_search_locations or []
    for file in (Path(folder, "datasets", "data", FILE) for folder in folders):
        if file.is_file():
            try:
                with gzip.open(file) as lines:
                    return np.loadtxt(lines, delimiter=",")
            except (EOFError, OSError, ValueError) as error:
                raise DataError(f"{file}: not the digits of scikit-learn ({error})") from error
    raise DataError(f"data set 'digits' is in scikit-learn, which has no {FILE} here; pip install scikit-learn")


def scale_levels(levels: np.ndarray) -> np.ndarray:
    """Returns gray levels 0..16 as uint8 0..255: round(level * 255 / 16), halves up."""
    return ((levels.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)
