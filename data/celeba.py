"""CelebA at 64x64: 202,599 aligned faces, prepared as Lucic et al. 2018 and Kurach et al. 2019 have them.

Of each JPEG of 218x178 the central 160x160 (29 rows from the top, 9 columns from the left) is resized by bilinear
interpolation without antialiasing, output pixel i at source 2.5 i, and rounded to whole levels, halves up. The studies
keep fractions of a level, from which these differ by half a level at most. They score against the first 10,000 images
of the validation part, later versions of their code against those of the test part.

Source: Liu, Luo, Wang and Tang, Deep Learning Face Attributes in the Wild, 2015; google/compare_gan, tags v1.0 and
v2.0. MD5 sums as in torchvision.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ganscape.data.archives import Pictures, open_pictures
from ganscape.data.dataset import DataError, Dataset
from ganscape.data.prepared import load_prepared

IMAGE_SHAPE = (64, 64, 3)
STORED_SHAPE = (218, 178, 3)
TOP, LEFT, SIDE = 29, 9, 160
PARTS = {"train": 162_770, "valid": 19_867, "test": 19_962}  # of numbers 0, 1 and 2 in the list of partitions
TESTED = 10_000
PICTURES = "img_align_celeba"
PARTITIONS = "list_eval_partition"
MD5 = {
    f"{PICTURES}.zip": "00d2c5bc6d35e252742224ab0c1e8fcb",
    f"{PARTITIONS}.txt": "d32c9cbf5e040fd4025c592c306e6668",
}


def load(root: Path) -> Dataset:
    """Returns CelebA: the 162,770 images of its train part, and the first 10,000 of its validation part as test split;
    uint8 [n, 64, 64, 3] in the order of their names, mapped into memory.

    At the first call they are prepared in `root/prepared/celeba` (2.2 GB, minutes), from the folder
    `img_align_celeba` or img_align_celeba.zip and list_eval_partition.txt (or .csv), in `root` or `root/celeba`.
    Published MD5 sums and numbers of images are checked.

    Raises DataError naming the file that is missing, damaged or not CelebA's.
    """
    return _load(root, "celeba", "valid")


def load_test(root: Path) -> Dataset:
    """Returns CelebA as `load` does, with the first 10,000 images of its test part as test split."""
    return _load(root, "celeba_test", "test")


def _load(root: Path, name: str, tested: str) -> Dataset:
    counts = {part: count if part == "train" else min(count, TESTED) for part, count in PARTS.items()}
    source: list[tuple[Pictures, dict[str, list[str]]]] = []

    def images(part: str) -> Iterator[np.ndarray]:
        if not source:
            source.append(_files(root))
        pictures, parts = source[0]
        for file in parts[part][: counts[part]]:
            yield prepare_face(pictures.read(file), f"{pictures.where}: {file}")

    arrays = load_prepared(root / "prepared" / "celeba", counts, IMAGE_SHAPE, images)
    return Dataset(name, arrays["train"], arrays[tested], None, None)


def prepare_face(picture: np.ndarray, name: str) -> np.ndarray:
    """Returns a picture of 218x178x3 as the studies take it, uint8 [64, 64, 3]. Raises DataError for another shape."""
    if picture.shape != STORED_SHAPE:
        found, expected = ("x".join(map(str, shape)) for shape in (picture.shape, STORED_SHAPE))
        raise DataError(f"{name} is {found}, expected {expected}: the aligned and cropped pictures of CelebA")
    central = picture[TOP : TOP + SIDE, LEFT : LEFT + SIDE].astype(np.uint16)
    # Source 2.5 i lies on a pixel or in the middle of two, so that each result is the mean of four.
    low, high = (np.arange(IMAGE_SHAPE[0]) * 5 + more for more in (0, 1))
    rows = central[low // 2] + central[high // 2]
    return ((rows[:, low // 2] + rows[:, high // 2] + 2) // 4).astype(np.uint8)


def _files(root: Path) -> tuple[Pictures, dict[str, list[str]]]:
    """Returns the pictures, and the names of those of each part."""
    folders = (root, root / "celeba")
    for folder in folders:
        lists = [folder / f"{PARTITIONS}{ending}" for ending in (".txt", ".csv")]
        listed = next((file for file in lists if file.is_file()), None)
        packed = next((place for place in (folder / PICTURES, folder / f"{PICTURES}.zip") if place.exists()), None)
        if listed and packed:
            _check_md5(listed)
            _check_md5(packed)
            parts, pictures = read_partitions(listed), open_pictures(packed)
            known = set(pictures.names)
            for names in parts.values():
                if missing := [name for name in names if name not in known]:
                    raise DataError(f"{packed}: no {missing[0]}, one of {len(missing)} pictures that {listed} names")
            return pictures, parts
    raise DataError(
        f"celeba: no {PICTURES} (folder or .zip) and {PARTITIONS}.txt in {' or '.join(map(str, folders))}; put the "
        "aligned pictures and the list of partitions of CelebA there"
    )


def read_partitions(file: Path) -> dict[str, list[str]]:
    """Returns the sorted names of the pictures of each part, from lines of a name and a number 0, 1 or 2.

    Raises DataError for another line, or if a part has not the published number of pictures.
    """
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    names = list(PARTS)
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        words = line.replace(",", " ").split()
        if number == 1 and words == ["image_id", "partition"]:
            continue
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise DataError(f"{file}, line {number}: {line[:60]!r}, expected a picture's name and 0, 1 or 2")
        parts[names[int(words[1])]].append(words[0])
    for part, count in PARTS.items():
        if len(set(parts[part])) != count:
            raise DataError(f"{file}: {len(set(parts[part]))} pictures of the {part} part, expected {count}")
    return {part: sorted(files) for part, files in parts.items()}


def _check_md5(file: Path) -> None:
    """Raises DataError if the file has a published MD5 sum and is another file."""
    if file.name not in MD5:
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != MD5[file.name]:
        raise DataError(f"{file}: md5 {found}, expected {MD5[file.name]}; copy it again")
