"""Folders of pictures: their files in order, and the classes that their folders name."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.pictures import PICTURES


class Classes(NamedTuple):
    """The classes of some pictures: labels[i] is the index in names of the class of picture i."""

    names: tuple[str, ...]
    labels: np.ndarray  # int64 [n]


def picture_files(folder: Path) -> list[Path]:
    """Returns the files in a folder and its folders that end in one of PICTURES, none of them hidden, sorted by path.

    Raises DataError if there are none.
    """
    files = [file for file in visible_files(folder) if file.suffix.lower() in PICTURES]
    if not files:
        raise DataError(f"no pictures in {folder}; it needs files that end in: {', '.join(PICTURES)}")
    return files


def visible_files(folder: Path) -> list[Path]:
    """Returns the files in a folder and its folders, without hidden ones, sorted by path."""
    inside = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(folder / file for file in inside if not any(part.startswith(".") for part in file.parts))


def classes_of(folder: Path, files: Sequence[Path]) -> Classes | None:
    """Returns the classes of the pictures in a folder that holds one folder per class, and None for any other.

    It holds one folder per class if it has two or more folders with pictures and no picture beside them. Classes are
    counted in the order of their names. Raises DataError if then another folder has no picture.
    """
    parts = [file.relative_to(folder).parts for file in files]
    names = sorted({part[0] for part in parts})
    if len(names) < 2 or any(len(part) == 1 for part in parts):
        return None
    empty = sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    if missing := [name for name in empty if name not in names]:
        raise DataError(f"{folder / missing[0]}: no pictures in this folder, beside {len(names)} folders of classes")
    index = {name: number for number, name in enumerate(names)}
    return Classes(tuple(names), np.array([index[part[0]] for part in parts], np.int64))
