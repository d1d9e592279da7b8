"""What all commands share on the terminal: a user's mistake in one line, and tables."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer

from ganscape.errors import UserError


@contextmanager
def one_line_errors(interrupted: str = "interrupted; the same command continues") -> Iterator[None]:
    """A user's mistake ends with one line and exit code 2; an interruption with 130."""
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
    """Cells as text; a header of empty words is not shown."""
    from rich.table import Table

    table = Table(*header, title=title, title_justify="left", show_header=any(header))
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    console().print(table)


def print_warnings(warnings: Iterable[str]) -> None:
    """A line on stderr for each of them."""
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def console():
    """A terminal of its own width, or wide lines into a file or a pipe."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=240)
