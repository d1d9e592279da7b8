import numpy as np
import orbax.checkpoint as ocp
import pytest

from ganscape.sweep import checkpoints

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.asarray(1 / 3), "c": np.asarray(True)}


def test_arrays_come_back_as_they_were(tmp_path):
    checkpoints.save_checkpoint(str(tmp_path), "trial", 7, ARRAYS)
    restored = checkpoints.load_checkpoint(str(tmp_path), "trial")
    assert restored.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert restored[name].dtype == array.dtype and np.array_equal(restored[name], array)


def test_the_newest_counts_and_older_ones_are_removed(tmp_path):
    for cycle in (9, 10):
        checkpoints.save_checkpoint(str(tmp_path), "trial", cycle, {"cycle": np.asarray(cycle)})
    assert checkpoints.load_checkpoint(str(tmp_path), "trial")["cycle"] == 10
    assert [path.name for path in (tmp_path / "trial").iterdir()] == ["10.safetensors"]


def test_of_two_that_a_killed_worker_left_the_newest_counts(tmp_path):
    for trial, cycle in (("trial", 9), ("other", 10)):
        checkpoints.save_checkpoint(str(tmp_path), trial, cycle, {"cycle": np.asarray(cycle)})
    (tmp_path / "other" / "10.safetensors").rename(tmp_path / "trial" / "10.safetensors")
    assert checkpoints.load_checkpoint(str(tmp_path), "trial")["cycle"] == 10


def test_an_unfinished_write_is_not_a_checkpoint(tmp_path):
    checkpoints.save_checkpoint(str(tmp_path), "trial", 3, ARRAYS)
    (tmp_path / "trial" / ".4.safetensors.abc.part").write_bytes(b"half")
    assert checkpoints.load_checkpoint(str(tmp_path), "trial").keys() == ARRAYS.keys()


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_of_two_checkpoints_the_whole_one_counts(tmp_path, damage):
    checkpoints.save_checkpoint(str(tmp_path), "other", 4, {"cycle": np.arange(100)})
    checkpoints.save_checkpoint(str(tmp_path), "trial", 3, ARRAYS)
    content = bytearray((tmp_path / "other" / "4.safetensors").read_bytes())
    if damage == "flipped":
        content[-7] ^= 1
    else:
        del content[len(content) // 2 if damage == "cut" else 0 :]
    (tmp_path / "trial" / "4.safetensors").write_bytes(content)
    assert checkpoints.load_checkpoint(str(tmp_path), "trial").keys() == ARRAYS.keys()


def test_a_checkpoint_that_an_earlier_version_wrote_is_read_and_replaced(tmp_path):
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "trial" / "7", ARRAYS)
    restored = checkpoints.load_checkpoint(str(tmp_path), "trial")
    assert restored.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert restored[name].dtype == array.dtype and np.array_equal(restored[name], array)
    checkpoints.save_checkpoint(str(tmp_path), "trial", 8, ARRAYS)
    assert [path.name for path in (tmp_path / "trial").iterdir()] == ["8.safetensors"]


def test_a_folder_that_cannot_be_looked_into_has_none_and_ends_nothing(tmp_path):
    """A file in its place stands for a folder without rights, which root does not meet."""
    (tmp_path / "checkpoints").write_text("in the way")
    assert checkpoints.load_checkpoint(str(tmp_path / "checkpoints"), "trial") is None
    checkpoints.forget_trials(str(tmp_path / "checkpoints"), {"trial"})
    assert checkpoints.written(tmp_path / "checkpoints") == {}


def test_without_a_checkpoint_there_is_none(tmp_path):
    assert checkpoints.load_checkpoint(str(tmp_path), "trial") is None
    checkpoints.save_checkpoint(str(tmp_path), "trial", 3, ARRAYS)
    checkpoints.forget(str(tmp_path), "trial")
    assert checkpoints.load_checkpoint(str(tmp_path), "trial") is None
