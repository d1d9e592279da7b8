"""What all commands print alike: a user's mistake in one line, warnings, tables."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from ganscape.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def one_line_errors(interrupted: str = "interrupted; the same command continues") -> Iterator[None]:
    """Turns a user's mistake into one line and exit code 2, and an interruption into exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(interrupted, err=True)
        raise typer.Exit(130) from None
    except (UserError, OSError, MemoryError) as error:
        text = str(error) or "out of memory"
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            text = f"the disk is full ({text}); nothing stored is lost, the same command continues once there is room"
        typer.echo(f"error: {' '.join(text.split())}", err=True)
        raise typer.Exit(2) from None


def print_table(title: str, header: tuple, rows: list[tuple], target: "Console | None" = None) -> None:
    """Prints a table; a header of empty words is left out.

    Where a word would be cut because the terminal is too narrow, each row becomes a block with a line per cell.
    """
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    target = console() if target is None else target
    table = Table(*map(str, header), title=Text(title), title_justify="left", show_header=any(header))
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    if Measurement.get(target, target.options.update(max_width=10_000), table).minimum <= target.width:
        target.print(table)
        return
    for line in (title, *(line for row in rows for line in _block(header, row))):
        target.print(Text(line), soft_wrap=True)


def _block(header: tuple, row: tuple) -> list[str]:
    """A row below its first cell: one line per cell that says something, one for all where they say the same."""
    first, *cells = (str(cell).replace("\n", "; ") for cell in row)
    if len(cells) > 2 and len(set(cells)) == 1:
        return [first, f"    all: {cells[0]}"]
    named = zip(header[1:], cells, strict=True)
    return [first, *(f"    {name}: {cell}" if name else f"    {cell}" for name, cell in named if cell)]


def print_warnings(warnings: Iterable[str]) -> None:
    """Prints each warning as a line on stderr."""
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def console():
    """Returns a console as wide as the terminal, or of 240 columns for a file or a pipe."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=240)
