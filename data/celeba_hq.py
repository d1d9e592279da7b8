"""CelebA-HQ at 128x128: 30,000 faces, which Kurach et al. 2019 train 27,000 of and score against 3,000.

Larger pictures are reduced as by the authors of CelebA-HQ: by the mean of squares of pixels, rounded to the nearest
level. Which 3,000 the study held out is not published; here they are the last 3,000 by their numbers. The set exists as
JPEG and PNG and in several sizes, whose pixels differ a little: the fingerprint of the data tells them apart, and
scores on two of them do not compare.

Source: Karras, Aila, Laine and Lehtinen, Progressive Growing of GANs, 2018; google/compare_gan, tag v2.0.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from ganscape.data.archives import open_pictures
from ganscape.data.dataset import DataError, Dataset
from ganscape.data.folders import visible_files
from ganscape.data.mapped import map_images
from ganscape.data.parquet import encoded_pictures
from ganscape.data.pictures import PICTURES, decode_picture
from ganscape.data.prepared import load_prepared

IMAGE_SHAPE = (128, 128, 3)
SIDES = (128, 256, 512, 1024)
IMAGES, TESTED = 30_000, 3_000


def load(root: Path) -> Dataset:
    """Returns CelebA-HQ-128: 27,000 train and 3,000 test images, uint8 [n, 128, 128, 3], mapped into memory.

    At the first call they are prepared in `root/prepared/celeba_hq_128` (1.5 GB, minutes), from what is in
    `root/celeba_hq_128` or `root/celeba_hq`: a folder of 30,000 pictures, of which the numbers in their names give the
    order; a .zip file of these; one .npy file, uint8 [30000, side, side, 3]; or Parquet files of pictures. All have one
    side, 128, 256, 512 or 1024.

    Raises DataError naming the file that is missing, damaged or of another size.
    """
    counts = {"train": IMAGES - TESTED, "test": TESTED}
    opened: list[Iterator[np.ndarray]] = []

    def images(part: str) -> Iterator[np.ndarray]:
        if not opened:
            opened.append(_images(_source(root)))
        for _ in range(counts[part]):
            yield next(opened[0])

    arrays = load_prepared(root / "prepared" / "celeba_hq_128", counts, IMAGE_SHAPE, images)
    return Dataset("celeba_hq_128", arrays["train"], arrays["test"], None, None)


def average_squares(picture: np.ndarray, name: str) -> np.ndarray:
    """Returns a picture at 128x128, each pixel the mean of a square. Raises DataError for a side not in SIDES."""
    if picture.ndim != 3 or picture.shape not in {(side, side, 3) for side in SIDES}:
        found, sides = "x".join(map(str, picture.shape)), ", ".join(map(str, SIDES))
        raise DataError(f"{name} is {found}, expected coloured squares of one of {sides} pixels")
    block = len(picture) // IMAGE_SHAPE[0]
    squares = picture.reshape(IMAGE_SHAPE[0], block, IMAGE_SHAPE[1], block, 3).astype(np.float32)
    return np.rint(squares.mean(axis=(1, 3))).astype(np.uint8)


def _images(pictures: Iterable[tuple[str, Callable[[], np.ndarray]]]) -> Iterator[np.ndarray]:
    """Yields the pictures at 128x128; raises DataError if they are of two sizes."""
    first: tuple[int, ...] | None = None
    for name, read in pictures:
        picture = read()
        first = first or picture.shape
        if picture.shape != first:
            raise DataError(f"{name} is of another size than the first: {len(picture)}, not {first[0]}, pixels")
        yield average_squares(picture, name)


def _source(root: Path) -> Iterable[tuple[str, Callable[[], np.ndarray]]]:
    """Returns the 30,000 pictures in order: each one's name, and what reads it."""
    folders = (root / "celeba_hq_128", root / "celeba_hq")
    folder = next((place for place in folders if place.is_dir()), None)
    if folder is None:
        raise DataError(
            f"celeba_hq_128: no folder {' or '.join(map(str, folders))}; put the 30,000 pictures of CelebA-HQ there "
            "(PNG or JPEG, a .zip, one .npy file or Parquet files)"
        )
    files = visible_files(folder)
    of_kind = {ending: [file for file in files if file.suffix.lower() == ending] for ending in (".npy", ".zip")}
    tables = [file for file in files if file.suffix.lower() == ".parquet"]
    if any(file.suffix.lower() in PICTURES for file in files):
        return _named(folder)
    if len(of_kind[".zip"]) == 1:
        return _named(of_kind[".zip"][0])
    if len(of_kind[".npy"]) == 1:
        return _array(of_kind[".npy"][0])
    if tables:
        return _tables(tables)
    raise DataError(f"{folder}: no pictures, no single .zip or .npy file and no Parquet files")


def _named(where: Path) -> Iterable[tuple[str, Callable[[], np.ndarray]]]:
    pictures = open_pictures(where)
    _check_count(where, len(pictures.names))
    numbers = {name: re.findall(r"\d+", name) for name in pictures.names}
    if wrong := [name for name, found in numbers.items() if not found]:
        raise DataError(f"{where}: no number in the name {wrong[0]}; names give the order of the pictures")
    ordered = sorted(pictures.names, key=lambda name: int(numbers[name][-1]))
    return ((f"{where}: {name}", partial(pictures.read, name)) for name in ordered)


def _array(file: Path) -> Iterable[tuple[str, Callable[[], np.ndarray]]]:
    array = map_images(file)
    if array.dtype != np.uint8 or array.ndim != 4:
        raise DataError(f"{file}: {array.dtype} of shape {array.shape}, expected uint8 [{IMAGES}, side, side, 3]")
    _check_count(file, len(array))
    return ((f"{file}[{i}]", partial(np.asarray, array[i])) for i in range(len(array)))


def _tables(files: list[Path]) -> Iterable[tuple[str, Callable[[], np.ndarray]]]:
    contents = encoded_pictures(files)
    _check_count(files[0].parent, contents.count)
    return ((name, partial(decode_picture, io.BytesIO(content), name)) for name, content in contents.read())


def _check_count(where: Path, count: int) -> None:
    if count != IMAGES:
        raise DataError(f"{where}: {count} pictures, expected the {IMAGES} of CelebA-HQ")
