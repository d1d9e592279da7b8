"""Stacked MNIST: three digits as the red, green and blue of one image, so that the modes of the data are known: 1,000.

Metz et al. 2017, "Unrolled Generative Adversarial Networks", https://arxiv.org/abs/1611.02163, section 3.3.1; with the
numbers of images of Lin et al. 2018, "PacGAN", https://arxiv.org/abs/1712.04086: 128,000 to train on, 26,000 to test.
Which digits meet in an image is drawn anew here, as no list of them is published.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ganscape.data import mnist, mnist5k, mnist16
from ganscape.data.dataset import Dataset

IMAGE_SHAPE = (28, 28, 3)
SHRUNK_SHAPE = (16, 16, 3)
MODES = 1_000
PUBLISHED = (128_000, 26_000)
FEWER = (25_600, 10_000)  # images that are made of the 4,000 and 1,000 digits of mnist5k
SEED = 0


def load(root: Path) -> Dataset:
    """Returns stacked MNIST: 128,000 train and 26,000 test images, uint8 [n, 28, 28, 3], stacked from the digits of the
    same split of MNIST; the label is the number that red, green and blue spell. Files and errors are those of `mnist`.
    """
    return stack_digits(mnist.load(root), "stacked_mnist", *PUBLISHED)


def load_smaller(root: Path) -> Dataset:
    """Returns 25,600 train and 10,000 test images stacked from the digits of `mnist5k`; reads nothing from `root`."""
    return stack_digits(mnist5k.load(root), "stacked_mnist_5k", *FEWER)


def load_shrunk(root: Path) -> Dataset:
    """Returns `load` shrunk to 16x16, uint8 [n, 16, 16, 3], as `mnist16` is."""
    return stack_digits(mnist16.load(root), "stacked_mnist16", *PUBLISHED)


def load_smaller_shrunk(root: Path) -> Dataset:
    """Returns `load_smaller` shrunk to 16x16, as `mnist16_5k` is."""
    return stack_digits(mnist16.load_5k(root), "stacked_mnist16_5k", *FEWER)


def stack_digits(digits: Dataset, name: str, train: int, test: int) -> Dataset:
    """Returns `train` and `test` images of three digits each, independent draws with replacement from the same split.

    The draws come from a fixed seed, whatever the size of the digits, so that equal places of `stacked_mnist` and
    `stacked_mnist16` hold the same digits. Labels are int64, 100 red + 10 green + blue.
    """
    assert digits.train_labels is not None and digits.test_labels is not None
    draw = np.random.RandomState(SEED).randint  # the legacy generator: its stream never changes between numpy versions
    train_images, train_labels = _draw(digits.train, digits.train_labels, train, draw)
    test_images, test_labels = _draw(digits.test, digits.test_labels, test, draw)
    return Dataset(name, train_images, test_images, train_labels, test_labels)


def _draw(
    digits: np.ndarray, labels: np.ndarray, count: int, draw: Callable[..., np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns `count` images [count, height, width, 3] of three digits each, and their labels [count]."""
    chosen = draw(len(digits), size=(count, 3))
    images = np.empty((count, *digits.shape[1:3], 3), np.uint8)
    for channel in range(3):
        images[..., channel] = digits[chosen[:, channel], ..., 0]
    return images, labels[chosen] @ np.array([100, 10, 1])
