"""What all commands print alike: a user's mistake in one line, warnings, tables."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer

from ganscape.errors import UserError


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


def print_table(title: str, header: tuple, rows: list[tuple]) -> None:
    """Prints a table; a header of empty words is left out."""
    from rich.table import Table

    table = Table(*header, title=title, title_justify="left", show_header=any(header))
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console().print(table)


def print_warnings(warnings: Iterable[str]) -> None:
    """Prints each warning as a line on stderr."""
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def console():
    """Returns a console as wide as the terminal, or of 240 columns for a file or a pipe."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=240)
