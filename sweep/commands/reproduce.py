"""`ganscape reproduce`: the studies that a paper's claims need, one after the other, and one page about the paper."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from ganscape import interruption
from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.tables import print_cost, print_plan
from ganscape.sweep.commands.terminal import one_line_errors, print_warnings

app = typer.Typer()


@app.command()
def reproduce(
    paper: Annotated[
        str, typer.Argument(metavar="PAPER", help="equal (Lucic et al. 2018) or landscape (Kurach et al. 2019).")
    ],
    scale: Annotated[str, typer.Option(help="Scale of every study; studies without it are left out.")] = "smoke",
    out: Annotated[
        Path | None, typer.Option(help="Folder of one folder per study.", show_default="runs/PAPER-SCALE")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.", show_default="one per core", min=1)] = None,
    data_root: Root = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plans and their cost; run nothing.")] = False,
) -> None:
    """Run what a paper's claims need, or continue it, and write one page: claims, best scores, links to reports."""
    with one_line_errors():
        from ganscape.results.reproduction import find_reproduction, write_reproduction

        reproduction = find_reproduction(paper)
        studies = _at_scale(reproduction.studies, scale)
        folder = out or Path("runs", f"{paper}-{scale}")
        folders = [folder / study.replace("/", "-") for study in studies]
        plans = [_plan(study, scale, at, data_root) for study, at in zip(studies, folders, strict=True)]
        if dry_run:
            _print_plans(plans, folders, workers)
            return
        signal.signal(signal.SIGTERM, interruption.interrupt)
        for planned, at in zip(plans, folders, strict=True):
            _run(planned, at, workers)
        typer.echo(f"page    {write_reproduction(reproduction, folder, folders)}")


def _at_scale(studies: tuple[str, ...], scale: str) -> list[str]:
    """The studies that have this scale; an error that lists the scales if none has."""
    from ganscape.search_spaces import STUDIES, find_scale

    having = [study for study in studies if scale in STUDIES[study].scales]
    if not having:
        find_scale(STUDIES[studies[0]], scale)
    for study in studies:
        if study not in having:
            typer.echo(f"left out: {study} has no scale {scale!r}", err=True)
    return having


def _plan(study: str, scale: str, folder: Path, data_root: Path | None):
    from ganscape.sweep.plan import plan

    return plan(study, out=folder, scale=scale, data_root=data_root)


def _print_plans(plans, folders: list[Path], workers: int | None) -> None:
    from ganscape.sweep.keeping import find_keep
    from ganscape.sweep.resources import Resources, default_workers

    for planned, at in zip(plans, folders, strict=True):
        print_plan(planned, workers or default_workers(Resources()), at, find_keep(planned))


def _run(planned, folder: Path, workers: int | None) -> None:
    from rich.console import Console

    from ganscape.results.report import write_report
    from ganscape.sweep.commands.progress import show_progress
    from ganscape.sweep.driver import run_study

    typer.echo(f"{planned.definition['study']}: {planned.definition['question']}")
    print_cost(planned)
    print_warnings(planned.warnings)
    with show_progress(Console(stderr=True)) as show:
        run_study(planned, folder, observe=show, workers=workers)
    write_report(folder)
