"""`ganscape best`, `sample`: the trials that won, and images by their generators. Parsing and printing only."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.results import Out
from ganscape.sweep.commands.terminal import one_line_errors, print_table

Method = Annotated[str | None, typer.Option(help="Of this method alone.", show_default="all")]

app = typer.Typer()


@app.command()
def best(
    out: Out,
    method: Method = None,
    top: Annotated[int, typer.Option(help="How many trials.", min=1)] = 1,
) -> None:
    """Show the trials with the lowest scores: their settings, what other seeds of them score, their generators."""
    with one_line_errors():
        from ganscape.results.frames import load
        from ganscape.results.winners import winners

        results = load(out)
        found = winners(results, method, top)
        rows = [
            (winner.trial, winner.method, winner.config, winner.seed, f"{winner.value:.6g}", f"{winner.rung:,}",
             winner.spread(), winner.generator or "not kept; ganscape sample --retrain trains it again")
            for winner in found
        ]  # fmt: skip
        header = ("trial", "method", "config", "seed", results.study["metric"], "at images", "its config", "generator")
        print_table(results.protocol_label(), header, rows)
        for winner in found:
            settings = ", ".join(f"{name}={_plain(value)}" for name, value in winner.settings.items())
            typer.echo(f"{winner.trial}: {settings}")


def _plain(value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@app.command()
def sample(
    out: Out,
    to: Annotated[Path, typer.Option(help="New folder of pictures, or a .npz file with one array, images.")],
    trial: Annotated[
        str | None, typer.Option(help="A trial's id, or how it begins.", show_default="the lowest score")
    ] = None,
    method: Method = None,
    count: Annotated[int, typer.Option(help="How many images.", min=1)] = 64,
    seed: Annotated[
        int | None,
        typer.Option(help="Of another draw than the one that was scored.", min=0, show_default="the one scored"),
    ] = None,
    label: Annotated[
        int | None, typer.Option("--class", help="The class of all images.", show_default="drawn for each")
    ] = None,
    truncation: Annotated[
        float | None, typer.Option(help="Largest magnitude of a normal latent.", min=0.01, show_default="none")
    ] = None,
    walk: Annotated[bool, typer.Option("--walk", help="Every 8 images lead from one latent to another.")] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train the trial again if its generator was not kept.")
    ] = False,
    data: Annotated[
        str | None, typer.Option(help="Where your own images are, to train again.", show_default="as in the sweep")
    ] = None,
    data_root: Root = None,
) -> None:
    """Make images by a trial's generator; the first are those that it was scored by, bit by bit on the same machine."""
    with one_line_errors("interrupted; nothing was written"):
        from ganscape.results.frames import load
        from ganscape.results.store import StoreError
        from ganscape.results.winners import find_trial, winners
        from ganscape.sweep.image_files import check_target, write_images

        check_target(to)
        if trial is not None and method is not None:
            raise StoreError(f"--trial {trial} and --method {method} name two things; give one of them")
        results = load(out)
        winner = winners(results, method)[0] if trial is None else find_trial(results, trial)
        _compute_like_a_worker(results)
        from ganscape.models.generator_file import load_generator
        from ganscape.sweep.measuring.resampling import images_of

        path = winner.generator or _train_again(results, winner, retrain, data, data_root)
        samples = results.protocol()["samples"]
        images = images_of(
            load_generator(path), samples, count, seed=seed, label=label, truncation=truncation, walk=walk
        )
        typer.echo(f"{count:,} images of trial {winner.trial} ({winner.method}): {write_images(to, images, count)}")


def _train_again(results, winner, retrain: bool, data: str | None, root: Path | None) -> Path:
    """Trains a trial again whose generator is not kept, if the user wants that, and says what it costs."""
    from ganscape.results.store import StoreError
    from ganscape.results.wording import duration

    cost = f"{winner.rung:,} images, about {duration(winner.seconds)} here if this is the machine of the sweep"
    if not retrain:
        missing = f"the generator of trial {winner.trial} ({winner.method}) was not kept"
        raise StoreError(f"{missing}; --retrain trains it again from its identity: {cost}")
    from ganscape.sweep.retraining import data_of, train_again

    typer.echo(f"training trial {winner.trial} again: {cost}", err=True)
    return train_again(results, winner, data_of(results, data, root))


def _compute_like_a_worker(results) -> None:
    """Sets the variables that the sweep's workers had, before JAX loads: what is computed is then the same bits."""
    from ganscape.sweep.executors.worker import worker_environment
    from ganscape.sweep.resources import Resources

    variables = worker_environment("", Resources())
    variables.pop("JAX_COMPILATION_CACHE_DIR")
    devices = results.environments()
    if "devices" in devices and not all("cpu" in str(words) for words in devices["devices"]):
        variables.pop("JAX_PLATFORMS")
    os.environ.update(variables)
