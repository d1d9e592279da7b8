"""Loads MNIST from its four original IDX files, in a folder or downloaded."""

from pathlib import Path

from ganscape.data import idx
from ganscape.data.dataset import Dataset

IMAGE_SHAPE = (28, 28, 1)
PUBLISHED = idx.Publication(
    "mnist",
    "MNIST",
    idx.IdxFile(
        "train-images-idx3-ubyte",
        (60000, 28, 28),
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    idx.IdxFile(
        "train-labels-idx1-ubyte",
        (60000,),
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    idx.IdxFile(
        "t10k-images-idx3-ubyte",
        (10000, 28, 28),
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    idx.IdxFile(
        "t10k-labels-idx1-ubyte",
        (10000,),
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    in_root=True,
)


def load(root: Path) -> Dataset:
    """Returns MNIST: 60,000 train and 10,000 test images, uint8 [n, 28, 28, 1], in the published order and split.

    The IDX files, plain or .gz, are looked for in `root` and `root/mnist`; a missing one is downloaded
    to `root/mnist`. Every file is held to the SHA-256 of its decompressed bytes.
    Raises DataError naming the file that is missing, damaged or not MNIST's.

    Source: LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998.
    """
    return idx.load(PUBLISHED, root)
