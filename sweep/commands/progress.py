"""How far a sweep is: a bar on a terminal and in a notebook, plain lines elsewhere."""

import io
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Column

from ganscape.results.wording import duration

LINE_SECONDS = 10.0
NOTEBOOK_WIDTH = 100


def describe_progress(backlog) -> str:
    """Returns counts of trials and compiled programs, the best score so far and the time left, in words."""
    failed, stopped = backlog.outcomes.failed(), backlog.outcomes.stopped()
    words = [
        f"{len(backlog.outcomes.ended) - failed - stopped} of {backlog.expected()} trials done",
        f"{len(backlog.running)} running",
        f"{failed} failed",
        *([f"{stopped} stopped"] if stopped else []),
        f"{backlog.compilations} programs compiled",
    ]
    if backlog.best is not None:
        value, trial = backlog.best
        words.append(f"best {backlog.plan.workload.metric} {value:.4g} ({trial.method})")
    left = backlog.seconds_left()
    if math.isfinite(left) and len(backlog.outcomes.ended) < backlog.expected():
        words.append(f"about {duration(left)} left")
    return ", ".join(words)


def describe_briefly(backlog) -> str:
    """Returns trials done and failed, the time left and the best score, in at most 57 characters: beside a bar and a
    percentage that fits on a line of 80. The best score stands last because it may be cut off."""
    failed, stopped = backlog.outcomes.failed(), backlog.outcomes.stopped()
    words = [f"{len(backlog.outcomes.ended) - failed - stopped} done", f"{failed} failed"]
    left = backlog.seconds_left()
    if math.isfinite(left) and len(backlog.outcomes.ended) < backlog.expected():
        words.append(f"{duration(left)} left")
    if backlog.best is not None:
        value, trial = backlog.best
        words.append(f"best {value:.4g} ({trial.method})")
    return ", ".join(words)


@contextmanager
def show_progress(console: Console) -> Iterator[Callable]:
    """Yields a function that shows how far a backlog is, to be called after every change of it."""
    if console.is_jupyter:
        yield _in_notebook()
    elif console.is_terminal:
        with _bar(console) as progress:
            yield partial(_advance, progress)
    else:
        yield _lines(console)


def _bar(console: Console) -> Progress:
    text = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
    progress = Progress(BarColumn(bar_width=16), TaskProgressColumn(), text, console=console)
    progress.add_task("starting workers", total=None)
    return progress


def _advance(progress: Progress, backlog) -> None:
    total = backlog.expected() * len(backlog.plan.workload.rungs)
    (task,) = progress.task_ids
    progress.update(task, total=total, completed=backlog.rungs_done(), description=describe_briefly(backlog))


def _in_notebook() -> Callable:
    """Returns a function that draws the bar anew as one line below a notebook's cell: rich itself would need widgets
    there."""
    from IPython.display import display

    progress = _bar(Console(file=io.StringIO(), width=NOTEBOOK_WIDTH, force_jupyter=False))
    handle = display({"text/plain": _text(progress)}, raw=True, display_id=True)

    def show(backlog) -> None:
        _advance(progress, backlog)
        handle.update({"text/plain": _text(progress)}, raw=True)

    return show


def _text(progress: Progress) -> str:
    with progress.console.capture() as capture:
        progress.console.print(progress.get_renderable())
    return capture.get().rstrip()


def _lines(console: Console) -> Callable:
    printed_at, printed = -LINE_SECONDS, ""

    def show(backlog) -> None:
        nonlocal printed_at, printed
        ended = backlog.trials and len(backlog.outcomes.ended) == backlog.expected()
        if not ended and time.monotonic() - printed_at < LINE_SECONDS:
            return
        text = describe_progress(backlog)
        if text != printed:
            console.print(text, highlight=False, soft_wrap=True)
            printed_at, printed = time.monotonic(), text

    return show
