"""Pictures of any size made alike: what is in a folder, and one file of it that sweeps read at once."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from ganscape.data.dataset import DataError
from ganscape.data.folders import classes_of, picture_files, visible_files
from ganscape.data.pictures import COLOURS, Rules, check_rules, read_picture
from ganscape.files import replacing


class Survey(NamedTuple):
    """What a folder of pictures holds.

    files: pictures, readable or not. others: files that are no pictures, by ending. sizes, modes: of readable pictures,
    "height x width" and as Pillow calls them. classes: pictures by class, empty without classes. duplicates: groups of
    files with equal bytes. refused: one line for each picture that the rules refuse.
    """

    files: int
    others: Counter[str]
    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    classes: Counter[str]
    duplicates: list[list[Path]]
    refused: list[str]


class Prepared(NamedTuple):
    """What became of a folder: pictures kept, their shape, a line for each one left out, and the classes."""

    kept: int
    image_shape: tuple[int, int, int]
    refused: list[str]
    classes: tuple[str, ...]


def survey(folder: Path, rules: Rules) -> Survey:
    """Returns what a folder of pictures holds, and which of them the rules refuse. Reads one picture at a time."""
    check_rules(rules)
    files = picture_files(folder)
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
    classes = classes_of(folder, files)
    counted = Counter() if classes is None else Counter(classes.names[label] for label in classes.labels)
    others = Counter(file.suffix.lower() or file.name for file in set(visible_files(folder)) - set(files))
    duplicates = [group for group in content.values() if len(group) > 1]
    return Survey(len(files), others, sizes, modes, counted, duplicates, refused)


def prepare_pictures(folder: Path, to: Path, rules: Rules) -> Prepared:
    """Writes the pictures of a folder to one file, made alike by the rules, and returns what was kept and left out.

    A .npy file holds the images, uint8 [n, size, size, channels], and an .npz file, as `images`, with `labels` where
    the folder holds one folder per class. The file is whole or absent. One picture is in memory at a time. Without a
    colour in the rules all become coloured if one of them is.

    Raises DataError for rules without a size, a file that exists or has another ending, and if no picture is left.
    """
    check_rules(rules)
    size = rules.size
    if size is None:
        raise DataError("a size is needed to make pictures alike, such as --size 64")
    if to.suffix not in (".npy", ".npz"):
        raise DataError(f"{to} must end in .npy or .npz")
    if to.exists():
        raise DataError(f"{to} exists; nothing is overwritten: name another file")
    files = picture_files(folder)
    classes = classes_of(folder, files)
    to.parent.mkdir(parents=True, exist_ok=True)
    if rules.colour is None:
        rules = rules._replace(colour="rgb" if any(_is_coloured(file) for file in files) else "gray")
    shape = size, size, COLOURS[rules.colour or "rgb"]
    refused: list[str] = []
    kept: list[int] = []
    with replacing(to) as stream, tempfile.NamedTemporaryFile(dir=to.parent, prefix=f".{to.name}.") as aside:
        # An archive needs all images at once: they wait in a file of their own and are mapped, not read.
        images = aside if to.suffix == ".npz" else stream
        _write_rows(images, len(files), shape, _rows(files, rules, kept, refused))
        if not kept:
            raise DataError(f"{folder}: none of {len(files)} pictures can be taken; the first: {refused[0]}")
        if to.suffix == ".npz":
            aside.flush()
            arrays: dict[str, Any] = {} if classes is None else {"labels": classes.labels[kept]}
            np.savez(stream, images=np.load(aside.name, mmap_mode="r", allow_pickle=False), **arrays)
    return Prepared(len(kept), shape, refused, classes.names if classes else ())


def _rows(files: Sequence[Path], rules: Rules, kept: list[int], refused: list[str]) -> Iterator[np.ndarray]:
    """Yields the pictures that the rules take, and notes which were kept and why others were not."""
    for number, file in enumerate(files):
        try:
            picture = read_picture(file, rules)
        except DataError as error:
            refused.append(str(error))
            continue
        kept.append(number)
        yield picture


def _write_rows(stream: IO[bytes], most: int, shape: tuple[int, int, int], rows: Iterator[np.ndarray]) -> None:
    """Writes an .npy file row by row, with the number of rows that there turn out to be, at most `most`."""
    count = 0
    start = _write_header(stream, most, shape)
    for row in rows:
        stream.write(row.tobytes())
        count += 1
    stream.seek(0)
    assert _write_header(stream, count, shape) == start  # numpy leaves room for a first axis of any length
    stream.seek(0, 2)


def _write_header(stream: IO[bytes], count: int, shape: tuple[int, int, int]) -> int:
    described = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.tell()


def _header(file: Path) -> tuple[tuple[int, int], str] | None:
    """Returns the size (height, width) and mode of a picture without decoding it; None if there is no such header."""
    from PIL import Image

    try:
        with Image.open(file) as picture:
            return (picture.height, picture.width), picture.mode
    except Exception:  # decompression bombs and broken headers of a dozen types; `read_picture` says what is wrong
        return None


def _is_coloured(file: Path) -> bool:
    header = _header(file)
    return header is not None and header[1] not in ("1", "L", "LA", "I;16", "I;16B", "I;16L")
