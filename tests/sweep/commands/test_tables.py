import io
from pathlib import Path

import pytest
from rich.console import Console

from ganscape.results.store import LOCK, is_written, open_store
from ganscape.sweep.commands.terminal import print_table


def first_line(result):
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()[0]


def test_status_tells_a_running_sweep_from_one_that_ended(ganscape, recorded):
    assert "finished, 144 trials" in first_line(ganscape("status", recorded))
    with open_store(recorded):
        assert is_written(recorded)
        assert "running, 144 trials" in first_line(ganscape("status", recorded))
    assert not is_written(recorded)


def test_a_sweep_with_trials_left_and_nobody_at_work_was_interrupted_and_none_of_its_trials_runs(ganscape, recorded):
    row = {"trial": "0" * 12, "config": "c", "method": "wgan", "seed": 0, "settings": {}, "structure": "s"}
    with open_store(recorded) as store:
        store.add_trials(0, [row])
        for words in (["status", recorded], ["watch", recorded, "--once"]):
            assert "144 done, 1 running, 0 failed" in ganscape(*words).output
    assert "interrupted, 145 trials, 144 done, 1 unfinished, 0 failed" in first_line(ganscape("status", recorded))
    assert "144 done, 1 unfinished, 0 failed" in ganscape("watch", recorded, "--once").output


@pytest.mark.parametrize("name", [LOCK, None])
def test_a_look_at_the_lock_needs_no_lock_file_and_leaves_none_behind(tmp_path, name):
    if name:
        Path(tmp_path / name).touch()
    assert not is_written(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ([name] if name else [])


def printed(width, *table):
    target = Console(file=io.StringIO(), width=width)
    print_table(*table, target=target)
    return target.file.getvalue()


def test_a_table_that_does_not_fit_its_terminal_cuts_no_word():
    names = [f"method_{i}" for i in range(8)]
    rows = [("learning_rate", *["LogUniform(1e-05,0.01)\nfirst 0.0002"] * 8), ("beta1", "[0, 1]", *["0.5"] * 7)]
    wide, narrow = (printed(width, "Spaces [a]", ("field", *names), rows) for width in (400, 80))
    for text in (wide, narrow):
        for word in ("Spaces [a]", "LogUniform(1e-05,0.01)", "[0, 1]"):
            assert word in text
        assert "…" not in text
    assert "learning_rate\n    all: LogUniform(1e-05,0.01); first 0.0002\n" in narrow
    assert "beta1\n    method_0: [0, 1]\n    method_1: 0.5\n" in narrow
    assert max(map(len, printed(80, "", ("a", "b"), [("x", "y " * 100)]).splitlines())) <= 80
