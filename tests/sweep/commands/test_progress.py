import io
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from ganscape.results.wording import duration
from ganscape.sweep.commands.progress import describe_progress, show_progress


def backlog(done=1, failed=1, trials=4, best=12.3456, left=65.0, stopped=0):
    finished = {str(n): "done" for n in range(done)} | {f"f{n}": "diverged" for n in range(failed)}
    finished |= {f"s{n}": "stopped" for n in range(stopped)}
    return SimpleNamespace(
        trials={str(n): None for n in range(trials)},
        expected=lambda: trials,
        outcomes=SimpleNamespace(ended=finished, failed=lambda: failed, stopped=lambda: stopped),
        running={"x"},
        compilations=3,
        best=(best, SimpleNamespace(method="wgan")),
        plan=SimpleNamespace(workload=SimpleNamespace(metric="fd_digits", rungs=(1, 2))),
        rungs_done=lambda: 2 * len(finished),
        seconds_left=lambda: left,
    )


@pytest.mark.parametrize(
    "seconds, words",
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min"), (7500, "2 h 5 min"), (277200, "3 d 5 h")],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_line_says_how_far_it_is():
    counts = "1 of 4 trials done, 1 running, 1 failed, 3 programs compiled"
    assert describe_progress(backlog()) == f"{counts}, best fd_digits 12.35 (wgan), about 1 min 5 s left"


def test_stopped_trials_are_neither_done_nor_failed():
    assert describe_progress(backlog(stopped=1)).startswith(
        "1 of 4 trials done, 1 running, 1 failed, 1 stopped, 3 programs"
    )


def test_nothing_is_left_at_the_end():
    assert "left" not in describe_progress(backlog(done=3, failed=1))


def test_plain_lines_are_few_and_the_last_is_shown():
    """Away from a terminal: one line at the start, none for a change at once after, one at the end."""
    text = io.StringIO()
    with show_progress(Console(file=text, width=200)) as show:
        show(backlog(done=0, failed=0))
        show(backlog(done=1))
        show(backlog(done=3))
    lines = text.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == ["0 of 4 trials done", "3 of 4 trials done"]


def test_a_terminal_gets_a_bar():
    text = io.StringIO()
    with show_progress(Console(file=text, width=200, force_terminal=True, force_interactive=True)) as show:
        show(backlog())
    assert " 50%" in text.getvalue()


def test_a_line_of_80_columns_holds_bar_percent_counts_time_left_and_best():
    """In the longest case of a large study: five-figure counts, days, a long name of a method."""
    text = io.StringIO()
    with show_progress(
        Console(file=text, width=80, force_terminal=True, force_interactive=True, color_system=None)
    ) as show:
        show(backlog(done=12345, failed=1234, trials=99999, left=277200.0))
    (line,) = {line for line in re.split(r"[\r\n]|\x1b\[[0-9;?]*[A-Za-z]", text.getvalue()) if "done" in line}
    assert len(line) <= 80
    assert re.search(r"^[\u2501\u2578]+ +14% 12345 done, 1234 failed, 3 d 5 h left, best 12.35", line)
