"""The command line: parsing and printing only. Heavy imports happen inside the commands."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands import (
    calibrate,
    doctor,
    encoder,
    folders,
    generators,
    growing,
    reproduce,
    results,
    score,
    studies,
)
from ganscape.sweep.commands import data as data_commands
from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.encoder import WeightsFolder, look_for
from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.running import run_plan, unite_with_folder
from ganscape.sweep.commands.settings import check_paths, expand_user, parse_settings
from ganscape.sweep.commands.studies import StudyName
from ganscape.sweep.commands.tables import print_plan
from ganscape.sweep.commands.terminal import OneLineGroup, logged_warnings, one_line_errors

app = typer.Typer(
    cls=OneLineGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which GAN is best at the compute you have, and how sure can you be?",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(studies.app)
app.add_typer(score.app)
app.add_typer(results.app)
app.add_typer(generators.app)
app.add_typer(growing.app)
app.add_typer(folders.app)
app.add_typer(reproduce.app)
app.add_typer(doctor.app)
app.add_typer(encoder.app, name="encoder")
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(data_commands.app, name="data")
app.add_typer(calibrate.app, name="worth", hidden=True)  # its name before; scripts may hold it


def _print_version(wanted: bool) -> None:
    if wanted:
        from ganscape import __version__

        typer.echo(f"ganscape {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Which GAN is best at the compute you have, and how sure can you be?"""


@app.command()
def run(
    study: StudyName,
    methods: Annotated[
        str | None, typer.Option(help="Methods that take part, with commas between.", show_default="all")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Data set, or path of your images.", show_default="the scale's own")
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(help="Make your pictures squares of so many pixels, once.", show_default="as they are"),
    ] = None,
    crop: Annotated[
        str, typer.Option(help="With --resize: center, the largest square in the middle; or none.")
    ] = "center",
    scale: Annotated[
        str, typer.Option(help="A scale of the study, such as smoke, laptop or paper; `ganscape show` lists them.")
    ] = "smoke",
    searcher: Annotated[
        str | None,
        typer.Option(help="What proposes configs; `published`: the sets of the paper.", show_default="the study's own"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="What stops trials that fall behind: none, median, halving or asha.", show_default="the scale's own"
        ),
    ] = None,
    ranges_from: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT", help="Cut each method's ranges to the box around its best configs of an earlier sweep."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output folder.", show_default="runs/STUDY-DATA-SCALE")] = None,
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
    lanes: Annotated[int, typer.Option(help="Members trained side by side in one program; for accelerators.")] = 1,
    seeds: Annotated[int | None, typer.Option(help="Trials per config.", show_default="the scale's own")] = None,
    seed: Annotated[int, typer.Option(help="Study seed: all randomness is derived from it.")] = 0,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Metric that selects trials; lower must be better. Others, after commas, score the same samples.",
            show_default="that of OUT, else of the study or the data",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Fix a config field for all methods, or configs, rounds, images, interval, samples, confirm.",
        ),
    ] = None,
    data_root: Root = None,
    weights: WeightsFolder = None,
    cpus_per_worker: Annotated[float, typer.Option(help="CPU cores that a worker takes.")] = 1.0,
    pin_cores: Annotated[
        bool,
        typer.Option(
            "--pin-cores", help="Keep each local worker to CPUs of its own, of one NUMA node where they suffice."
        ),
    ] = False,
    gpus_per_worker: Annotated[float, typer.Option(help="GPUs, or the share of one, of a worker.")] = 0.0,
    tpus_per_worker: Annotated[float, typer.Option(help="TPU chips of a worker: 1, 2, 4 or 8.")] = 0.0,
    others: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="NAME=AMOUNT", help="What else a worker takes, by the cluster's names."),
    ] = None,
    keep: Annotated[str, typer.Option(help="Which trained generators are kept: best, all or none.")] = "best",
    keep_top: Annotated[
        int | None,
        typer.Option(
            help="With --keep best: those of how many trials of each method.", show_default="3, or what fits in 128 MB"
        ),
    ] = None,
    max_failures: Annotated[
        float, typer.Option(help="Share of trials that may crash or be lost before the sweep ends itself.")
    ] = 0.5,
    retry: Annotated[
        str | None,
        typer.Option(
            metavar="CAUSE",
            help="Try trials again that failed: crashed, lost, diverged or all; commas between. Their failures stay.",
        ),
    ] = None,
    imports: Imports = None,
    allow_changed_code: Annotated[
        bool,
        typer.Option(
            "--allow-changed-code",
            help="Continue though a module of --import has changed since; recorded with the start.",
        ),
    ] = False,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of compiled programs, which studies may share.",
            show_default="$JAX_COMPILATION_CACHE_DIR or OUT/xla-cache",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print the lines of OUT/log.txt to stderr too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its cost; run nothing.")] = False,
) -> None:
    """Run a study, or continue it: the same command again computes only what is missing."""
    with one_line_errors(), ExitStack() as stack:
        check_paths(out=out, data_root=data_root, weights=weights, cache_dir=cache_dir, ranges_from=ranges_from)
        look_for(weights)
        from ganscape.sweep.executors import check_executor
        from ganscape.sweep.executors.processes import started_early, without_interruption
        from ganscape.sweep.outcomes import check_retries
        from ganscape.sweep.resources import Cluster, Resources, default_workers, with_others

        amounts = Resources(cpus_per_worker, gpus_per_worker, tpus_per_worker, pin_cores=pin_cores)
        resources = with_others(amounts, others or [])
        cluster = Cluster(address, tuple(callbacks or []))
        check_executor(executor, workers, resources, cluster)
        causes = check_retries(max_failures, retry.split(",") if retry else ())
        count = default_workers(resources) if workers is None else workers
        if executor == "local" and not dry_run and (out is None or not out.exists()):
            # Of a folder that is there the sweep may be finished, and need no workers.
            stack.enter_context(started_early(count, resources))
        with without_interruption():
            _prepare_jax(dry_run, resources)
            from ganscape.sweep.plan import find_study, plan, study_label
        import_modules(imports)
        settings = parse_settings(assignments or [])
        from ganscape.search_spaces import find_scale
        from ganscape.sweep.keeping import find_keep

        data = expand_user(data or find_scale(find_study(study), scale).data)
        check_paths(data=data)
        if resize is not None:
            data = _prepared(Path(data), resize, crop, data_root)
        folder = out or Path("runs", "-".join((*study_label(study).split("/"), Path(data).stem, scale)))
        first, *further = metric.split(",") if metric else ("",)
        with logged_warnings():
            planned = plan(
                study,
                out=folder,
                methods=None if methods is None else methods.split(","),
                data=data,
                scale=scale,
                searcher=searcher,
                scheduler=scheduler,
                ranges_from=ranges_from,
                seeds=seeds,
                seed=seed,
                lanes=lanes,
                metric=first or None,
                further=further,
                settings=settings,
                data_root=data_root,
                imports=imports or [],
                allow_changed_code=allow_changed_code,
            )
        planned = unite_with_folder(planned, folder)
        kept = find_keep(planned, keep, keep_top)
        if dry_run:
            print_plan(planned, count, folder, kept, resources)
        else:
            _name_cache(cache_dir, folder)
            run_plan(
                planned, folder, executor=executor, workers=workers, resources=resources, cluster=cluster,
                max_failures=max_failures, verbose=verbose, retry=causes, keep=kept,
            )  # fmt: skip


def _prepared(pictures: Path, size: int, crop: str, data_root: Path | None) -> str:
    """Returns the path of these pictures made alike, and prints what became of them if they were not there yet."""
    from ganscape.data import root_folder
    from ganscape.data.pictures import Rules
    from ganscape.data.preparing import prepare_once

    path, made = prepare_once(pictures, Rules(size, crop), root_folder(data_root))
    if made is not None:
        data_commands.print_prepared(path, made)
    return str(path)


def _name_cache(cache_dir: Path | None, out: Path) -> None:
    """Tells workers where compiled programs are kept. In an output folder that is still to come the first worker makes
    the folder: what holds other things than a store is refused."""
    if cache_dir is None:
        return
    if out.resolve() not in cache_dir.resolve().parents:
        cache_dir.mkdir(parents=True, exist_ok=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache_dir.resolve())


def _prepare_jax(dry_run: bool, resources) -> None:
    """The driver computes nothing and must not claim an accelerator; a dry run measures as a worker would."""
    if dry_run:
        from ganscape.sweep.executors.processes import worker_environment

        os.environ.update(worker_environment("", resources))
        os.environ.pop("JAX_COMPILATION_CACHE_DIR")
        return
    import jax

    jax.config.update("jax_platforms", "cpu")
