from pathlib import Path

import pytest

from ganscape.results.store import LOCK, is_written, open_store


def first_line(result):
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()[0]


def test_status_tells_a_running_sweep_from_one_that_ended(ganscape, recorded):
    assert "finished, 144 trials" in first_line(ganscape("status", recorded))
    with open_store(recorded):
        assert is_written(recorded)
        assert "running, 144 trials" in first_line(ganscape("status", recorded))
    assert not is_written(recorded)


def test_a_sweep_with_trials_left_and_nobody_at_work_was_interrupted(ganscape, recorded):
    row = {"trial": "0" * 12, "config": "c", "method": "wgan", "seed": 0, "settings": {}, "structure": "s"}
    with open_store(recorded) as store:
        store.add_trials(0, [row])
    assert "interrupted, 145 trials" in first_line(ganscape("status", recorded))


@pytest.mark.parametrize("name", [LOCK, None])
def test_a_look_at_the_lock_needs_no_lock_file_and_leaves_none_behind(tmp_path, name):
    if name:
        Path(tmp_path / name).touch()
    assert not is_written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ([name] if name else [])
