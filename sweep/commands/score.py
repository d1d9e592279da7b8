"""`ganscape score` and `copies`: images made elsewhere, scored and compared. Parsing and printing only."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.encoder import WeightsFolder, look_for
from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.settings import check_paths
from ganscape.sweep.commands.terminal import logged_warnings, one_line_errors, print_table, print_warnings

app = typer.Typer()


@app.command()
def score(
    images: Annotated[Path, typer.Option(help="Images to score: a folder of pictures, an .npz or .npy file.")],
    against: Annotated[
        str,
        typer.Option(help="Data set whose test split is the reference, or other images, or an .npz of mu and sigma."),
    ],
    metric: Annotated[
        str | None,
        typer.Option(help="Metrics, with commas between.", show_default="as of a sweep on these data"),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="How many of the images, spread evenly over their order.", show_default="all")
    ] = None,
    data_root: Root = None,
    weights: WeightsFolder = None,
    imports: Imports = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON per metric, with its protocol, instead of a table.")
    ] = False,
) -> None:
    """Score images that were made elsewhere, the way sweeps are scored."""
    with one_line_errors():
        check_paths(images=images, against=against, data_root=data_root, weights=weights)
        look_for(weights)
        import_modules(imports)
        from ganscape.sweep.measuring.scoring import score_images

        names = None if metric is None else metric.split(",")
        with logged_warnings():
            scores = score_images(images, against, names, samples=samples, data_root=data_root)
        print_warnings(line for result in scores for line in result.warnings)
        if as_json:
            for result in scores:
                typer.echo(json.dumps(_with_protocol(result)))
            return
        rows = [(item.protocol.metric, f"{item.value:.6g}", item.better, item.protocol.fingerprint) for item in scores]
        one = scores[0].protocol
        title = f"{one.samples} images against {one.reference} ({one.reference_samples})"
        print_table(title, ("metric", "score", "better", "protocol"), rows)


@app.command()
def copies(
    images: Annotated[Path, typer.Option(help="Generated images: a folder of pictures, an .npz or .npy file.")],
    data: Annotated[str, typer.Option(help="What the generator was trained on: a data set or the path of images.")],
    encoder: Annotated[
        str | None, typer.Option(help="Features to compare.", show_default="as of a sweep on these data")
    ] = None,
    train: Annotated[
        int, typer.Option(min=2, help="Training images to compare with, spread evenly over their order.")
    ] = 10_000,
    cells: Annotated[int, typer.Option(min=1, help="Cells of the feature space in which C_T compares.")] = 5,
    data_root: Root = None,
    weights: WeightsFolder = None,
    imports: Imports = None,
) -> None:
    """Say whether images are copies of training images, by authenticity and the C_T statistic."""
    with one_line_errors():
        check_paths(images=images, data=data, data_root=data_root, weights=weights)
        look_for(weights)
        import_modules(imports)
        from ganscape.sweep.measuring.copies import COPYING, find_copies

        with logged_warnings():
            found = find_copies(images, data, encoder, train=train, cells=cells, data_root=data_root)
        rows = [
            ("authentic images", f"{found.authentic:.1%}", f"{found.of_test:.1%}", "near 0 % for copies"),
            ("C_T", f"{found.copying.value:.2f}", "0 expected", f"below {COPYING:g}: copies"),
        ]
        title = f"{found.images} images, {found.train} training images, by {found.encoder}"
        print_table(title, ("sign", "images", f"{found.test} test images", "reading"), rows)
        part = f" in {found.copying.cells} cells with {found.copying.share:.0%} of the test images"
        yes, no = "nearer to training images than unseen images are", "no sign of copies"
        typer.echo((yes if found.are_copies else no) + part)


def _with_protocol(score) -> dict[str, Any]:
    protocol = score.protocol
    return {
        "metric": protocol.metric,
        "value": score.value,
        "better": score.better,
        "fingerprint": protocol.fingerprint,
        "protocol": protocol.describe(),
    }
