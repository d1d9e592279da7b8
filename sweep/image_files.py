"""Many images on disk, written as they come: a folder of pictures, or one .npz file."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from ganscape.data import DataError
from ganscape.files import replacing, replacing_folder

NAME = "images"


def check_target(path: str | Path) -> None:
    """Raises DataError for a path that images cannot be written to, before any are made."""
    path = Path(path)
    if path.suffix and path.suffix != ".npz":
        raise DataError(f"cannot write images to '{path}'; name a .npz file, or a folder that is new or empty")
    if path.suffix and path.exists():
        raise DataError(f"'{path}' exists already; nothing is overwritten, name another file")
    if not path.suffix and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError(f"'{path}' is not an empty folder; nothing is overwritten, name another one")


def write_images(path: str | Path, chunks: Iterable[np.ndarray], count: int) -> Path:
    """Writes `count` images, uint8 [n, height, width, 1 or 3] in chunks, whole or not at all; returns the path.

    A folder gets pictures 0.png, 1.png, ... with leading zeros; a .npz file one array `images`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        with (
            replacing(path) as file,
            zipfile.ZipFile(file, "w") as archive,
            archive.open(f"{NAME}.npy", "w", force_zip64=True) as member,
        ):
            _write_array(member, chunks, count)
        return path
    with replacing_folder(path) as folder:
        _write_pictures(folder, chunks, len(str(count - 1)))
    return path


def _write_array(file: IO[bytes], chunks: Iterable[np.ndarray], count: int) -> None:
    """Writes chunks as one array in NumPy's format, whose header comes first and says how many there are."""
    for number, chunk in enumerate(chunks):
        if number == 0:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, *chunk.shape[1:])}
            np.lib.format.write_array_header_1_0(file, header)
        file.write(np.ascontiguousarray(chunk).tobytes())


def _write_pictures(folder: Path, chunks: Iterable[np.ndarray], digits: int) -> None:
    from PIL import Image

    number = 0
    for chunk in chunks:
        for image in chunk:
            picture = Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image)
            picture.save(folder / f"{number:0{digits}d}.png")
            number += 1
