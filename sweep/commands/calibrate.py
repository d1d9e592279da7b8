"""`ganscape calibrate`: experiments on real images, where the answer is known. Parsing and printing only."""

import itertools
from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.terminal import logged_warnings, one_line_errors, print_table

Data = Annotated[str, typer.Option(help="Data sets, with commas between.")]
Metrics = Annotated[
    str | None, typer.Option("--metric", help="Metrics, with commas between.", show_default="the data set's own")
]
TableFolder = Annotated[Path, typer.Option(help="Folder of the table and its figure.")]
Repeats = Annotated[int, typer.Option(min=1, help="Draws at each level.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all draws.")]
Root = Annotated[
    Path | None, typer.Option(help="Folder of data files.", show_default="$GANSCAPE_DATA or ~/.cache/ganscape")
]
Folders = Annotated[
    list[Path], typer.Argument(metavar="OUT...", help="Output folders of one study, run once per metric.")
]
DEFAULT_OUT = Path("runs/worth")

app = typer.Typer(no_args_is_help=True, help="Measure the bias, sensitivity and floor of a metric on real images.")


def _measure(experiment: str, data: str, metric: str | None, out: Path, root: Path | None, **settings) -> Path:
    """Writes the table of an experiment on these data sets by these metrics, and returns its path.

    All metrics are found and their encoders made before anything is computed, and the rows of each are written when
    they are there.
    """
    from ganscape.data import find_source, load
    from ganscape.metrics import check_images_alone, make_encoder
    from ganscape.metrics.defaults import default_metric
    from ganscape.results.calibration import write_table
    from ganscape.sweep.measuring.calibration import EXPERIMENTS

    names = data.split(",")
    for source, each in itertools.product(map(find_source, names), metric.split(",") if metric else []):
        check_images_alone(each)
        make_encoder(each, source.image_shape)
    with logged_warnings():
        for name in names:
            dataset = load(name, root)
            for each in metric.split(",") if metric else [default_metric(name, dataset.image_shape, len(dataset.test))]:
                path = write_table(EXPERIMENTS[experiment](dataset, each, **settings), out, experiment)
    return path


def _run(experiment: str, data: str, metric: str | None, out: Path, root: Path | None, **settings) -> None:
    from ganscape.results.calibration import calibration_summary, read_table, saved
    from ganscape.results.plots.calibration import FIGURES

    path = _measure(experiment, data, metric, out, root, **settings)
    table = read_table(out, experiment)
    figure = saved(FIGURES[experiment](table), path.with_suffix(".png"))
    found = calibration_summary(table)
    cells = [tuple(_cell(value) for value in row) for row in found.itertuples(index=False)]
    print_table(f"{path}\n{figure}", tuple(found.columns), cells)


@app.command()
def bias(
    data: Data = "mnist",
    metric: Metrics = None,
    out: TableFolder = DEFAULT_OUT,
    sizes: Annotated[
        str | None, typer.Option(help="Numbers of samples, with commas between.", show_default="250, doubling")
    ] = None,
    repeats: Repeats = 20,
    against: Annotated[
        str,
        typer.Option(help="train: two parts of it; test: a part of train, all of test; partition: as test, split anew"),
    ] = "train",
    seed: Seed = 0,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """Real against real over the number of samples: bias, variance, and where it goes without end."""
    with one_line_errors():
        import_modules(imports)
        from ganscape.errors import check_name
        from ganscape.metrics import MetricError

        check_name("kind of reference", against, ("train", "test", "partition"), MetricError)
        if sizes is not None and not all(size.strip().isdecimal() for size in sizes.split(",")):
            raise MetricError(f"--sizes {sizes!r} must be whole numbers, with commas between")
        chosen = [int(size) for size in sizes.split(",")] if sizes else ()
        _run("bias", data, metric, out, data_root, sizes=chosen, repeats=repeats, against=against, seed=seed)


@app.command()
def modes(
    data: Data = "mnist",
    metric: Metrics = None,
    out: TableFolder = DEFAULT_OUT,
    repeats: Repeats = 50,
    seed: Seed = 0,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """Real images of the first k classes against those of all."""
    with one_line_errors():
        import_modules(imports)
        _run("modes", data, metric, out, data_root, repeats=repeats, seed=seed)


@app.command()
def floor(
    data: Data = "digits,mnist",
    metric: Metrics = None,
    out: TableFolder = DEFAULT_OUT,
    repeats: Repeats = 20,
    seed: Seed = 0,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """Train images against test images, as many: the score of a perfect generator."""
    with one_line_errors():
        import_modules(imports)
        _run("floor", data, metric, out, data_root, repeats=repeats, seed=seed)


@app.command()
def sanity(
    data: Data = "digits",
    metric: Metrics = None,
    out: TableFolder = DEFAULT_OUT,
    repeats: Repeats = 3,
    seed: Seed = 0,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """Images with known faults: which of them a metric sees, and which it takes for real or better."""
    with one_line_errors():
        import_modules(imports)
        from ganscape.metrics import find_metric
        from ganscape.results.calibration import read_table, sights
        from ganscape.sweep.measuring.calibration import REAL

        path = _measure("sanity", data, metric, out, data_root, repeats=repeats, seed=seed)
        table = read_table(out, "sanity")
        better = {name: find_metric(name).better for name in table["metric"].unique()}
        seen = sights(table, better, REAL)
        cells = [tuple(_cell(value) for value in row) for row in seen.itertuples(index=False)]
        print_table(str(path), tuple(seen.columns), cells)


@app.command()
def rules(
    data: Data = "mnist",
    metric: Metrics = "fd_random_conv",
    out: TableFolder = DEFAULT_OUT,
    repeats: Repeats = 5,
    seed: Seed = 0,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """The same images by other conventions: bytes, the train split as reference, three ways to resize."""
    with one_line_errors():
        import_modules(imports)
        _run("rules", data, metric, out, data_root, repeats=repeats, seed=seed)


@app.command()
def encoders(folders: Folders, out: TableFolder = DEFAULT_OUT) -> None:
    """How alike metrics rank the models of a study, of which every OUT holds the scores by one metric."""
    with one_line_errors():
        from ganscape.results.agreement import metric_agreement
        from ganscape.results.calibration import joined, saved
        from ganscape.results.plots import encoder_scatter

        both = joined(folders)
        found = metric_agreement(both)
        figures = [
            saved(encoder_scatter(both, one, other), out / f"worth-encoders-{one}-{other}.png")
            for one, other in dict.fromkeys(zip(found["a"], found["b"], strict=True))
        ]
        cells = [tuple(_cell(value) for value in row) for row in found.itertuples(index=False)]
        title = "\n".join(["Rank agreement of metrics over configs", *map(str, figures)])
        print_table(title, tuple(found.columns), cells)


@app.command()
def draws(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of a sweep run with --keep all.")],
    count: Annotated[int, typer.Option("--draws", min=2, help="Draws of samples for each generator.")] = 5,
    data: Annotated[str | None, typer.Option(help="Where your own images are.", show_default="as in the sweep")] = None,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """The kept generators of a sweep by other draws of samples: config, training seed and draw, each one's share."""
    with one_line_errors():
        import_modules(imports)
        from ganscape.results.frames import load
        from ganscape.results.lottery import DRAWS_FILE, describe_split, split_variance, write
        from ganscape.sweep.measuring.draws import score_draws
        from ganscape.sweep.retraining import data_of

        results = load(out)
        path = out / DRAWS_FILE
        found = split_variance(write(score_draws(results, data_of(results, data, data_root), count), path))
        counts, parts = (
            ("method", "configs", "seeds", "draws", "scale"),
            ("configs_sd", "seeds_sd", "draws_sd", "ratio"),
        )
        cells = [
            (
                *(row[name] for name in counts),
                *(_interval(row[part], row[f"{part}_low"], row[f"{part}_high"]) for part in parts),
            )
            for row in found.to_dict("records")
        ]
        title = "\n".join([str(path), results.protocol_label(), *describe_split(found)])
        print_table(title, (*counts, *parts), cells)


@app.command()
def leaders(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of the study overtuning.")],
) -> None:
    """The configs that led a search after a half, a quarter ... of it, on fresh seeds: does searching longer help?"""
    with one_line_errors():
        from ganscape.results.frames import load
        from ganscape.results.overtuning import describe_leaders, overtuning

        results = load(out)
        found = overtuning(results)
        cells = [tuple(_cell(value) for value in row) for row in found.itertuples(index=False)]
        print_table("\n".join([results.protocol_label(), *describe_leaders(results)]), tuple(found.columns), cells)


def _interval(value: float, low: float, high: float) -> str:
    return f"{value:.3g} ({low:.3g} to {high:.3g})"


def _cell(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
