"""Reads images from a folder of pictures, or from an .npy or .npz file."""

import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ganscape.data.dataset import DataError

PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
ARRAYS = (".npy", ".npz")
ROUND_OFF = 1e-6  # how far outside [0, 1] floats may lie


def read_images(path: str | Path) -> np.ndarray:
    """Returns the images at `path`, [n, height, width, channels]: uint8 0..255, or float32 in [0, 1] from float arrays.

    Of a folder, all files whose names end in one of PICTURES, subfolders included, hidden files not, ordered by path.
    Each is turned upright by its EXIF orientation. Gray pictures have one channel, coloured ones three; an alpha
    channel must be opaque and is dropped. Of an .npz file, the array `images`, else `arr_0`, else the only one. Arrays
    [n, height, width] get a channel axis. Nothing is unpickled, resized or rescaled.

    Raises DataError, naming the file, if one is missing, unreadable, of another size than the others, or no image.
    """
    source = Path(path)
    if source.is_dir():
        return _folder(source)
    if not source.exists():
        raise DataError(f"no images at {source}: there is no such folder or file")
    if source.suffix.lower() in ARRAYS:
        return _checked(_array(source), source)
    if source.suffix.lower() in PICTURES:
        return _picture(source)[None]
    raise DataError(f"{source} is no folder of pictures and none of: {', '.join((*ARRAYS, *PICTURES))}")


def _folder(folder: Path) -> np.ndarray:
    found = (file.relative_to(folder) for file in folder.rglob("*"))
    shown = (file for file in found if not any(part.startswith(".") for part in file.parts))
    files = sorted(folder / file for file in shown if file.suffix.lower() in PICTURES)
    if not files:
        raise DataError(f"no pictures in {folder}; it needs files that end in: {', '.join(PICTURES)}")
    first = _picture(files[0])
    images = np.empty((len(files), *first.shape), np.uint8)
    for number, file in enumerate(files):
        image = _picture(file)
        if image.shape != first.shape:
            raise DataError(
                f"pictures of two sizes: {files[0]} is {_size(first)}, {file} is {_size(image)}; all must be alike"
            )
        images[number] = image
    return images


def _picture(file: Path) -> np.ndarray:
    """Returns one picture, upright, as uint8 [height, width, channels]."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            frames = getattr(opened, "n_frames", 1)
            if frames > 1:
                raise DataError(f"{file}: {frames} pictures in one file; save each in a file of its own")
            picture = ImageOps.exif_transpose(opened)
            picture.load()
            mode, alpha = picture.mode, picture.has_transparency_data
            if mode not in ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr"):
                raise DataError(f"{file}: pixels of Pillow mode {mode!r}; 8 bits per channel expected")
            if alpha and min(picture.convert("RGBA").getchannel("A").tobytes()) < 255:
                raise DataError(f"{file}: some pixels are transparent; paint them on a background")
            array = np.asarray(picture.convert("L" if mode in ("1", "L", "LA") else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: not a picture that can be read ({error})") from error
    return array.reshape(*array.shape[:2], -1)


def _array(file: Path) -> np.ndarray:
    """Returns the array of images in an .npy or .npz file, unchecked."""
    try:
        with file.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return loaded[_name(loaded.files, file)]
    except (BadZipFile, EOFError, OSError, ValueError, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: not an array that can be read without unpickling ({error})") from error


def _name(names: list[str], file: Path) -> str:
    known = [name for name in ("images", "arr_0") if name in names] or (names if len(names) == 1 else [])
    if not known:
        raise DataError(f"{file} holds arrays {', '.join(names) or '(none)'}; one must be called 'images'")
    return known[0]


def _checked(array: np.ndarray, file: Path) -> np.ndarray:
    """Returns the array as uint8 or float32 [n, height, width, channels]. Raises DataError if it holds no images."""
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


def _bytes(images: np.ndarray, file: Path) -> np.ndarray:
    if images.max() == 1:
        raise DataError(f"{file}: the uint8 values are all 0 or 1; expected 0..255")
    return images


def _floats(images: np.ndarray, file: Path) -> np.ndarray:
    wrong = images.size - np.count_nonzero(np.isfinite(images))
    if wrong:
        raise DataError(f"{file}: {wrong} of {images.size} values are not finite")
    low, high = float(images.min()), float(images.max())
    if low < -ROUND_OFF or high > 1 + ROUND_OFF:
        hint = "(x + 1) / 2" if -1 - ROUND_OFF <= low < 0 and high <= 1 + ROUND_OFF else "x / 255"
        raise DataError(f"{file}: floats from {low:g} to {high:g}; expected [0, 1]: did you mean {hint}?")
    return np.clip(images, 0, 1).astype(np.float32)


def _size(image: np.ndarray) -> str:
    return "x".join(map(str, image.shape))
