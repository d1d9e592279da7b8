"""Loads Fashion-MNIST from its four original IDX files, in a folder or downloaded."""

from pathlib import Path

from ganscape.data import idx
from ganscape.data.dataset import Dataset

IMAGE_SHAPE = (28, 28, 1)
PUBLISHED = idx.Publication(
    "fashion_mnist",
    "Fashion-MNIST",
    idx.IdxFile(
        "train-images-idx3-ubyte",
        (60000, 28, 28),
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        None,
    ),
    idx.IdxFile(
        "train-labels-idx1-ubyte",
        (60000,),
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        None,
    ),
    idx.IdxFile(
        "t10k-images-idx3-ubyte",
        (10000, 28, 28),
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        None,
    ),
    idx.IdxFile(
        "t10k-labels-idx1-ubyte",
        (10000,),
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        None,
    ),
    ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    in_root=False,
)


def load(root: Path) -> Dataset:
    """Returns Fashion-MNIST: 60,000 train and 10,000 test images, uint8 [n, 28, 28, 1], in the published order.

    The .gz files, whose names are those of MNIST's, are looked for in `root/fashion_mnist`; a missing one is
    downloaded there. Every file is held to the SHA-256 of the one published.
    Raises DataError naming the file that is missing, damaged or not Fashion-MNIST's.

    Source: Xiao, Rasul and Vollgraf, Fashion-MNIST, 2017 (arXiv:1708.07747).
    """
    return idx.load(PUBLISHED, root)
