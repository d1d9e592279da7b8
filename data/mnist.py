"""MNIST from its four original IDX files, found in a folder or downloaded."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.dataset import DataError, Dataset

IMAGE_SHAPE = (28, 28, 1)
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = (5.0, 60.0)  # seconds to connect to a mirror, seconds it may stay silent


class IdxFile(NamedTuple):
    """One IDX file: unsigned bytes of the given shape behind a big-endian header."""

    name: str
    shape: tuple[int, ...]
    sha256: str  # of the decompressed bytes, header included
    gz_sha256: str  # of the .gz file as published; only downloads are held to it


TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte",
    (60000, 28, 28),
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte",
    (60000,),
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte",
    (10000, 28, 28),
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte",
    (10000,),
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)


def load(root: Path) -> Dataset:
    """MNIST: 60,000 train and 10,000 test images, uint8 [n, 28, 28, 1], in the published order and split.

    The IDX files, plain or .gz, are looked for in `root` and `root/mnist`; a missing one is downloaded
    to `root/mnist`. Every file is held to the SHA-256 of its decompressed bytes.
    Raises DataError naming the file that is missing, damaged or not MNIST's.

    Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998.
    """
    train, train_labels, test, test_labels = (
        read(locate(file, root), file) for file in (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)
    )
    return Dataset(
        "mnist", train[..., None], test[..., None], train_labels.astype(np.int64), test_labels.astype(np.int64)
    )


def locate(file: IdxFile, root: Path) -> Path:
    """The path of `file` in `root` or `root/mnist`, downloaded if it is in neither."""
    for folder in (root, root / "mnist"):
        for name in (file.name, f"{file.name}.gz"):
            if (folder / name).exists():
                return folder / name
    return download(file, root)


def download(file: IdxFile, root: Path) -> Path:
    """The path of `file`'s published .gz, fetched to `root/mnist` from the first mirror that serves it."""
    import pooch

    pooch.get_logger().setLevel("WARNING")

    folder = root / "mnist"
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for mirror in MIRRORS:
        try:
            fetched = pooch.retrieve(
                url=f"{mirror}{file.name}.gz",
                known_hash=f"sha256:{file.gz_sha256}",
                fname=f"{file.name}.gz",
                path=folder,
                downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
            )
            return Path(fetched)
        except (OSError, ValueError) as error:  # requests' errors are OSErrors, a wrong hash is a ValueError
            failures.append(f"{mirror}: {reason(error)}")
    raise DataError(
        f"mnist: no {file.name} or {file.name}.gz in {root} or {folder}, and no download "
        f"({'; '.join(failures)}); put the four IDX files of MNIST into {folder}"
    )


def reason(error: Exception) -> str:
    """A few words on why a download failed."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if isinstance(error, ValueError):
        return "the file served has another sha256 than the published one"
    return getattr(error, "strerror", None) or type(error).__name__


def read(path: Path, file: IdxFile) -> np.ndarray:
    """The array in the IDX file at `path`, uint8 of shape `file.shape`; DataError if it is not that file."""
    content = decompress(path)
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
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise DataError(f"{path}: decompressed bytes have sha256 {found}, expected {file.sha256}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def decompress(path: Path) -> bytes:
    """The bytes of a plain or .gz file; DataError if the .gz is truncated or damaged."""
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as stream:
            return stream.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}: not a complete gzip file ({error}), expected one; delete it or copy it again"
        ) from error
