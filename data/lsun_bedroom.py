"""LSUN bedroom at 128x128, as Kurach et al. 2019 take it: the middle of each picture, not the whole picture shrunk.

The published database holds 3,033,042 pictures whose shorter side is 256. The study crops the central 128x128 (or pads
with black where a side is shorter), keeps the last of 100 shards, 30,588 pictures, and scores against 10,000 of them.
The order of its shards is not published: here the pictures are in the order of their keys in the database.

Source: Yu, Seff, Zhang, Song, Funkhouser and Xiao, LSUN, 2015; google/compare_gan, tag v2.0.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.data.archives import open_pictures
from ganscape.data.dataset import DataError, Dataset
from ganscape.data.pictures import decode_picture
from ganscape.data.prepared import load_prepared

IMAGE_SHAPE = (128, 128, 3)
IMAGES, HELD_OUT, TESTED = 3_033_042, 30_588, 10_000
SUBSET = 300_000
DATABASE = "bedroom_train_lmdb"
EXPORT = "bedroom_train"


class KeyedPictures(NamedTuple):
    """Pictures by key. keys: sorted. read: key -> uint8 [height, width, 1 or 3]; raises DataError."""

    where: Path
    keys: list[bytes]
    read: Callable[[bytes], np.ndarray]


def load(root: Path) -> Dataset:
    """Returns LSUN bedroom: 3,002,454 train and 10,000 test images, uint8 [n, 128, 128, 3], mapped into memory.

    At the first call they are prepared in `root/prepared/lsun_bedroom` (148 GB, hours), from the published database
    `bedroom_train_lmdb` (needs `ganscape[lsun]`) or a folder `bedroom_train` of pictures named by their keys, in `root`
    or `root/lsun_bedroom`.

    Raises DataError naming what is missing, damaged or not all of LSUN bedroom.
    """
    return _load(root, "lsun_bedroom", IMAGES - HELD_OUT, lambda keys: keys)


def load_subset(root: Path) -> Dataset:
    """Returns 300,000 of the train images of `load` and its test images: those whose keys have the lowest SHA-256.

    They are prepared in `root/prepared/lsun_bedroom_300k` (15 GB).
    """
    return _load(root, "lsun_bedroom_300k", SUBSET, choose_keys)


def choose_keys(keys: list[bytes]) -> list[bytes]:
    """Returns the SUBSET keys of lowest SHA-256, in the order of `keys`."""
    lowest = set(sorted(keys, key=lambda key: hashlib.sha256(key).digest())[:SUBSET])
    return [key for key in keys if key in lowest]


def _load(root: Path, name: str, train: int, select: Callable[[list[bytes]], list[bytes]]) -> Dataset:
    opened: list[KeyedPictures] = []

    def images(part: str) -> Iterator[np.ndarray]:
        if not opened:
            opened.append(_source(root))
        pictures = opened[0]
        kept, held_out = pictures.keys[:-HELD_OUT], pictures.keys[-HELD_OUT:]
        for key in select(kept) if part == "train" else held_out[:TESTED]:
            yield crop_or_pad(pictures.read(key))

    counts = {"train": train, "test": TESTED}
    arrays = load_prepared(root / "prepared" / name, counts, IMAGE_SHAPE, images)
    return Dataset(name, arrays["train"], arrays["test"], None, None)


def crop_or_pad(picture: np.ndarray) -> np.ndarray:
    """Returns the central 128x128 pixels of a picture as uint8 [128, 128, 3], black where it is smaller; gray ones get
    three channels."""
    whole = np.zeros(IMAGE_SHAPE, np.uint8)
    (into_rows, rows), (into_columns, columns) = (_overlap(picture.shape[axis], IMAGE_SHAPE[axis]) for axis in (0, 1))
    whole[into_rows, into_columns] = picture[rows, columns]
    return whole


def _overlap(length: int, side: int) -> tuple[slice, slice]:
    """Returns where the middle of `length` pixels lies within `side` pixels, and which of them it is."""
    size = min(length, side)
    into, out = (side - size) // 2, (length - size) // 2
    return slice(into, into + size), slice(out, out + size)


def _source(root: Path) -> KeyedPictures:
    folders = (root, root / "lsun_bedroom")
    for folder in folders:
        for name, read in ((DATABASE, open_database), (EXPORT, open_export)):
            if (folder / name).is_dir():
                pictures = read(folder / name)
                if len(pictures.keys) != IMAGES:
                    raise DataError(
                        f"{pictures.where}: {len(pictures.keys)} pictures, expected the {IMAGES} of LSUN bedroom; "
                        "others can be trained on as `--data FOLDER`"
                    )
                return pictures
    raise DataError(
        f"lsun_bedroom: no folder {DATABASE} or {EXPORT} in {' or '.join(map(str, folders))}; put the published "
        "database, or its pictures named by their keys, there"
    )


def open_export(folder: Path) -> KeyedPictures:
    """Returns the pictures in a folder and its folders, by names without their endings."""
    pictures = open_pictures(folder)
    names = {name.rsplit(".", 1)[0].encode(): name for name in pictures.names}
    return KeyedPictures(folder, sorted(names), lambda key: pictures.read(names[key]))


def open_database(folder: Path) -> KeyedPictures:
    """Returns the pictures in a published LMDB folder.

    Raises DataError if lmdb is not installed, or the database is damaged or truncated.
    """
    try:
        import lmdb
    except ModuleNotFoundError as error:
        raise DataError(f"{folder}: {error.name} is not installed; pip install ganscape[lsun]") from error
    try:
        database = lmdb.open(str(folder), readonly=True, lock=False, create=False, readahead=False)
        # Pages beyond the end of a truncated file would end the process when they are read.
        announced = (database.info()["last_pgno"] + 1) * database.stat()["psize"]
        size = (folder / "data.mdb").stat().st_size
        if size < announced:
            raise DataError(f"{folder / 'data.mdb'}: {size} bytes, but its header announces {announced}; copy it again")
        reader = database.begin(buffers=False)
        keys = list(reader.cursor().iternext(keys=True, values=False))
    except (lmdb.Error, OSError) as error:
        raise DataError(f"{folder}: not an LMDB database that can be read ({error})") from error

    def read(key: bytes) -> np.ndarray:
        content = reader.get(key)
        assert content is not None  # a key of the same transaction
        return decode_picture(io.BytesIO(content), f"{folder}: {key.decode(errors='replace')}")

    return KeyedPictures(folder, keys, read)
