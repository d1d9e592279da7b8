"""`ganscape confirm` and `ganscape search`: further phases of the sweep in a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.encoder import WeightsFolder, look_for
from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.results import Out
from ganscape.sweep.commands.running import run_plan, unite_with_folder
from ganscape.sweep.commands.terminal import one_line_errors

app = typer.Typer()

Methods = Annotated[str | None, typer.Option(help="Methods that take part, with commas between.", show_default="all")]
Workers = Annotated[int | None, typer.Option(help="Worker processes.", show_default="one per core")]
Images = Annotated[str | None, typer.Option(help="Where your own images are now.", show_default="as in the sweep")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print the lines of OUT/log.txt to stderr too.")]


@app.command()
def confirm(
    out: Out,
    seeds: Annotated[int, typer.Option(help="Fresh seeds of each config, those that are there included.")],
    methods: Methods = None,
    top: Annotated[int, typer.Option(help="How many of the best configs of each method.")] = 1,
    workers: Workers = None,
    data: Images = None,
    data_root: Root = None,
    weights: WeightsFolder = None,
    imports: Imports = None,
    verbose: Verbose = False,
) -> None:
    """Train the best config of each method of a sweep again, on seeds that had no say in choosing it."""
    with one_line_errors():
        _prepare(weights, imports)
        from ganscape.sweep.growth import confirming_plan

        _give(out, lambda plan: confirming_plan(plan, seeds, top, _split(methods)), data, data_root, workers, verbose)


@app.command()
def search(
    out: Out,
    configs: Annotated[int, typer.Option(help="New configs of each method.")],
    searcher: Annotated[str, typer.Option(help="What proposes them, such as random, sobol or gp_bandit.")] = "random",
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="What stops those that fall behind all configs so far: none, median, halving or asha.",
            show_default="the study's own",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Fresh seeds of each new config.")] = 1,
    rounds: Annotated[int, typer.Option(help="Rounds; a searcher knows the scores of earlier ones.")] = 1,
    name: Annotated[
        str, typer.Option(help="Name of the phase; the last phase of this name becomes larger.")
    ] = "search",
    methods: Methods = None,
    workers: Workers = None,
    data: Images = None,
    data_root: Root = None,
    weights: WeightsFolder = None,
    imports: Imports = None,
    verbose: Verbose = False,
) -> None:
    """Search further in a sweep: a phase of new configs, with a searcher and a scheduler of its own."""
    with one_line_errors():
        _prepare(weights, imports)
        from ganscape.sweep.growth import searching_plan

        chosen = _split(methods)
        _give(
            out,
            lambda plan: searching_plan(plan, configs, searcher, scheduler, seeds, rounds, chosen, name),
            data,
            data_root,
            workers,
            verbose,
        )


def _split(methods: str | None) -> list[str] | None:
    return None if methods is None else methods.split(",")


def _prepare(weights: Path | None, imports: list[str] | None) -> None:
    import jax

    look_for(weights)
    jax.config.update("jax_platforms", "cpu")  # the driver computes nothing and must not claim an accelerator
    import_modules(imports)


def _give(
    out: Path, larger: Callable, data: str | None, data_root: Path | None, workers: int | None, verbose: bool
) -> None:
    """Trains what the plan of a folder lacks when it is made larger."""
    from ganscape.sweep.growth import stored_plan

    planned = unite_with_folder(larger(stored_plan(out, data, data_root)), out)
    run_plan(planned, out, executor="local", workers=workers, verbose=verbose)
