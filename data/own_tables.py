"""Own images in Parquet files, as data sets are passed on at the Hugging Face hub: any names of columns and classes."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.folders import visible_files
from ganscape.data.parquet import encoded_pictures, read_classes
from ganscape.data.pictures import PICTURES, decode_picture
from ganscape.data.splits import SPLITS

ENDING = ".parquet"


def parquet_files(path: Path) -> list[Path]:
    """Returns the Parquet files at a path, a file or a folder with its folders, sorted by path. None elsewhere, and of
    a folder that holds pictures too: these are meant then."""
    if path.is_dir():
        files = visible_files(path)
        if any(file.suffix.lower() in PICTURES for file in files):
            return []
        return [file for file in files if file.suffix.lower() == ENDING]
    return [path] if path.suffix.lower() == ENDING else []


def split_of(file: Path, folder: Path) -> str | None:
    """Returns the split that a file in a folder is of: "train" or "test" where its name or that of its folder begins
    so, as `train-00000-of-00004.parquet`."""
    parts = file.relative_to(folder).parts if file != folder else (file.name,)
    return next((split for split in SPLITS for part in parts if part.startswith(split)), None)


def read_tables(files: Sequence[Path]) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the images of Parquet files, uint8 [n, height, width, 1 or 3], and their classes, int64 [n], or None.

    Raises DataError naming the file and the picture that cannot be read or is of another size than the first.
    """
    encoded = encoded_pictures(files)
    images: np.ndarray | None = None
    for number, (name, content) in enumerate(encoded.read()):
        picture = decode_picture(io.BytesIO(content), name)
        if images is None:
            images = np.empty((encoded.count, *picture.shape), np.uint8)
        if picture.shape[2] < images.shape[3]:
            picture = np.repeat(picture, 3, axis=2)
        elif picture.shape[2] > images.shape[3]:
            images = np.repeat(images, 3, axis=3)
        if picture.shape != images.shape[1:]:
            found, first = ("x".join(map(str, shape)) for shape in (picture.shape, images.shape[1:]))
            raise DataError(f"{name} is {found}, the first {first}; all must be alike")
        images[number] = picture
    if images is None:
        raise DataError(f"{files[0] if len(files) == 1 else files[0].parent}: no pictures in its Parquet files")
    return images, read_classes(files)
