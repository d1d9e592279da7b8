"""`ganscape status`, `report`, `claims`, `watch`, `serve`, `export`: what an output folder holds.

Parsing and printing only."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands.tables import print_status
from ganscape.sweep.commands.terminal import console, one_line_errors

Out = Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of a sweep.")]

app = typer.Typer()


@app.command()
def status(out: Out) -> None:
    """Show how far a sweep is and its best scores, also while it runs."""
    with one_line_errors():
        print_status(out)


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="OUT...", help="Output folder of a sweep, or several.")],
    to: Annotated[
        Path | None,
        typer.Option(help="Page of a comparison, for several folders.", show_default="comparison.html"),
    ] = None,
) -> None:
    """Write OUT/report.html from what the store holds now; of several folders one page that compares them."""
    with one_line_errors():
        from ganscape.results.comparison import PAGE, write_comparison
        from ganscape.results.report import write_report
        from ganscape.results.store import StoreError

        if len(folders) > 1:
            typer.echo(write_comparison(folders, PAGE if to is None else to))
        elif to is not None:
            raise StoreError(f"--to {to} is for a comparison of several folders; the report of one is OUT/report.html")
        else:
            typer.echo(write_report(folders[0]))


@app.command()
def claims(
    folders: Annotated[list[Path], typer.Argument(metavar="OUT...", help="Output folders, judged together.")],
    csv: Annotated[Path | None, typer.Option(help="Also write the table, with every number, to this file.")] = None,
) -> None:
    """Say which published claims of both papers hold for these data, with intervals and what would decide the rest."""
    with one_line_errors():
        from ganscape.results.claims import judge, write_csv
        from ganscape.sweep.commands.tables import print_claims

        answers = judge(folders)
        print_claims(answers)
        if csv is not None:
            typer.echo(write_csv(answers, csv))


@app.command()
def watch(
    out: Out,
    once: Annotated[bool, typer.Option("--once", help="Print the state once and end; for scripts.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 2.0,
) -> None:
    """Watch a sweep on the terminal: how far it is, the best of each method, failures, the time left."""
    with one_line_errors("stopped watching"):
        from ganscape.sweep.commands import watching

        if once:
            watching.print_once(out, console())
        else:
            watching.follow(out, console(), every)


@app.command()
def serve(
    out: Out,
    port: Annotated[int, typer.Option(help="Port; 0 takes any that is free.", min=0, max=65535)] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than the default opens the report to the network.")
    ] = "127.0.0.1",
) -> None:
    """Serve the report of OUT, or of all sweeps in that folder, to a browser, following them. Nothing is written."""
    with one_line_errors("stopped serving"):
        from ganscape.results.server import serving

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with serving(out, host, port) as server:
            typer.echo(f"serving '{out}' at http://{host}:{server.server_port}/ (Ctrl-C ends)")
            signal.pause()


@app.command()
def export(
    out: Out,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to write: a .csv or .parquet file, or a new folder or file.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            help="table: every score with its trial's settings; dataset: a folder to publish, all tables with a card; "
            "optuna: a storage file; syne-tune: a folder of tabular black boxes; tensorboard: a folder of runs with "
            "hparams.",
        ),
    ] = "table",
    license: Annotated[
        str | None, typer.Option(help="Of a dataset, by its SPDX name, such as CC-BY-4.0.", show_default="none stated")
    ] = None,
) -> None:
    """Write the results of a sweep for other programs."""
    with one_line_errors():
        from ganscape.results.exports import EXPORTS, check_export

        check_export(kind, license)
        typer.echo(EXPORTS[kind](out, file) if license is None else EXPORTS[kind](out, file, license))


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A data set that `export --as dataset` wrote.")],
    into: Annotated[Path, typer.Option(metavar="OUT", help="The new output folder.")],
) -> None:
    """Make an output folder of a sweep that was exported as a data set: the same tables and report."""
    with one_line_errors():
        from ganscape.results.dataset_folder import import_dataset

        typer.echo(import_dataset(folder, into))
