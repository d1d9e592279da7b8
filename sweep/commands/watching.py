"""Shows a sweep on the terminal, from its store alone: how far it is, the best score of each method, what failed."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ganscape.results.wording import duration

if TYPE_CHECKING:
    from ganscape.results.frames import Results
    from ganscape.results.live import Progress

SILENT = 120.0  # seconds without a score after which the view mentions them


def follow(folder: Path, console: Console, seconds: float) -> None:
    """Shows `view` until every trial has ended, and again whenever the store has changed, which is looked up every
    `seconds`. On a terminal the new view replaces the old one, elsewhere it follows below.
    """
    from ganscape.results.frames import load
    from ganscape.results.live import progress
    from ganscape.results.store import rows_written

    with Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as live:
        while True:
            seen, results = rows_written(folder), load(folder)
            state = progress(results)
            screen = view(results, state)
            live.update(screen, refresh=True) if live else console.print(screen)
            if state.left == 0:
                return
            _wait(folder, seen, seconds)


def print_once(folder: Path, console: Console) -> None:
    """Prints `view` once."""
    from ganscape.results.frames import load
    from ganscape.results.live import progress

    results = load(folder)
    console.print(view(results, progress(results)))


def view(results: "Results", state: "Progress") -> RenderableType:
    """Returns a bar, a line with counts, pace and time left, and a table with one row per method.

    Trials that have not ended are running while a process writes to the folder, and else unfinished.
    """
    from ganscape.results.store import is_written

    counts, ended = state.counts, sum(state.counts.values()) - state.counts["running"]
    study = f"{results.study.get('study', 'no study yet')} on {results.study.get('data', 'no data yet')}"
    bar = ProgressBar(total=max(state.expected, 1), completed=ended, width=20)
    words = [f"{ended} of {state.expected} trials ended"]
    begun = "running" if is_written(results.folder) else "unfinished"
    named = {begun if name == "running" else name: count for name, count in counts.items()}
    words += [f"{count} {name}" for name, count in named.items() if count or name != "stopped"]
    words += [f"{count} {cause}" for cause, count in state.failures.items()]
    if np.isfinite(state.per_minute):
        words.append(f"{state.per_minute:.3g} rungs per minute")
    if np.isfinite(state.left) and state.left > 0:
        words.append(f"about {duration(state.left)} left")
    if state.idle > SILENT and state.left != 0:
        words.append(f"no score for {duration(state.idle)}")
    line = Table.grid(padding=(0, 2))
    line.add_row(bar, ", ".join(words))
    return Group(Text(study, style="bold"), line, _methods(results, state))


def _methods(results, state) -> Table:
    rows = state.methods.to_dict("records")
    k = rows[0]["k"] if rows else 0
    expected = any(np.isfinite(row["expected"]) for row in rows)
    header = ["method", "done", "failed", "share failed", "best so far", "config", "seed"]
    table = Table(*header, *([f"expected best of {k}"] if expected else []), title=results.protocol_label(),
                  title_justify="left")  # fmt: skip
    for row in sorted(rows, key=lambda row: (np.isnan(row["best"]), row["best"])):
        none = np.isnan(row["best"])
        cells = [row["method"], str(row["done"]), str(row["failed"]), _share(row)]
        cells += ["-", "", ""] if none else [f"{row['best']:.4g}", row["config"], str(row["seed"])]
        table.add_row(*cells, *([_expected(row)] if expected else []))
    return table


def _share(row) -> str:
    if np.isnan(row["failed_low"]):
        return "-"
    share = row["failed"] / (row["failed"] + row["done"])
    return f"{share:.0%} ({row['failed_low']:.0%} to {row['failed_high']:.0%})"


def _expected(row) -> str:
    if not np.isfinite(row["expected"]):
        return "-"
    return f"{row['expected']:.4g}" + (f" ({row['low']:.4g} to {row['high']:.4g})" if np.isfinite(row["low"]) else "")


def _wait(folder, seen, seconds) -> None:
    """Waits until the store changes, for at least `seconds` and at most ten times as long."""
    from ganscape.results.store import rows_written

    for _ in range(10):
        time.sleep(seconds)
        if rows_written(folder) != seen:
            return
