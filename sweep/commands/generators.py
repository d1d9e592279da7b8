"""`ganscape best`, `sample`, `rescore`: the trials that won, their images and further scores.

Parsing and printing only.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from ganscape import environment
from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.encoder import WeightsFolder, look_for
from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.results import Out
from ganscape.sweep.commands.terminal import logged_warnings, one_line_errors, print_table

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
        from ganscape.results.winners import further_scores, winners

        results = load(out)
        found = winners(results, method, top)
        rows = [
            (winner.trial, winner.method, winner.config, winner.seed, f"{winner.value:.6g}", f"{winner.rung:,}",
             winner.spread(), winner.generator or "not kept; ganscape sample --retrain trains it again")
            for winner in found
        ]  # fmt: skip
        header = ("trial", "method", "config", "seed", results.study["metric"], "at images", "its config", "generator")
        print_table(results.protocol_label(), header, rows)
        further = further_scores(results)
        for winner in found:
            settings = ", ".join(f"{name}={_plain(value)}" for name, value in winner.settings.items())
            typer.echo(f"{winner.trial}: {settings}")
            for score in further.get(winner.trial, []):
                typer.echo(f"{winner.trial}: {score.words()}")


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
        str | None,
        typer.Option(help="Where your own images are, to train again or to complete.", show_default="as in the sweep"),
    ] = None,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """Make images by a trial's generator; the first are those that it was scored by, bit by bit on the same machine."""
    with one_line_errors("interrupted; nothing was written"):
        from ganscape.results.frames import load
        from ganscape.results.winners import find_winner
        from ganscape.sweep.image_files import check_target, write_images

        check_target(to)
        results = load(out)
        winner = find_winner(results, trial, method)
        _compute_like_a_worker(results)
        environment.check_platforms()
        import_modules(imports)
        from ganscape.sweep.measuring.resampling import images_of

        generator = _load(results, winner, retrain, data, data_root)
        samples, originals = results.protocol()["samples"], _originals(results, generator, data, data_root)
        images = images_of(
            generator,
            samples,
            count,
            seed=seed,
            label=label,
            truncation=truncation,
            walk=walk,
            originals=originals,
        )
        typer.echo(f"{count:,} images of trial {winner.trial} ({winner.method}): {write_images(to, images, count)}")


@app.command()
def rescore(
    out: Out,
    metric: Annotated[str, typer.Option(help="Metrics, with commas between.")],
    samples: Annotated[
        int | None, typer.Option(help="Generated images in a score.", min=1, show_default="as in the sweep")
    ] = None,
    draws: Annotated[
        int, typer.Option(help="How often each generator is sampled; the first draw is that of the sweep.", min=1)
    ] = 1,
    data: Annotated[
        str | None, typer.Option(help="Where your own images are now.", show_default="as in the sweep")
    ] = None,
    data_root: Root = None,
    weights: WeightsFolder = None,
    imports: Imports = None,
) -> None:
    """Score the kept generators by further metrics; the scores are stored beside the others, with their protocol."""
    with one_line_errors("interrupted; what was scored is stored, the same command continues"):
        look_for(weights)
        from ganscape.results.frames import load
        from ganscape.sweep.plugins import check_imported

        results = load(out)
        _compute_like_a_worker(results)
        import_modules(imports)
        check_imported(out, results.study, changed_too=False)
        from ganscape.sweep.rescoring import rescore as score_kept
        from ganscape.sweep.retraining import data_of

        def show(trial: str, name: str, draw: int, value: float) -> None:
            typer.echo(f"{trial} {name} {value:.6g}{f' (draw {draw})' if draw else ''}")

        names, dataset = metric.split(","), data_of(results, data, data_root)
        with logged_warnings():
            count = score_kept(results, names, dataset, samples=samples, draws=draws, observe=show)
        typer.echo(f"{count:,} scores stored; ganscape best and export show them beside the sweep's own")


def _originals(results, generator, data: str | None, root: Path | None):
    """Returns the test split of the sweep's data for a generator that completes images, None for others."""
    from ganscape.sweep.retraining import data_of

    return data_of(results, data, root).test if generator.completes else None


def _load(results, winner, retrain: bool, data: str | None, root: Path | None):
    """Returns a trial's generator; one that is missing or damaged is trained again if the user wants that."""
    from ganscape.models.generator_file import GeneratorError, load_generator

    try:
        if winner.generator is not None:
            return load_generator(winner.generator)
    except GeneratorError as error:
        if not retrain:
            raise GeneratorError(f"{error}; --retrain trains it again") from error
    return load_generator(_train_again(results, winner, retrain, data, root))


def _train_again(results, winner, retrain: bool, data: str | None, root: Path | None) -> Path:
    """Trains a trial again whose generator is not kept, if the user wants that, and says what it costs."""
    from ganscape.results.store import StoreError
    from ganscape.results.wording import duration

    cost = f"{winner.rung:,} images, about {duration(winner.seconds)} here if this is the machine of the sweep"
    if not retrain:
        state = "is missing" if winner.trial in set(results.generators()["trial"]) else "was not kept"
        missing = f"the generator of trial {winner.trial} ({winner.method}) {state}"
        raise StoreError(f"{missing}; --retrain trains it again from its identity: {cost}")
    from ganscape.sweep.retraining import data_of, train_again

    typer.echo(f"training trial {winner.trial} again: {cost}", err=True)
    return train_again(results, winner, data_of(results, data, root))


def _compute_like_a_worker(results) -> None:
    """Sets the variables that the sweep's workers had, before JAX loads: what is computed is then the same bits."""
    from ganscape.sweep.executors.processes import worker_environment
    from ganscape.sweep.resources import Resources

    variables = worker_environment("", Resources())
    variables.pop("JAX_COMPILATION_CACHE_DIR")
    devices = results.environments()
    if "devices" in devices and not all("cpu" in str(words) for words in devices["devices"]):
        variables.pop("JAX_PLATFORMS")
    os.environ.update(variables)
