"""Which studies of a paper are run; the page about them is in tests/results/test_reproduction.py."""

import pytest

from ganscape.data import DataError
from ganscape.sweep.commands.reproduce import _plans


@pytest.fixture
def torn(tmp_path):
    """A folder of data files in which those of CIFAR10 are empty, so that nothing is downloaded."""
    folder = tmp_path / "files" / "cifar10"
    folder.mkdir(parents=True)
    for name in ("test_batch", *(f"data_batch_{number}" for number in range(1, 6))):
        (folder / f"{name}.bin").touch()
    return folder.parent


def test_a_study_whose_data_are_not_here_is_left_out_and_the_others_are_planned(torn, tmp_path, capsys):
    plans = _plans(["landscape/architecture", "landscape/loss"], "smoke", tmp_path / "out", torn)
    assert list(plans) == [tmp_path / "out" / "landscape-loss"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("left out: landscape/architecture: ") and "data_batch_1.bin: 0 bytes" in line


def test_where_the_data_of_no_study_are_here_it_is_an_error(torn, tmp_path):
    with pytest.raises(DataError, match=r"data_batch_1\.bin: 0 bytes"):
        _plans(["landscape/architecture"], "smoke", tmp_path / "out", torn)
