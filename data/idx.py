"""Loads data sets that are published as four IDX files, such as MNIST, from a folder or by download."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.data import downloads
from ganscape.data.dataset import DataError, Dataset


class IdxFile(NamedTuple):
    """One IDX file: unsigned bytes of the given shape behind a big-endian header."""

    name: str
    shape: tuple[int, ...]
    gz_sha256: str  # of the .gz file as published; downloads are held to it
    sha256: str | None  # of the decompressed bytes, header included; None if every .gz file must have the hash above


class Publication(NamedTuple):
    """The four files of a data set of 28x28 gray images, and where to find them."""

    name: str  # the data set's, and that of its folder in the data root
    title: str  # what people call it
    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile
    mirrors: tuple[str, ...]
    in_root: bool  # whether the data root itself may hold the files

    def folders(self, root: Path) -> tuple[Path, ...]:
        """Returns the folders in which its files are looked for, in this order."""
        own = root / self.name
        return (root, own) if self.in_root else (own,)


def load(published: Publication, root: Path) -> Dataset:
    """Returns 60,000 train and 10,000 test images, uint8 [n, 28, 28, 1], in the published order and split.

    The IDX files are looked for in the publication's folders, plain (where the hash of their content is known) or .gz;
    a missing one is downloaded. Every file is held to a SHA-256.
    Raises DataError naming the file that is missing, damaged or another one.
    """
    train, train_labels, test, test_labels = (
        read_idx(locate(file, published, root), file)
        for file in (published.train_images, published.train_labels, published.test_images, published.test_labels)
    )
    return Dataset(
        published.name,
        train[..., None],
        test[..., None],
        train_labels.astype(np.int64),
        test_labels.astype(np.int64),
    )


def locate(file: IdxFile, published: Publication, root: Path) -> Path:
    """Returns the path of `file` in one of the publication's folders, downloaded if it is in none."""
    for folder in published.folders(root):
        for name in _names(file):
            if (folder / name).exists():
                return folder / name
    return download(file, published, root)


def _names(file: IdxFile) -> tuple[str, ...]:
    packed = f"{file.name}.gz"
    return (packed,) if file.sha256 is None else (file.name, packed)


def download(file: IdxFile, published: Publication, root: Path) -> Path:
    """Downloads `file`'s published .gz to the publication's own folder, from the first mirror that serves it.

    Returns its path; raises DataError, with the reason of every mirror, if none does.
    """
    folder, name = root / published.name, f"{file.name}.gz"
    try:
        return downloads.retrieve([f"{url}{name}" for url in published.mirrors], file.gz_sha256, folder / name)
    except downloads.DownloadError as error:
        raise DataError(
            f"{published.name}: no {' or '.join(_names(file))} in {' or '.join(map(str, published.folders(root)))}, "
            f"and no download ({error}); put the four IDX files of {published.title} into {folder}"
        ) from error


def read_idx(path: Path, file: IdxFile) -> np.ndarray:
    """Returns the array in the IDX file at `path`, uint8 of shape `file.shape`; DataError if it is another file."""
    packed = path.read_bytes()
    content = decompress(packed, path) if path.suffix == ".gz" else packed
    magic = bytes([0, 0, 8, len(file.shape)])  # 8: unsigned bytes; then the number of dimensions
    if content[:4] != magic:
        raise DataError(f"{path}: IDX magic number is 0x{content[:4].hex()}, expected 0x{magic.hex()}")
    header = 4 + 4 * len(file.shape)
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if shape != file.shape:
        raise DataError(f"{path}: IDX header announces shape {shape}, expected {file.shape}")
    size = header + math.prod(shape)
    if len(content) != size:
        raise DataError(f"{path}: {len(content)} bytes when decompressed, expected {size}")
    if file.sha256 is None:
        _check(path, "bytes", packed, file.gz_sha256)
    else:
        _check(path, "decompressed bytes", content, file.sha256)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _check(path: Path, what: str, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(f"{path}: {what} have sha256 {found}, expected {expected}")


def decompress(packed: bytes, path: Path) -> bytes:
    """Returns the decompressed bytes of a .gz file; DataError if they are truncated or damaged."""
    try:
        return gzip.decompress(packed)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}: not a complete gzip file ({error}), expected one; delete it or copy it again"
        ) from error
