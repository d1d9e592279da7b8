"""A plan on the terminal: what its folder is given more, the sweep while it runs, its report and state at the end."""

import signal
from contextlib import suppress
from pathlib import Path

import typer

from ganscape import interruption
from ganscape.errors import UserError
from ganscape.sweep.commands.tables import print_cost, print_status
from ganscape.sweep.commands.terminal import print_warnings

NOTHING_WORKED = 3  # the exit code of a sweep that finished, though no trial of some method worked


def unite_with_folder(planned, folder: Path):
    """Returns the plan with all that the folder holds, and prints what the folder is given more."""
    from ganscape.results.store import STORE, describe_growth, read_facts
    from ganscape.sweep.growth import united_plan

    united = united_plan(planned, folder)
    studies = read_facts(folder)["study"] if (folder / STORE).exists() else []
    for growth in [describe_growth(row["definition"], united.definition) for row in studies]:
        if growth:
            typer.echo(f"'{folder}' is given more: {growth}")
        if "images" in growth:
            typer.echo("its trials are trained again from the start, as far as no checkpoint is left; scores stay")
    return united


def run_plan(planned, folder: Path, **options) -> None:
    """Runs a plan, showing how far it is; then writes the report and prints the state. An interrupted one has a report
    too."""
    from rich.console import Console

    from ganscape.sweep.commands.progress import show_progress
    from ganscape.sweep.driver import changed_circumstances, run_study
    from ganscape.sweep.rounds import shortages

    signal.signal(signal.SIGTERM, interruption.interrupt)
    print_cost(planned)
    print_warnings([*planned.warnings, *shortages(planned), *changed_circumstances(folder)])
    print_warnings(_memory_warnings(planned, **options))
    try:
        with show_progress(Console(stderr=True)) as show:

            def observe(backlog) -> None:
                interruption.check()
                show(backlog)

            run_study(planned, folder, observe=observe, **options)
    except KeyboardInterrupt:
        with suppress(UserError):  # interrupted before there was a store, or without room for the report
            typer.echo(f"report  {_write_report(folder)}")
        raise
    report_path = _write_report(folder)
    print_status(folder)
    typer.echo(f"report  {report_path}\nstore   {folder / 'store.sqlite'}")
    _end_without_scores(folder)


def _write_report(folder: Path) -> Path:
    """Writes the report. What it needs is imported here, and not before the first trial starts."""
    from ganscape.results.report import write_report

    return write_report(folder)


def _memory_warnings(planned, *, executor: str, workers: int | None = None, resources=None, **others) -> list[str]:
    """Returns what is to be said about the memory of workers on the CPUs of this machine."""
    from ganscape.sweep.memory import memory_warnings
    from ganscape.sweep.resources import Resources, default_workers

    resources = resources or Resources()
    if executor != "local" or resources.gpus:
        return []
    return memory_warnings(planned, default_workers(resources) if workers is None else workers)


def _end_without_scores(folder: Path) -> None:
    """Ends the process with code NOTHING_WORKED if there are methods none of whose trials worked."""
    from ganscape.results.frames import load
    from ganscape.results.live import methods_without_score

    methods = methods_without_score(load(folder))
    for method, causes in methods.items():
        counts = ", ".join(f"{count} {cause}" for cause, count in causes.items())
        typer.echo(
            f"error: no trial of {method} worked: {counts}; the report has their messages, and --retry "
            f"{','.join(causes)} tries them again",
            err=True,
        )
    if methods:
        raise typer.Exit(NOTHING_WORKED)
