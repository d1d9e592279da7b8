"""`ganscape score`: images made elsewhere, scored as sweeps score theirs. Parsing and printing only."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.encoder import WeightsFolder, look_for
from ganscape.sweep.commands.settings import check_paths
from ganscape.sweep.commands.terminal import one_line_errors, print_table, print_warnings

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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON per metric, with its protocol, instead of a table.")
    ] = False,
) -> None:
    """Score images that were made elsewhere, the way sweeps are scored."""
    with one_line_errors():
        check_paths(images=images, against=against, data_root=data_root, weights=weights)
        look_for(weights)
        from ganscape.sweep.measuring.scoring import score_images

        names = None if metric is None else metric.split(",")
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


def _with_protocol(score) -> dict[str, Any]:
    protocol = score.protocol
    return {
        "metric": protocol.metric,
        "value": score.value,
        "better": score.better,
        "fingerprint": protocol.fingerprint,
        "protocol": protocol.describe(),
    }
