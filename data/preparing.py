"""Pictures of any size made alike: what is in a folder, and one file of it that sweeps read at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.folders import SPLITS, Classes, Listing, list_pictures, visible_files
from ganscape.data.npy import write_rows
from ganscape.data.pictures import COLOURS, Rules, check_rules, open_picture, read_picture
from ganscape.data.splits import holds_splits, in_test, map_source
from ganscape.files import part_folder, replacing


class Survey(NamedTuple):
    """What a folder of pictures holds.

    files: pictures, readable or not. others: files that are no pictures, by ending. sizes, modes: of readable pictures,
    "height x width" and as Pillow calls them. classes: pictures by class, empty without classes. duplicates: groups of
    files with equal bytes. refused: one line for each picture that the rules refuse. splits: pictures by split, empty
    without folders `train` and `test`.
    """

    files: int
    others: Counter[str]
    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    classes: Counter[str]
    duplicates: list[list[Path]]
    refused: list[str]
    splits: Counter[str]


class Prepared(NamedTuple):
    """What became of a folder: pictures kept, their shape, a line for each one left out, and the classes.

    unlabelled: why the classes of the folder were not kept; empty if they were, or if it has none.
    """

    kept: int
    image_shape: tuple[int, int, int]
    refused: list[str]
    classes: tuple[str, ...]
    unlabelled: str = ""


def survey(folder: Path, rules: Rules) -> Survey:
    """Returns what a folder of pictures holds, and which of them the rules refuse. Reads one picture at a time."""
    check_rules(rules)
    files, classes, train = list_pictures(folder)
    sizes, modes = Counter[tuple[int, int]](), Counter[str]()
    content: dict[str, list[Path]] = {}
    refused = []
    for file in files:
        content.setdefault(sha256(file.read_bytes()).hexdigest(), []).append(file)
        if header := _header(file):
            sizes[header[0]] += 1
            modes[header[1]] += 1
        try:
            read_picture(file, rules)
        except DataError as error:
            refused.append(str(error))
    counted = Counter() if classes is None else Counter(classes.names[label] for label in classes.labels)
    others = Counter(file.suffix.lower() or file.name for file in set(visible_files(folder)) - set(files))
    duplicates = [group for group in content.values() if len(group) > 1]
    splits = Counter() if train is None else Counter(dict(zip(SPLITS, (train, len(files) - train), strict=True)))
    return Survey(len(files), others, sizes, modes, counted, duplicates, refused, splits)


def prepare_pictures(folder: Path, to: Path, rules: Rules) -> Prepared:
    """Writes the pictures of a folder to one file, made alike by the rules, and returns what was kept and left out.

    A .npy file holds the images, uint8 [n, size, size, channels], and an .npz file, as `images`, with `labels` where
    the folder holds one folder per class. A path without ending becomes a folder, see `data.splits`: its images are
    mapped into memory, so that they need not fit there, and its splits are the folders `train` and `test` of a folder
    that holds both, which one file does not keep. Each file is whole or absent. One picture is in memory at a
    time. Without a colour in the rules all become coloured if one of them is.

    Raises DataError for rules without a size, a file that exists or has another ending, one file for two splits, and if
    no picture is left of the folder or of a class.
    """
    check_rules(rules)
    size = rules.size
    if size is None:
        raise DataError("a size is needed to make pictures alike, such as --size 64")
    if to.suffix not in ("", ".npy", ".npz"):
        raise DataError(f"{to} must end in .npy or .npz, or have no ending and become a folder")
    if to.exists() and (to.suffix or holds_splits(to)):
        raise DataError(f"{to} exists; nothing is overwritten: name another file")
    listing = list_pictures(folder)
    if to.suffix and listing.train is not None:
        raise DataError(
            f"{folder} has the splits {' and '.join(SPLITS)}, which one file does not keep; name a folder, such as "
            f"--to {to.with_suffix('')}/"
        )
    files = listing.files
    to.parent.mkdir(parents=True, exist_ok=True)
    if rules.colour is None:
        rules = rules._replace(colour="rgb" if any(_is_coloured(file) for file in files) else "gray")
    shape = size, size, COLOURS[rules.colour or "rgb"]
    refused: dict[int, str] = {}
    kept: list[int] = []
    with part_folder(to) as beside, (beside / "pictures.npy").open("w+b") as aside:
        # The number of pictures is not known before all are read: they wait in a file and are mapped, not read again.
        write_rows(aside, len(files), shape, _rows(files, rules, kept, refused))
        if not kept:
            raise DataError(f"{folder}: none of {len(files)} pictures can be taken; the first: {refused[0]}")
        _check_classes(folder, listing, kept, refused)
        aside.flush()
        images = np.load(aside.name, mmap_mode="r", allow_pickle=False)
        unlabelled = _save(to, images, listing, kept)
    names = listing.classes.names if listing.classes and not unlabelled else ()
    return Prepared(len(kept), shape, [*refused.values()], names, unlabelled)


def prepare_once(folder: Path, rules: Rules, root: Path) -> tuple[Path, Prepared | None]:
    """Returns the folder that holds these pictures made alike by the rules, and what became of them.

    They are prepared in `root/prepared/own` unless they are there: None then. Its name depends on the rules and on the
    names, sizes and times of the files, so that a changed folder is prepared anew. Raises as `prepare_pictures`.
    """
    check_rules(rules)
    files = list_pictures(folder).files
    stamps = [(str(file.relative_to(folder)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    digest = sha256(repr((tuple(rules), stamps)).encode()).hexdigest()[:8]
    stem = folder.resolve().name.replace(".", "_")
    to = root / "prepared" / "own" / f"{stem}-{rules.size}-{digest}"
    if holds_splits(to):
        return to, None
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{to.parent} cannot be made ({error.strerror}), and prepared pictures are kept there: name another folder "
            "with --data-root or GANSCAPE_DATA"
        ) from error
    return to, prepare_pictures(folder, to, rules)


def _check_classes(folder: Path, listing: Listing, kept: list[int], refused: dict[int, str]) -> None:
    """Raises DataError if no picture of a class was kept."""
    if listing.classes is None:
        return
    for label in np.setdiff1d(listing.classes.labels, listing.classes.labels[kept]):
        members = np.flatnonzero(listing.classes.labels == label)
        raise DataError(
            f"{folder}: none of {len(members)} pictures of class {listing.classes.names[label]!r} can be taken; the "
            f"first: {refused[members[0]]}"
        )


def _save(to: Path, images: np.ndarray, listing: Listing, kept: list[int]) -> str:
    """Writes the kept pictures of a listing to the file or the folder `to`, with their classes where both splits have
    all of them and there is a place for them. Returns why they were not kept, else "".
    """
    labels = None if listing.classes is None else listing.classes.labels[kept]
    unlabelled = ""
    if not to.suffix:
        is_test = in_test(len(kept)) if listing.train is None else np.asarray(kept) >= listing.train
        if listing.classes is not None and (unlabelled := _absent_class(listing.classes, kept, is_test)):
            labels = None
        map_source(_Part(images, labels, ~is_test), _Part(images, labels, is_test), to)
        return unlabelled
    with replacing(to) as stream:
        if to.suffix == ".npy":
            write_rows(stream, len(images), images.shape[1:], images)
            return "an .npy file holds no labels; name an .npz file to keep the classes" if listing.classes else ""
        arrays: dict[str, Any] = {} if labels is None else {"labels": labels}
        np.savez(stream, images=images, **arrays)
    return ""


def _absent_class(classes: Classes, kept: list[int], is_test: np.ndarray) -> str:
    """Returns a line about a class that a split has no picture of; "" if there is none."""
    for split, chosen in zip(SPLITS, (~is_test, is_test), strict=True):
        if len(absent := np.setdiff1d(classes.labels, classes.labels[kept][chosen])):
            return f"the classes are not kept: the {split} split has no picture of {classes.names[absent[0]]!r}"
    return ""


class _Part:
    """The images of an array that are chosen, bool [n], as an ImageSource; each with its label, if there are labels."""

    def __init__(self, images: np.ndarray, labels: np.ndarray | None, chosen: np.ndarray):
        self._images, self._labels, self._positions = images, labels, np.flatnonzero(chosen)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, position: int, /) -> Any:
        at = self._positions[position]
        return self._images[at] if self._labels is None else (self._images[at], self._labels[at])


def _rows(files: Sequence[Path], rules: Rules, kept: list[int], refused: dict[int, str]) -> Iterator[np.ndarray]:
    """Yields the pictures that the rules take, and notes which were kept and why others were not."""
    for number, file in enumerate(files):
        try:
            picture = read_picture(file, rules)
        except DataError as error:
            refused[number] = str(error)
            continue
        kept.append(number)
        yield picture


def _header(file: Path) -> tuple[tuple[int, int], str] | None:
    """Returns the size (height, width) and mode of a picture without decoding it; None if there is no such header."""
    try:
        with open_picture(file) as picture:
            return (picture.height, picture.width), picture.mode
    except Exception:  # decompression bombs and broken headers of a dozen types; `read_picture` says what is wrong
        return None


def _is_coloured(file: Path) -> bool:
    header = _header(file)
    return header is not None and header[1] not in ("1", "L", "LA", "I;16", "I;16B", "I;16L")
