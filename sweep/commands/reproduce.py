"""`ganscape reproduce`: the studies that a paper's claims need, one after the other, and one page about the paper."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganscape import interruption
from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.tables import print_cost, print_plan
from ganscape.sweep.commands.terminal import one_line_errors, print_warnings

if TYPE_CHECKING:
    from ganscape.sweep.plan import Plan

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
        folder = out or Path("runs", f"{paper}-{scale}")
        plans = _plans(_at_scale(reproduction.studies, scale), scale, folder, data_root)
        if dry_run:
            _print_plans(plans, workers)
            return
        signal.signal(signal.SIGTERM, interruption.interrupt)
        for at, planned in plans.items():
            _run(planned, at, workers)
        typer.echo(f"page    {write_reproduction(reproduction, folder, list(plans))}")


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


def _plans(studies: list[str], scale: str, out: Path, data_root: Path | None) -> dict[Path, "Plan"]:
    """Returns folder -> plan of the studies whose data are here, and prints which are not; DataError if none are."""
    from ganscape.data import DataError
    from ganscape.sweep.plan import plan

    plans, missing = {}, None
    for study in studies:
        folder = out / study.replace("/", "-")
        try:
            plans[folder] = plan(study, out=folder, scale=scale, data_root=data_root)
        except DataError as error:
            missing = error
            typer.echo(f"left out: {study}: {error}", err=True)
    if missing and not plans:
        raise missing
    return plans


def _print_plans(plans: dict[Path, "Plan"], workers: int | None) -> None:
    from ganscape.sweep.keeping import find_keep
    from ganscape.sweep.resources import Resources, default_workers

    for at, planned in plans.items():
        print_plan(planned, workers or default_workers(Resources()), at, find_keep(planned), Resources())


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
