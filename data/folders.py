"""Folders of pictures: their files in order, and the classes that their folders name."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.pictures import PICTURES

SPLITS = ("train", "test")
# What others call their splits: no names of classes where all folders have such names.
SPLIT_WORDS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"}


class Classes(NamedTuple):
    """The classes of some pictures: labels[i] is the index in names of the class of picture i."""

    names: tuple[str, ...]
    labels: np.ndarray  # int64 [n]


class Listing(NamedTuple):
    """The pictures of a folder in order, and what its folders say of them.

    classes: None without classes. train: how many of the pictures, the first, are in the folder `train`, where all
    others are in `test`; None of a folder without both.
    """

    files: list[Path]
    classes: Classes | None
    train: int | None


def list_pictures(folder: Path) -> Listing:
    """Returns the pictures of a folder: those of its folders `train` and `test` where it holds both, else all.

    Raises DataError if there are none, for a class folder without pictures, and for classes of one split alone.
    """
    parts = split_folders(folder)
    if parts is None:
        files = picture_files(folder)
        return Listing(files, classes_of(folder, files), None)
    train, test = (picture_files(part) for part in parts)
    classes = [classes_of(part, files) for part, files in zip(parts, (train, test), strict=True)]
    return Listing([*train, *test], _together(folder, *classes), len(train))


def split_folders(folder: Path) -> list[Path] | None:
    """Returns the folders `train` and `test` of a folder that holds both; None of any other."""
    parts = [folder / split for split in SPLITS]
    return parts if all(part.is_dir() for part in parts) else None


def picture_files(folder: Path) -> list[Path]:
    """Returns the files in a folder and its folders that end in one of PICTURES, none of them hidden, sorted by path.

    Raises DataError if there are none, or no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is {'a file' if folder.exists() else 'not there'}; name a folder of pictures")
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
    counted in the order of their names. Raises DataError if then another folder has no picture, and for folders that
    are called like splits.
    """
    parts = [file.relative_to(folder).parts for file in files]
    names = sorted({part[0] for part in parts})
    if len(names) < 2 or any(len(part) == 1 for part in parts):
        return None
    if {name.lower() for name in names} <= SPLIT_WORDS:
        named = " and ".join(names)
        raise DataError(f"{folder}: its folders {named} are called like splits, not classes; name them train and test")
    empty = sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    if missing := [name for name in empty if name not in names]:
        raise DataError(f"{folder / missing[0]}: no pictures in this folder, beside {len(names)} folders of classes")
    index = {name: number for number, name in enumerate(names)}
    return Classes(tuple(names), np.array([index[part[0]] for part in parts], np.int64))


def _together(folder: Path, train: Classes | None, test: Classes | None) -> Classes | None:
    """Returns the classes of the pictures of both splits, those of `train` first; None unless both have classes."""
    if train is None or test is None:
        return None
    if alone := sorted(set(train.names) ^ set(test.names)):
        raise DataError(f"{folder}: class {alone[0]!r} is in one of {' and '.join(SPLITS)} alone")
    return Classes(train.names, np.concatenate([train.labels, test.labels]))
