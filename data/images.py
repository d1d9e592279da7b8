"""Reads images from a folder of pictures, or from an .npy or .npz file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ganscape.data.dataset import DataError, check_labels
from ganscape.data.folders import picture_files
from ganscape.data.pictures import PICTURES, read_picture

ARRAYS = (".npy", ".npz")
PART = 1024  # images that are looked at together, where an array may be larger than memory
ROUND_OFF = 1e-6  # how far outside [0, 1] floats may lie
# What an array in an archive may take unpacked, and how many times its packed size from there on: images never do.
MOST_BYTES, MOST_TIMES = 2**28, 100


def read_images(path: str | Path) -> np.ndarray:
    """Returns the images at `path`, [n, height, width, channels]: uint8 0..255, or float32 in [0, 1] from float arrays.

    Of a folder, all files whose names end in one of PICTURES, subfolders included, hidden files not, ordered by path,
    each as `data.pictures.read_picture` reads it. Gray pictures have one channel, or three where one of them all is
    coloured. Of an .npz file, the array `images`, else `arr_0`, else the only one. Arrays [n, height, width] get a
    channel axis. Nothing is unpickled, resized or rescaled.

    Raises DataError, naming the file, if one is missing, unreadable, of another size than the others, or no image.
    """
    source = Path(path)
    if source.is_dir():
        return _folder(source)
    if not source.exists():
        raise DataError(f"no images at {source}: there is no such folder or file")
    if source.suffix.lower() in ARRAYS:
        return check_array(_array(source), source)
    if source.suffix.lower() in PICTURES:
        return read_picture(source)[None]
    raise DataError(f"{source} is no folder of pictures and none of: {', '.join((*ARRAYS, *PICTURES))}")


def _folder(folder: Path) -> np.ndarray:
    files = picture_files(folder)
    images = None
    for number, file in enumerate(files):
        image = read_picture(file)
        if images is None:
            images = np.empty((len(files), *image.shape), np.uint8)
        if image.shape[2] < images.shape[3]:
            image = np.repeat(image, 3, axis=2)
        elif image.shape[2] > images.shape[3]:
            images = np.repeat(images, 3, axis=3)
        if image.shape != images.shape[1:]:
            sizes = f"{files[0]} is {_size(images[0])}, {file} is {_size(image)}"
            raise DataError(f"pictures of two sizes: {sizes}; make them alike by `ganscape data prepare {folder}`")
        images[number] = image
    assert images is not None
    return images


def _array(file: Path) -> np.ndarray:
    """Returns the array of images in an .npz or .npy file, unchecked; of the latter mapped, not read."""
    if file.suffix.lower() == ".npy":
        with _readable(file):
            return np.load(file, mmap_mode="r", allow_pickle=False)
    with _opened(file) as loaded:
        return loaded if isinstance(loaded, np.ndarray) else _member(loaded, _name(loaded.files, file))


def read_labels(file: Path, count: int) -> np.ndarray | None:
    """Returns the array `labels` of an .npz file, int64 [count]; None without one.

    Raises DataError if the labels are not one for each image, or not the whole numbers from 0 without gaps.
    """
    if file.suffix.lower() != ".npz":
        return None
    with _opened(file) as loaded:
        if "labels" not in loaded.files:
            return None
        labels = _member(loaded, "labels")
    return check_labels(labels, count, str(file))


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Opens an .npy or .npz file without unpickling; a damaged one raises DataError, also while members are read."""
    with _readable(file), file.open("rb") as stream:
        loaded = np.load(stream, allow_pickle=False)
        for member in [] if isinstance(loaded, np.ndarray) else loaded.zip.infolist():
            if member.file_size > max(MOST_BYTES, MOST_TIMES * member.compress_size):
                size = f"{member.compress_size:,} bytes that unpack to {member.file_size:,}"
                raise DataError(f"{file}: {member.filename} is {size}: a decompression bomb, not images")
        yield loaded


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turns what NumPy says of a damaged file into a DataError."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # zip, zlib, struct, numpy: damage shows in a dozen types
        raise DataError(f"{file}: not an array that can be read without unpickling ({error})") from error


def _member(archive: Any, name: str) -> np.ndarray:
    """Returns an array of an archive. Of a member that is none NumPy would return the bytes."""
    array = archive[name]
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is no array")
    return array


def _name(names: list[str], file: Path) -> str:
    known = [name for name in ("images", "arr_0") if name in names] or (names if len(names) == 1 else [])
    if not known:
        raise DataError(f"{file} holds arrays {', '.join(names) or '(none)'}; one must be called 'images'")
    return known[0]


def check_array(array: np.ndarray, file: str | Path) -> np.ndarray:
    """Returns the array as uint8 or float32 [n, height, width, channels]; one without a channel axis gets it.

    file: what an error calls the array.

    Raises DataError if it holds no images, or values that are neither uint8 in 0..255 nor floats in [0, 1].
    """
    images = array[..., None] if array.ndim == 3 else array
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        hint = "; move the channels to the end" if array.ndim == 4 and array.shape[1] in (1, 3) else ""
        raise DataError(
            f"{file}: shape {array.shape}; expected [n, height, width] or [n, height, width, channels] "
            f"with 1 or 3 channels{hint}"
        )
    if not images.size:
        raise DataError(f"{file}: shape {array.shape} holds no images")
    if images.dtype == np.uint8:
        return _bytes(images, file)
    if images.dtype.kind == "f":
        return _floats(images, file)
    raise DataError(f"{file}: values of type {array.dtype}; expected uint8 0..255 or floats in [0, 1]")


def _bytes(images: np.ndarray, file: str | Path) -> np.ndarray:
    if images.max() == 1:
        raise DataError(f"{file}: the uint8 values are all 0 or 1; expected 0..255")
    return images


def _floats(images: np.ndarray, file: str | Path) -> np.ndarray:
    """Returns the floats as float32 in [0, 1]: the array itself where that is what it holds, so that a mapped file is
    not read into memory. Looks at PART images at a time."""
    parts = [images[start : start + PART] for start in range(0, len(images), PART)]
    wrong = sum(part.size - np.count_nonzero(np.isfinite(part)) for part in parts)
    if wrong:
        raise DataError(f"{file}: {wrong} of {images.size} values are not finite")
    low, high = (float(end) for end in (min(part.min() for part in parts), max(part.max() for part in parts)))
    if low < -ROUND_OFF or high > 1 + ROUND_OFF:
        hint = "(x + 1) / 2" if -1 - ROUND_OFF <= low < 0 and high <= 1 + ROUND_OFF else "x / 255"
        raise DataError(f"{file}: floats from {low:g} to {high:g}; expected [0, 1]: did you mean {hint}?")
    if images.dtype == np.float32 and low >= 0 and high <= 1:
        return images
    clipped = np.empty(images.shape, np.float32)
    for start, part in zip(range(0, len(images), PART), parts, strict=True):
        clipped[start : start + PART] = np.clip(part, 0, 1)
    return clipped


def _size(image: np.ndarray) -> str:
    return "x".join(map(str, image.shape))
