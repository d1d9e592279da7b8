"""`ganscape merge`, `repair`: output folders as a whole. Parsing and printing only."""

from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands.results import Out
from ganscape.sweep.commands.settings import check_paths
from ganscape.sweep.commands.tables import print_status
from ganscape.sweep.commands.terminal import one_line_errors

SHOWN = 3  # losses that are named, of each table

app = typer.Typer()


@app.command()
def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="OUT...", help="Output folders of one study.")],
    into: Annotated[Path, typer.Option(help="The new output folder.")],
) -> None:
    """Write a new folder with the trials, scores and generators of several, to read, continue or grow as one sweep."""
    with one_line_errors("interrupted; nothing was written"):
        check_paths(into=into)
        from ganscape.results.report import write_report
        from ganscape.sweep.merging import merge as merge_folders

        merge_folders(folders, into)
        print_status(into)
        typer.echo(f"report  {write_report(into)}")


@app.command()
def repair(
    out: Out,
    to: Annotated[Path, typer.Option(help="The new output folder.")],
) -> None:
    """Write a new folder with every row, generator, sample and checkpoint of a damaged one that is whole."""
    with one_line_errors("interrupted; nothing was written"):
        check_paths(to=to)
        from ganscape.sweep.repairing import repair as repair_folder

        for table, (rows, lost) in repair_folder(out, to).items():
            shown = "; ".join(lost[:SHOWN]) + (f"; and {len(lost) - SHOWN:,} more" if len(lost) > SHOWN else "")
            typer.echo(f"{table}: {rows:,} saved, {f'lost: {shown}' if lost else 'none lost'}")
        print_status(to)
        typer.echo("the same command with the new --out continues: it trains what is missing")
