"""Loads CIFAR10 from its original binary files, in a folder or downloaded, or from Parquet files of pictures."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np

from ganscape.data import downloads
from ganscape.data.dataset import DataError, Dataset
from ganscape.data.parquet import read_pictures

IMAGE_SHAPE = (32, 32, 3)
CLASSES = 10
TEST = "test_batch.bin"
FILES = {  # name -> SHA-256, in the order of the images
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    TEST: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
RECORD = 1 + 3 * 32 * 32  # a label, then the red, the green and the blue plane, row by row
ARCHIVE = "cifar-10-binary.tar.gz"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
LOSSLESS = {"PNG", "BMP"}


def load(root: Path) -> Dataset:
    """Returns CIFAR10: 50,000 train and 10,000 test images, uint8 [n, 32, 32, 3], in the order of the files.

    Looked for in `root`, `root/cifar10` and `root/cifar-10-batches-bin`: the six .bin files of the binary version;
    else train.parquet and test.parquet (or train-*.parquet, test-*.parquet) of losslessly encoded pictures. With
    neither, the archive is downloaded to `root/cifar10` and unpacked there. Binary files and the archive are held to
    their SHA-256, pictures to the number of images of every class.
    Raises DataError naming the file that is missing, damaged or not CIFAR10's.

    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """
    folders = (root, root / "cifar10", root / "cifar-10-batches-bin", root / "cifar10" / "cifar-10-batches-bin")
    folder = next((folder for folder in folders if (folder / TEST).exists()), None)
    if folder is None and (tables := _tables((root, root / "cifar10"))):
        return _pictures("cifar10", tables, LOSSLESS)
    folder = _download(root / "cifar10") if folder is None else folder
    parts = [read_batch(folder / name, sha256) for name, sha256 in FILES.items()]
    images, labels = (np.concatenate([part[side] for part in parts[:-1]]) for side in (0, 1))
    return Dataset("cifar10", images, parts[-1][0], labels, parts[-1][1])


def load_jpeg(root: Path) -> Dataset:
    """Returns CIFAR10 in compressed form, from Parquet files of any format in `root` or `root/cifar10_jpeg`.

    The pixels are not CIFAR10's, so scores on them do not compare with those on CIFAR10.
    """
    folders = (root, root / "cifar10_jpeg")
    tables = _tables(folders)
    if not tables:
        raise DataError(f"cifar10_jpeg: no train.parquet and test.parquet in {' or '.join(map(str, folders))}")
    return _pictures("cifar10_jpeg", tables, None)


def read_batch(path: Path, sha256: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns images uint8 [n, 32, 32, 3] and labels int64 [n] of one binary file; DataError if it is another file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"cifar10: no {path.name} in {path.parent}, where {TEST} is; put all six there") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(f"{path}: {len(content)} bytes with sha256 {found}, expected {sha256}")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)


def _tables(folders: tuple[Path, ...]) -> tuple[list[Path], list[Path]] | None:
    """Returns the Parquet files of the train and of the test split in the first folder that has both."""
    for folder in folders:
        train, test = (
            sorted([*folder.glob(f"{split}.parquet"), *folder.glob(f"{split}-*.parquet")])
            for split in ("train", "test")
        )
        if train and test:
            return train, test
    return None


def _pictures(name: str, tables: tuple[list[Path], list[Path]], formats: set[str] | None) -> Dataset:
    train, test = (read_pictures(files, IMAGE_SHAPE, formats) for files in tables)
    for split, (_, labels), each in (("train", train, 5000), ("test", test, 1000)):
        counts = np.bincount(labels, minlength=CLASSES).tolist()
        if counts != [each] * CLASSES:
            where = tables[0][0].parent
            raise DataError(f"{name} in {where}: images per class of the {split} split are {counts}, not {each} each")
    return Dataset(name, train[0], test[0], train[1], test[1])


def _download(folder: Path) -> Path:
    """Downloads and unpacks the published archive; returns the folder with its files."""
    try:
        archive = downloads.retrieve([URL], SHA256, folder / ARCHIVE)
    except downloads.DownloadError as error:
        raise DataError(
            f"cifar10: no {TEST} in {folder.parent} or {folder}, and no download ({error}); "
            f"put the six .bin files of CIFAR10's binary version into {folder}"
        ) from error
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / "cifar-10-batches-bin"
