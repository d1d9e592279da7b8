"""Sweeps from Python: run a study, continue it, make images by its winners, and score images from anywhere.

`import ganscape` offers these functions; the command line plans and runs sweeps by the same ones underneath.
"""

import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ganscape.environment import pinned_jax
from ganscape.results.frames import Results, load
from ganscape.results.store import STORE, StoreError
from ganscape.results.winners import find_winner
from ganscape.search_spaces import Study
from ganscape.sweep.backlog import MAX_FAILURES
from ganscape.sweep.driver import ONE_CORE, changed_circumstances, run_study
from ganscape.sweep.growth import stored_plan, united_plan
from ganscape.sweep.keeping import find_keep
from ganscape.sweep.measuring.scoring import ImageScore, score_images
from ganscape.sweep.plan import Plan, plan
from ganscape.sweep.plugins import import_plugins
from ganscape.sweep.resources import ALONE, Cluster, Resources


def run(
    study: str | Path | Study,
    *,
    out: str | Path,
    name: str | None = None,
    methods: Sequence[str] | None = None,
    data: str | Path | None = None,
    scale: str = "smoke",
    searcher: str | None = None,
    scheduler: str | None = None,
    ranges_from: str | Path | None = None,
    seeds: int | None = None,
    seed: int = 0,
    metric: str | None = None,
    further: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    executor: str = "local",
    workers: int | None = None,
    lanes: int = 1,
    resources: Resources = ONE_CORE,
    cluster: Cluster = ALONE,
    keep: str = "best",
    keep_top: int | None = None,
    max_failures: float = MAX_FAILURES,
    retry: Collection[str] = (),
    imports: Sequence[str] = (),
    allow_changed_code: bool = False,
    progress: bool = True,
) -> Results:
    """Runs a study, or continues the one in `out`, and returns its results.

    An interruption (Ctrl-C, the stop button of a notebook) ends the workers and returns what there is; the same call
    again computes only what is missing. Options mean what they do on the command line, see docs/cli.md.

    Args:
      study: the name of a study in STUDIES, the path of a .toml file, or a Study built in Python.
      out: the output folder, made if it is not there.
      name: what stores and reports call a Study that was built in Python, "study" by default.
      methods, data, scale, searcher, scheduler, ranges_from, seeds, seed, metric, further, settings, data_root, lanes:
        see `sweep.plan.plan`.
      executor, workers, resources, cluster, max_failures, retry: see `sweep.driver.run_study`.
      keep, keep_top: how many trained generators are kept, see `sweep.keeping.find_keep`.
      imports: modules of yours that register losses, searchers, data sets ..., see `ganscape.register`.
      allow_changed_code: goes on in `out` though such a module has changed since; the change is recorded.
      progress: whether a bar on a terminal or in a notebook, or lines elsewhere, say how far the sweep is.

    Raises:
      UserError: for a mistake in the arguments, in one line, before anything is trained or written.
    """
    planned = plan(
        study,
        out=out,
        name=name,
        methods=methods,
        data=None if data is None else str(Path(data).expanduser() if isinstance(data, Path) else data),
        scale=scale,
        searcher=searcher,
        scheduler=scheduler,
        ranges_from=ranges_from,
        seeds=seeds,
        seed=seed,
        lanes=lanes,
        metric=metric,
        further=further,
        settings=settings,
        data_root=data_root,
        imports=imports,
        allow_changed_code=allow_changed_code,
    )
    options = {"workers": workers, "resources": resources, "cluster": cluster, "max_failures": max_failures}
    return _run_plan(planned, out, progress, executor=executor, retry=retry, keep=(keep, keep_top), **options)


def resume(
    out: str | Path,
    *,
    data: str | Path | None = None,
    data_root: str | Path | None = None,
    executor: str = "local",
    workers: int | None = None,
    lanes: int = 1,
    resources: Resources = ONE_CORE,
    cluster: Cluster = ALONE,
    keep: str = "best",
    keep_top: int | None = None,
    max_failures: float = MAX_FAILURES,
    retry: Collection[str] = (),
    imports: Sequence[str] = (),
    allow_changed_code: bool = False,
    progress: bool = True,
) -> Results:
    """Continues the sweep in `out` as far as it was ever asked for, however it was begun, and returns its results.

    Args:
      data: where your own images are now, for a sweep on images of yours.

    The other arguments, the errors and interruptions are those of `run`.
    """
    import_plugins(imports)
    planned = stored_plan(out, None if data is None else str(data), data_root, lanes, allow_changed_code)
    options = {"workers": workers, "resources": resources, "cluster": cluster, "max_failures": max_failures}
    return _run_plan(planned, out, progress, executor=executor, retry=retry, keep=(keep, keep_top), **options)


def sample(
    out: str | Path | Results,
    count: int = 64,
    *,
    trial: str | None = None,
    method: str | None = None,
    seed: int | None = None,
    label: int | None = None,
    truncation: float | None = None,
    walk: bool = False,
    data: str | Path | None = None,
    data_root: str | Path | None = None,
) -> np.ndarray:
    """Returns images by a trained generator of a sweep, uint8 [count, height, width, channels].

    Without a seed the first images are those that the trial was scored by, to within rounding.

    Args:
      out: the output folder, or its results.
      trial: a trial's id or how it begins; by default the trial with the lowest score.
      method: the method whose trial with the lowest score is wanted.
      seed: of other images than those that were scored.
      label: the class of all images; truncation: the largest magnitude of a normal latent.
      walk: whether every 8 images lead from one latent to another.
      data: where your own images are now; data_root: where data sets are. Only a generator that completes images needs
        them: it completes those of the test split.

    Raises:
      StoreError: if there is no such trial, or its generator was not kept.
    """
    from ganscape.models.generator_file import load_generator
    from ganscape.sweep.measuring.resampling import images_of
    from ganscape.sweep.retraining import data_of

    results = out if isinstance(out, Results) else load(out)
    winner = find_winner(results, trial, method)
    if winner.generator is None:
        raise StoreError(
            f"the generator of trial {winner.trial} ({winner.method}) was not kept; ganscape sample "
            f"{results.folder} --trial {winner.trial} --retrain trains it again"
        )
    if count < 1:
        raise StoreError(f"count={count} must be at least 1")
    with pinned_jax():
        generator, samples = load_generator(winner.generator), results.protocol()["samples"]
        originals = (
            data_of(results, None if data is None else str(data), data_root).test if generator.completes else None
        )
        chosen: dict[str, Any] = {"label": label, "truncation": truncation, "walk": walk, "originals": originals}
        return np.concatenate([*images_of(generator, samples, count, seed=seed, **chosen)])


def score(
    images: np.ndarray | str | Path,
    against: str | Path,
    metrics: str | Sequence[str] | None = None,
    *,
    samples: int | None = None,
    data_root: str | Path | None = None,
) -> dict[str, ImageScore]:
    """Returns metric -> score, with its protocol, of images that were made anywhere.

    Args:
      images: uint8 or float in [0, 1], [n, height, width, channels], or the path of such an array or of a folder of
        pictures.
      against: the data set whose test split is the reference, or the path of other images or of published statistics.
      metrics: one name or several of METRICS; by default what a sweep on these data is scored by.
      samples: how many of the images, spread evenly over their order; all by default.

    Raises:
      DataError, MetricError: in one line, before anything is computed.
    """
    names = [metrics] if isinstance(metrics, str) else metrics
    with pinned_jax():
        scores = score_images(images, str(against), names, samples=samples, data_root=data_root)
    return {item.protocol.metric: item for item in scores}


def _run_plan(
    planned: Plan, out: str | Path, progress: bool, *, keep: tuple[str, int | None], **options: Any
) -> Results:
    planned = united_plan(planned, out)  # refuses another study before anything is said of this one
    for line in [*planned.warnings, *changed_circumstances(out)]:
        warnings.warn(line, stacklevel=3)
    try:
        with _progress(progress) as show:
            run_study(planned, out, observe=show, keep=find_keep(planned, *keep), **options)
    except KeyboardInterrupt:
        if not (Path(out) / STORE).exists():
            raise
        sys.stderr.write("interrupted; the same call continues\n")
    return load(out)


@contextmanager
def _progress(wanted: bool) -> Iterator[Callable]:
    if not wanted:
        yield lambda backlog: None
        return
    from rich.console import Console

    from ganscape.sweep.commands.progress import show_progress

    with show_progress(Console(stderr=True)) as show:
        yield show
