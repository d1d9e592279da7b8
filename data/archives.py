"""Collections of pictures as people hold them: a folder with its folders, or a zip archive."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar
from zipfile import BadZipFile, ZipFile

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.folders import visible_files
from ganscape.data.pictures import PICTURES, decode_picture, read_picture

Member = TypeVar("Member")
MOST_BYTES = 2**27  # of one unpacked picture file


class Pictures(NamedTuple):
    """Pictures by file name, which is unique wherever they lie in the folder or archive.

    where: the folder or archive. names: sorted. read: name -> uint8 [height, width, 1 or 3]; raises DataError.
    """

    where: Path
    names: list[str]
    read: Callable[[str], np.ndarray]


def open_pictures(where: Path) -> Pictures:
    """Returns the pictures in a folder or a .zip file; hidden files are none.

    Raises DataError for a damaged archive, and two pictures of one name.
    """
    return _in_folder(where) if where.is_dir() else _in_archive(where)


def _in_folder(folder: Path) -> Pictures:
    files = _by_name(folder, [(file.name, file) for file in visible_files(folder)])
    return Pictures(folder, sorted(files), lambda name: read_picture(files[name]))


def _in_archive(file: Path) -> Pictures:
    try:
        archive = ZipFile(file)
    except (BadZipFile, OSError) as error:
        raise DataError(f"{file}: not a zip archive that can be read ({error})") from error
    visible = [
        (parts[-1], path)
        for path in archive.namelist()
        if (parts := PurePosixPath(path).parts) and not any(part.startswith((".", "__MACOSX")) for part in parts)
    ]
    members = _by_name(file, visible)

    def read(name: str) -> np.ndarray:
        label = f"{file}: {members[name]}"
        size = archive.getinfo(members[name]).file_size
        if size > MOST_BYTES:
            raise DataError(f"{label} has {size} bytes; at most {MOST_BYTES} are read")
        try:
            content = archive.read(members[name])
        except (BadZipFile, OSError, EOFError, RuntimeError, zlib.error) as error:
            raise DataError(f"{label} cannot be read ({error})") from error
        return decode_picture(io.BytesIO(content), label)

    return Pictures(file, sorted(members), read)


def _by_name(where: Path, members: list[tuple[str, Member]]) -> dict[str, Member]:
    """Returns the members that are pictures by their file names; raises DataError if two have one name."""
    pictures: dict[str, Member] = {}
    for name, member in members:
        if PurePosixPath(name).suffix.lower() not in PICTURES:
            continue
        if name in pictures:
            raise DataError(f"{where}: two pictures are called {name}; file names must differ")
        pictures[name] = member
    return pictures
