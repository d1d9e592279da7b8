"""The command line: parsing and printing only. Heavy imports happen inside the commands."""

import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sweep import worth_cli

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which GAN is best at the compute you have, and how sure can you be?",
)
encoder = typer.Typer(no_args_is_help=True, help="The encoders that metrics use, and weights for them.")
app.add_typer(encoder, name="encoder")
Out = Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of a sweep.")]
Weights = Annotated[
    Path | None,
    typer.Option(
        help="Folder of weights files of encoders.", show_default="$GANSCAPE_WEIGHTS or ~/.cache/ganscape/weights"
    ),
]
StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="Study: a name of `ganscape list`, or a .toml file.")]

USER_ERRORS = {
    "data": "DataError",
    "metrics": "MetricError",
    "models": "ConfigError",
    "results.store": "StoreError",
    "search_spaces": "StudyError",
    "sweep.executors": "ExecutorError",
}


@app.command()
def run(
    study: StudyName,
    methods: Annotated[
        str | None, typer.Option(help="Methods that take part, with commas between.", show_default="all")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Data set, or path of your images.", show_default="the scale's own")
    ] = None,
    scale: Annotated[str, typer.Option(help="Size of the study: smoke, laptop or paper.")] = "smoke",
    searcher: Annotated[
        str | None,
        typer.Option(help="What proposes configs; `original`: the published sets.", show_default="the study's own"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="What stops trials that fall behind: none, median, halving or asha.", show_default="the scale's own"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder.", show_default="runs/STUDY-DATA-SCALE")
    ] = None,
    executor: Annotated[str, typer.Option(help="Where trials run: local or ray.")] = "local",
    workers: Annotated[
        int | None,
        typer.Option(help="Worker processes.", show_default="one per core; with --address as many as fit"),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="A running Ray cluster, HOST:PORT, or auto on one of its nodes; for --executor ray.",
            show_default="$RAY_ADDRESS or a cluster of its own",
        ),
    ] = None,
    callbacks: Annotated[
        list[str] | None,
        typer.Option(
            "--callback",
            metavar="MODULE:FACTORY",
            help="A callback of Ray Tune that is told every score, such as ray.tune.logger:TBXLoggerCallback.",
        ),
    ] = None,
    lanes: Annotated[
        int, typer.Option(help="Members trained side by side in one program; for accelerators.")
    ] = 1,
    seeds: Annotated[
        int | None, typer.Option(help="Trials per config.", show_default="the scale's own")
    ] = None,
    seed: Annotated[int, typer.Option(help="Study seed: all randomness is derived from it.")] = 0,
    metric: Annotated[
        str | None,
        typer.Option(help="Metric that trials are scored by; lower must be better.", show_default="the data set's own"),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Fix a config field for all methods, or configs, rounds, images, interval, samples, confirm.",
        ),
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(help="Folder of data files.", show_default="$GANSCAPE_DATA or ~/.cache/ganscape"),
    ] = None,
    weights: Weights = None,
    cpus_per_worker: Annotated[float, typer.Option(help="CPU cores that a worker takes.")] = 1.0,
    gpus_per_worker: Annotated[float, typer.Option(help="GPUs, or the share of one, of a worker.")] = 0.0,
    tpus_per_worker: Annotated[float, typer.Option(help="TPU chips of a worker: 1, 2, 4 or 8.")] = 0.0,
    others: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="NAME=AMOUNT", help="What else a worker takes, by the cluster's names."),
    ] = None,
    max_failures: Annotated[
        float, typer.Option(help="Share of trials that may crash or be lost before the sweep ends itself.")
    ] = 0.5,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of compiled programs, which studies may share.",
            show_default="$JAX_COMPILATION_CACHE_DIR or OUT/xla-cache",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its cost; run nothing.")] = False,
) -> None:
    """Run a study, or continue it: the same command again computes only what is missing."""
    with _one_line_errors():
        _look_for(weights)
        from sweep.executors import Cluster, Resources, check_executor, default_workers, with_others

        resources = with_others(Resources(cpus_per_worker, gpus_per_worker, tpus_per_worker), others or [])
        cluster = Cluster(address, tuple(callbacks or []))
        check_executor(executor, workers, resources, cluster)
        count = default_workers(resources) if workers is None else workers
        if cache_dir is not None:
            cache_dir.mkdir(parents=True, exist_ok=True)
            os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache_dir.resolve())
        _prepare_jax(dry_run, resources)
        settings = _settings(assignments or [])
        from search_spaces import find_scale
        from sweep.plan import find_study, plan, study_label

        data = data or find_scale(find_study(study), scale).data
        folder = out or Path("runs", "-".join((*study_label(study).split("/"), Path(data).stem, scale)))
        planned = plan(
            study,
            out=folder,
            methods=None if methods is None else methods.split(","),
            data=data,
            scale=scale,
            searcher=searcher,
            scheduler=scheduler,
            seeds=seeds,
            seed=seed,
            lanes=lanes,
            metric=metric,
            settings=settings,
            data_root=data_root,
        )
        if dry_run:
            _print_plan(planned, count, folder)
        else:
            _run(
                planned, folder, executor=executor, workers=workers, resources=resources, cluster=cluster,
                max_failures=max_failures,
            )  # fmt: skip


def _run(planned, folder: Path, **options) -> None:
    from rich.console import Console

    from results.report import write_report
    from sweep.driver import run_study
    from sweep.progress import shown

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(stderr=True)
    with shown(console) as show:
        run_study(planned, folder, observe=show, **options)
    report_path = write_report(folder)
    _print_status(folder)
    typer.echo(f"report  {report_path}\nstore   {folder / 'store.sqlite'}")


@app.command("list")
def list_names() -> None:
    """List the studies, their scales and the data sets."""
    from data import DATASETS
    from search_spaces import STUDIES

    rows = [
        (name, ", ".join(study.methods), ", ".join(study.scales), study.question)
        for name, study in STUDIES.items()
    ]
    _print_table("Studies", ("study", "methods", "scales", "question"), rows)
    sets = [
        (name, "x".join(map(str, source.image_shape)), source.summary)
        for name, source in DATASETS.items()
    ]
    _print_table("Data sets", ("data", "image", "what it is"), sets)


@app.command()
def show(
    study: StudyName,
    toml: Annotated[bool, typer.Option("--toml", help="Print it as a file that `ganscape run` takes.")] = False,
) -> None:
    """Show a study: its question, methods with their ranges and defaults, scales, phases, cost, sources."""
    with _one_line_errors():
        from search_spaces import write_study

        found = _find_study(study)
        if toml:
            typer.echo(write_study(found), nl=False)
            return
        typer.echo(f"{study}: {found.question}\nsource: {found.source}; searcher: {found.searcher}")
        fields = dict.fromkeys(name for space in found.methods.values() for name in space.names())
        rows = [
            (field, *(_cell(space.describe(), field) for space in found.methods.values()))
            for field in fields
        ]
        _print_table("Search spaces, and what is asked first", ("field", *found.methods), rows)
        for source in dict.fromkeys(space.source for space in found.methods.values()):
            typer.echo(f"source: {source}")
        _print_scales(found)


def _find_study(name: str):
    """A named study without loading what trains it."""
    if name.endswith(".toml"):
        from sweep.plan import find_study

        return find_study(name)
    from search_spaces import find

    return find(name)


def _print_scales(study) -> None:
    from search_spaces import phases, rungs

    rows = []
    for name, scale in study.scales.items():
        parts = phases(study.searcher, scale)
        trials = len(study.methods) * sum(each.configs * each.seeds for each in parts)
        length = rungs(scale, scale.data)
        words = "\n".join(f"{each.name}: {_size(each)}" for each in parts)
        rows.append((name, scale.summary, scale.data, words, f"{length[-1]:,}, {len(length)} rungs",
                     f"{trials:,}", f"{trials * length[-1]:,}"))  # fmt: skip
    header = ("scale", "", "data", "phases", "images per trial", "trials at most", "images in all")
    _print_table("Scales", header, rows)


@app.command()
def status(out: Out) -> None:
    """Show how far a sweep is and its best scores, also while it runs."""
    with _one_line_errors():
        _print_status(out)


@app.command()
def report(out: Out) -> None:
    """Write OUT/report.html from what the store holds now."""
    with _one_line_errors():
        from results.report import write_report

        typer.echo(write_report(out))


@app.command()
def watch(
    out: Out,
    once: Annotated[bool, typer.Option("--once", help="Print the state once and end; for scripts.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 2.0,
) -> None:
    """Watch a sweep on the terminal: how far it is, the best of each method, failures, the time left."""
    with _one_line_errors("stopped watching"):
        from sweep import watching

        if once:
            watching.show(out, _console())
        else:
            watching.watch(out, _console(), every)


@app.command()
def serve(
    out: Out,
    port: Annotated[int, typer.Option(help="Port; 0 takes any that is free.", min=0, max=65535)] = 8000,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than the default opens the report to the network.")
    ] = "127.0.0.1",
) -> None:
    """Serve the report to a browser; it follows the sweep while that runs. Nothing is written."""
    with _one_line_errors("stopped serving"):
        from results.server import serving

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with serving(out, host, port) as server:
            typer.echo(f"serving '{out}' at http://{host}:{server.server_port}/ (Ctrl-C ends)")
            signal.pause()


@app.command()
def export(
    out: Out,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file to write.")],
) -> None:
    """Write every score with its trial's settings to a table."""
    with _one_line_errors():
        from results.frames import export as export_scores
        from results.frames import load

        typer.echo(export_scores(load(out), file))


@app.command()
def score(
    images: Annotated[Path, typer.Option(help="Images to score: a folder of .png and .jpg, an .npz or .npy file.")],
    against: Annotated[str, typer.Option(help="Data set whose test split is the reference, or other images.")],
    metric: Annotated[
        str | None,
        typer.Option(help="Metrics, with commas between.", show_default="the data set's own, else fd_pixels"),
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="How many of the images, spread evenly over their order.", show_default="all")
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(help="Folder of data files.", show_default="$GANSCAPE_DATA or ~/.cache/ganscape"),
    ] = None,
    weights: Weights = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON per metric, with its protocol, instead of a table.")
    ] = False,
) -> None:
    """Score images that were made elsewhere, the way sweeps are scored."""
    with _one_line_errors():
        _look_for(weights)
        from sweep.scoring import score_images

        names = None if metric is None else metric.split(",")
        scores = score_images(images, against, names, samples=samples, data_root=data_root)
        if as_json:
            for each in scores:
                typer.echo(json.dumps(_with_protocol(each)))
            return
        rows = [
            (each.protocol.metric, f"{each.value:.6g}", each.better, each.protocol.fingerprint) for each in scores
        ]
        one = scores[0].protocol
        title = f"{one.samples} images against {one.reference} ({one.reference_samples})"
        _print_table(title, ("metric", "score", "better", "protocol"), rows)


@encoder.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights: a .pth, .npz or .safetensors file.")],
    to: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
) -> None:
    """Convert weights of an encoder's network, without running code that a .pth file may hold."""
    with _one_line_errors():
        from metrics.encoders.conversion import convert as converted

        found = converted(file, to)
        typer.echo(f"{to}: {found.network.name}, {found.origin}; sha256 of the tensors {found.file.sha256}")


@encoder.command()
def info(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="An encoder, or a weights file.", show_default="all encoders"),
    ] = None,
    weights: Weights = None,
) -> None:
    """Show the encoders, where their weights are and where to get them, or what a weights file holds."""
    with _one_line_errors():
        _look_for(weights)
        from metrics.encoders.conversion import encoder_facts, encoder_rows, file_facts, is_file

        if name is None:
            _print_table("Encoders", ("encoder", "features", "weights"), encoder_rows())
        else:
            _print_table(name, ("", ""), file_facts(Path(name)) if is_file(name) else encoder_facts(name))


def _with_protocol(score) -> dict[str, Any]:
    protocol = score.protocol
    return {
        "metric": protocol.metric,
        "value": score.value,
        "better": score.better,
        "fingerprint": protocol.fingerprint,
        "protocol": protocol.describe(),
    }


@contextmanager
def _one_line_errors(interrupted: str = "interrupted; the same command continues") -> Iterator[None]:
    """A user's mistake ends with one line and exit code 2; an interruption with 130."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(interrupted, err=True)
        raise typer.Exit(130) from None
    except (ValueError, OSError) as error:
        known = [
            getattr(sys.modules[module], name)
            for module, name in USER_ERRORS.items()
            if module in sys.modules
        ]
        if not isinstance(error, (OSError, *known)):
            raise
        text = str(error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            text = f"the disk is full ({text}); nothing stored is lost, the same command continues once there is room"
        typer.echo(f"error: {' '.join(text.split())}", err=True)
        raise typer.Exit(2) from None


def _look_for(weights: Path | None) -> None:
    """Encoders look for their weights in this folder, here and in the workers that are started from here."""
    import os

    if weights is not None:
        os.environ["GANSCAPE_WEIGHTS"] = str(weights.absolute())


def _settings(assignments: list[str]) -> dict[str, Any]:
    from models import ConfigError

    settings: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set {assignment!r} must be NAME=VALUE, such as --set batch_size=32")
        try:
            settings[name] = json.loads(text)
        except json.JSONDecodeError:
            settings[name] = text
    return settings


def _prepare_jax(dry_run: bool, resources) -> None:
    """The driver computes nothing and must not claim an accelerator; a dry run measures as a worker would."""
    if dry_run:
        from sweep.executors.worker import environment

        os.environ.update(environment("", resources))
        os.environ.pop("JAX_COMPILATION_CACHE_DIR")
        return
    import jax

    jax.config.update("jax_platforms", "cpu")


def _print_plan(planned, workers: int, folder: Path) -> None:
    from sweep.estimate import estimate
    from sweep.progress import duration

    cost = estimate(planned, workers)
    definition = planned.definition
    typer.echo(f"{definition['study']} at scale {definition['scale']}: {definition['question']}")
    rows = [
        ("output", folder),
        ("data", f"{definition['data']} {'x'.join(map(str, definition['image_shape']))}"),
        ("score", planned.protocol.label()),
        ("methods", ", ".join(planned.methods)),
        ("trials", f"{cost.trials}"),
        *((f"phase {each.name}", _size(each)) for each in planned.phases),
        ("structures to compile", cost.structures),
        ("images per trial", f"{definition['images']:,}, scored at {len(definition['rungs'])} rungs"),
        ("images in all", f"{cost.images:,}{_at_most(planned)}"),
        ("estimated time", f"{duration(cost.seconds)} with {workers} workers, roughly: from one config alone"),
        ("that config", cost.measured.structure()),
    ]
    _print_table("Plan", ("", ""), rows)


def _at_most(planned) -> str:
    if planned.scheduler == "none":
        return ""
    rungs = ", ".join(f"{rung:,}" for rung in planned.decision_rungs(0))
    return f" at most; {planned.scheduler!r} stops trials at {rungs} images"


def _size(phase) -> str:
    """A phase in words: what every method is given in it."""
    words = f"{phase.configs} configs x {phase.seeds} seeds per method, by searcher {phase.searcher!r}"
    if phase.rounds > 1:
        words += f", in {phase.rounds} rounds of {phase.batch}"
    if phase.settings:
        words += f", with {_plain(phase.settings)}"
    return words


def _print_status(folder: Path) -> None:
    from results.frames import load

    results = load(folder)
    trials = results.trials()
    counts = trials["status"].value_counts()
    states = ", ".join(f"{counts.get(state, 0)} {state}" for state in ("done", "running", "failed"))
    states += f", {counts['stopped']} stopped" if "stopped" in counts else ""
    study = f"{results.study['study']} on {results.study['data']}" if results.study else "no study yet"
    typer.echo(f"{study}: {len(trials)} trials, {states}")
    best = results.per_trial("best").query("status != 'running'").sort_values("value")
    rows = []
    for method, group in best.groupby("method", sort=False):
        top = next(group.itertuples())
        done, failed = (int((group["status"] == each).sum()) for each in ("done", "failed"))
        rows.append((method, done, failed, f"{top.value:.4g}", top.config, top.seed))
    header = ("method", "done", "failed", f"best {results.study.get('metric', 'score')}", "config", "seed")
    _print_table(results.protocol_label(), header, rows)


def _print_table(title: str, header: tuple, rows: list[tuple]) -> None:
    from rich.table import Table

    table = Table(*header, title=title, title_justify="left", show_header=any(header))
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    _console().print(table)


def _console():
    """A terminal of its own width, or wide lines into a file or a pipe."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=240)


def _cell(space: dict, field: str) -> str:
    """What a method does with a field: its fixed value, or its range with the first value asked."""
    if field in space["fixed"]:
        return _plain(space["fixed"][field])
    if field not in space["dimensions"]:
        return ""
    first = dict.fromkeys(_plain(default[field]) for default in space["defaults"] if field in default)
    return "\n".join([_plain(space["dimensions"][field]), *([f"first {' or '.join(first)}"] if first else [])])


def _plain(value: Any) -> str:
    """A setting, a table, or a described dimension as text: "LogUniform(1e-05, 0.01)"."""
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if not isinstance(value, dict):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if value.get("kind") == "When":
        return _plain(value["dimension"])
    if "kind" in value:
        return f"{value['kind']}({', '.join(_plain(each) for name, each in value.items() if name != 'kind')})"
    return ", ".join(f"{name}={_plain(each)}" for name, each in value.items())


app.add_typer(worth_cli.commands(_one_line_errors, _print_table), name="worth")
