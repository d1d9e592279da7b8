"""What all commands print alike: a user's mistake in one line, warnings, tables."""

import errno
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from ganscape.errors import UserError, suggestion

if TYPE_CHECKING:
    from rich.console import Console

# What other programs call an option -> what does it here.
HINTS = {
    "--epochs": "training length is counted in real images: --set images=N",
    "--steps": "training length is counted in real images: --set images=N",
    "--iterations": "training length is counted in real images: --set images=N",
    "--gpus": "--gpus-per-worker",
    "--gpu": "--gpus-per-worker",
    "--num-gpus": "--gpus-per-worker",
    "--cpus": "--cpus-per-worker or --workers",
    "--cpu-bind": "--pin-cores",
    "--bind-to": "--pin-cores",
    "--device": "--gpus-per-worker 1",
    "--num-workers": "--workers",
    "-j": "--workers",
    "--jobs": "--workers",
    "--config": "a study file is an argument: ganscape run FILE.toml",
    "-c": "a study file is an argument: ganscape run FILE.toml",
    "--resume": "the same command again continues",
    "--continue": "the same command again continues",
    "--checkpoint": "the same command again continues",
    "-n": "--set configs=N",
    "--num-samples": "--set configs=N for configs, --set samples=N for generated images",
    "--trials": "--set configs=N for configs, --seeds for trials per config",
    "--n-trials": "--set configs=N for configs, --seeds for trials per config",
    "--lr": "--set learning_rate=VALUE",
    "--learning-rate": "--set learning_rate=VALUE",
    "--batch-size": "--set batch_size=N",
    "--dataset": "--data",
    "--output": "--out",
    "-o": "--out",
    "--outdir": "--out",
    "--logdir": "--out",
    "--storage": "--out",
    "--local-dir": "--out",
}


class OneLineGroup(TyperGroup):
    """Commands whose usage errors are one line, as all other mistakes of a user."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        try:
            code = super().main(*args, **extra | {"standalone_mode": False})
        except Exception as error:
            # typer may bring click's exceptions under another module: they are known by what they can do.
            if type(error).__name__ == "Abort":  # Ctrl-C before a command had begun
                typer.echo("interrupted", err=True)
                sys.exit(130)
            if not hasattr(error, "format_message") or type(error).__name__ == "NoArgsIsHelpError":
                if not hasattr(error, "show"):
                    raise
                error.show()
                sys.exit(2)
            typer.echo(f"error: {_usage(error)}", err=True)
            code = 2
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code


def _usage(error: Any) -> str:
    """A usage error in one line, with the command whose --help has the choices."""
    text, option = " ".join(error.format_message().split()), getattr(error, "option_name", "")
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoSuchOption":
        hint = HINTS.get(option)
        names = [] if context is None else [name for each in context.command.params for name in each.opts]
        text = f"no such option: {option}{f' (here: {hint})' if hint else suggestion(option, names)}"
    return text.rstrip(".") + (f"; see {context.command_path} --help" if context is not None else "")


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
        if isinstance(error, OSError) and error.filename is not None:
            text = f"'{error.filename}': {error.strerror}"
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
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


@contextmanager
def logged_warnings() -> Iterator[None]:
    """Prints what the package logs as a warning while the block lasts, each as a line on stderr."""
    logger, handler = logging.getLogger("ganscape"), _WarningLines(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _WarningLines(logging.Handler):
    """Prints each record as a warning."""

    def emit(self, record: logging.LogRecord) -> None:
        print_warnings([record.getMessage()])


def console():
    """Returns a console as wide as the terminal, or of 240 columns for a file or a pipe."""
    from rich.console import Console

    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=240)
