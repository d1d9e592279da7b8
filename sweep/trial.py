"""A trial's way from its config to its scores: THE loop, for a whole cohort at once."""

import dataclasses
import json
import time
import traceback
import warnings
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from data import Dataset
from metrics import MetricError
from models import Config
from sweep import checkpoints, programs
from sweep.evaluation import Evaluator, judge, sample_and_encode
from sweep.population import Population, advance, images_per_cycle, on_devices, only, stack, start, take
from sweep.signs import Sign, signs_of

SEGMENT_SECONDS = 5.0


class Trial(NamedTuple):
    """One training run: a config with a seed. Its id and key come from its content."""

    id: str
    method: str
    config: Config
    seed: int
    key: tuple[int, int]


class Cohort(NamedTuple):
    """Trials of equal structure trained together: the unit that a worker receives.

    committed: for each trial the rungs whose scores the store holds; they are not computed again.
    attempt: for each trial how often it was handed out before.
    size: places in the population, at least the number of trials.
    until: the rung at which they are left on disk for others to go on; None: they are trained to the end.
    """

    trials: tuple[Trial, ...]
    committed: tuple[frozenset[int], ...]
    attempt: tuple[int, ...]
    size: int
    until: int | None = None


class Workload(NamedTuple):
    """What every cohort of a study has in common.

    samples: generated images in a score. rungs: real images seen, increasing. lanes: members side
    by side. checkpoints: the folder; a trial is saved after each checkpoint_seconds of training.
    """

    dataset: Dataset
    metric: str
    samples: int
    rungs: tuple[int, ...]
    lanes: int
    checkpoints: str
    checkpoint_seconds: float


class Score(NamedTuple):
    """A trial's score at a rung.

    rung: the real images planned for it; images: those seen, a whole number of cycles.
    seconds: the trial's share of its cohort's wall time, compilation apart.
    grid: images to look at, uint8 [n, height, width, channels], as `sample_and_encode` orders them.
    signs: what its losses, gradients and samples say beside the score.
    """

    trial: str
    attempt: int
    rung: int
    images: int
    value: float
    seconds: float
    grid: np.ndarray
    signs: tuple[Sign, ...] = ()


class Failure(NamedTuple):
    """Why a trial ended early: cause `diverged` or `crashed`, on the way to which rung, at which step."""

    trial: str
    attempt: int
    cause: str
    rung: int
    step: int
    message: str
    detail: str


class Compiled(NamedTuple):
    """A cohort's programs are ready: the seconds that took, nearly all of them compilation.

    compiled, loaded: programs that were compiled for it, and read from the compilation cache; neither where the
    worker had them. lanes: members side by side, as many as fit.
    """

    structure: str
    seconds: float
    compiled: int
    loaded: int
    lanes: int


Report = Callable[[Score | Failure | Compiled], None]


@dataclasses.dataclass
class _Training:
    """A cohort in training; what is plural goes by place in the population, `running` without those that failed."""

    cohort: Cohort
    workload: Workload
    population: Population
    running: dict[int, Trial]
    seconds: list[float]
    scores: list[list[Score]]
    report: Report
    rung: int
    cycles: np.ndarray
    lanes: int
    segment: int = 1
    saved: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def config(self) -> Config:
        return self.cohort.trials[0].config


def train(cohort: Cohort, workload: Workload, evaluator: Evaluator, report: Report) -> None:
    """Every trial trained from where it stands to the last rung, or that of `until`; each new score reported.

    A trial that diverges, or whose evaluation raises, is reported as a Failure and halted; the
    others go on. When the program that they share raises, each that was running is trained again
    by itself, from its checkpoint, so that only the culprit fails.
    """
    training = None
    try:
        training = _begin(cohort, workload, report)
        real = on_device(training.config, workload.dataset)
        _compile(training, real, evaluator)
        for training.rung in workload.rungs:
            _advance(training, real)
            _evaluate(training, evaluator)
            if training.rung == cohort.until:
                break
    except Exception as error:
        if len(cohort.trials) > 1:
            for place in range(len(cohort.trials)) if training is None else training.running:
                train(_alone(cohort, place, training), workload, evaluator, report)
        elif training is None:
            report(_failure(cohort.trials[0], cohort.attempt[0], "crashed", workload.rungs[0], 0, error))
        elif training.running:
            _fail(training, 0, "crashed", error)


def _alone(cohort: Cohort, place: int, training: _Training | None) -> Cohort:
    """One trial of the cohort; what it has reported counts as committed."""
    reported = [] if training is None else training.scores[place]
    known = cohort.committed[place] | {earlier.rung for earlier in reported}
    return Cohort((cohort.trials[place],), (known,), (cohort.attempt[place],), 1, cohort.until)


def _begin(cohort: Cohort, workload: Workload, report: Report) -> _Training:
    """The cohort from its checkpoints, or from its keys where there are none."""
    restored = [
        _restore(trial, attempt, workload)
        for trial, attempt in zip(cohort.trials, cohort.attempt, strict=True)
    ]
    members, seconds, scores = map(list, zip(*restored, strict=True))
    cycles = np.asarray([member.cycle for member in members])
    for committed, held in zip(cohort.committed, scores, strict=True):
        for earlier in held:
            if earlier.rung not in committed:
                report(earlier)
    population = on_devices(stack(members, cohort.size))
    running = dict(enumerate(cohort.trials))
    rung = workload.rungs[0]
    return _Training(cohort, workload, population, running, seconds, scores, report, rung, cycles, workload.lanes)


def _restore(trial: Trial, attempt: int, workload: Workload) -> tuple[Population, float, list[Score]]:
    """The trial's member, the seconds it used and the scores it has."""
    member = start(trial.config, workload.dataset.image_shape, trial.key)
    arrays = checkpoints.load(workload.checkpoints, trial.id)
    return (member, 0.0, []) if arrays is None else _unpack(arrays, trial, attempt, member)


def on_device(config: Config, dataset: Dataset) -> tuple[Array, Array | None]:
    """The images that a config is trained on, uint8, and their labels, int32, where it has classes."""
    labels = None if config.classes is None else jnp.asarray(dataset.train_labels, jnp.int32)
    return jnp.asarray(dataset.train), labels


def _compile(training: _Training, real: tuple[Array, Array | None], evaluator: Evaluator) -> None:
    """The programs of this cohort compiled for as many lanes as fit, by running each with all members halted."""
    began, before = time.monotonic(), programs.made()
    images, labels = real
    idle = only(training.population, [])

    def needed(lanes: int) -> int:
        return programs.bytes_of(advance.lower(idle, images, jnp.int32(0), labels, lanes=lanes).compile())

    members = training.cohort.size
    lanes = programs.fitting_lanes(training.workload.lanes, members, needed, programs.free_bytes())
    training.lanes = lanes
    training.population = advance(idle, images, jnp.int32(0), labels, lanes=lanes)
    jax.block_until_ready(sample_and_encode(training.population, evaluator, lanes=lanes))
    compiled, loaded = (after - earlier for after, earlier in zip(programs.made(), before, strict=True))
    training.report(Compiled(training.config.structure(), time.monotonic() - began, compiled, loaded, lanes))


def _advance(training: _Training, real: tuple[Array, Array | None]) -> None:
    """Every running trial at the rung, in segments of a few seconds."""
    images, labels = real
    stop = training.rung // images_per_cycle(training.config)
    while behind := [place for place in training.running if training.cycles[place] < stop]:
        began = time.monotonic()
        target = min(stop, min(training.cycles[place] for place in behind) + training.segment)
        population = only(training.population, behind)
        training.population = advance(population, images, jnp.int32(target), labels, lanes=training.lanes)
        finite = np.asarray(training.population.finite)
        training.cycles = np.asarray(training.population.cycle)
        took = time.monotonic() - began
        _charge(training, behind, took)
        if took < SEGMENT_SECONDS / 2:
            training.segment *= 2
        for place in [place for place in training.running if not finite[place]]:
            _fail(training, place, "diverged", "the loss is not finite")
        _checkpoint(training)


def _evaluate(training: _Training, evaluator: Evaluator) -> None:
    """The scores of this rung, except those that are known from before."""
    began = time.monotonic()
    known = [
        committed | {earlier.rung for earlier in held}
        for committed, held in zip(training.cohort.committed, training.scores, strict=True)
    ]
    due = [place for place in training.running if training.rung not in known[place]]
    if not due:
        return
    population = only(training.population, due)
    sampled = jax.device_get(sample_and_encode(population, evaluator, lanes=training.lanes))
    logs = jax.device_get(training.population.logs)
    scored = {}
    for place in due:
        try:
            found = judge(evaluator, sampled, place)
            own = {name: mean[place] for name, mean in logs.items()}
            scored[place] = found.value, signs_of(training.config, own | found.facts)
        except MetricError as error:
            _fail(training, place, "diverged", error)
        except Exception as error:
            _fail(training, place, "crashed", error)
    _charge(training, due, time.monotonic() - began)
    for place, (value, signs) in scored.items():
        training.scores[place].append(
            Score(
                training.running[place].id,
                training.cohort.attempt[place],
                training.rung,
                int(training.cycles[place]) * images_per_cycle(training.config),
                value,
                training.seconds[place],
                sampled.images[place],
                signs,
            )
        )
    _checkpoint(training, pausing=training.rung == training.cohort.until)
    for place in scored:
        training.report(training.scores[place][-1])


def _charge(training: _Training, places: list[int], seconds: float) -> None:
    """Wall time shared among those that used it."""
    for place in places:
        training.seconds[place] += seconds / len(places)


def _fail(training: _Training, place: int, cause: str, error: Exception | str) -> None:
    """The trial at this place ended: reported, and not running any more."""
    trial, attempt = training.running.pop(place), training.cohort.attempt[place]
    step = int(training.cycles[place]) * training.config.disc_iters
    training.report(_failure(trial, attempt, cause, training.rung, step, error))


def _failure(trial: Trial, attempt: int, cause: str, rung: int, step: int, error: Exception | str) -> Failure:
    if isinstance(error, str):
        return Failure(trial.id, attempt, cause, rung, step, error, "")
    first_line = str(error).splitlines()[0] if str(error) else ""
    detail = "".join(traceback.format_exception(error))
    return Failure(trial.id, attempt, cause, rung, step, f"{type(error).__name__}: {first_line}", detail)


def _checkpoint(training: _Training, pausing: bool = False) -> None:
    """Every running trial on disk, when it pauses or enough time has passed since the last.

    One that cannot be written costs time later, not the trial.
    """
    if not pausing and time.monotonic() - training.saved < training.workload.checkpoint_seconds:
        return
    for place, trial in training.running.items():
        member = take(training.population, place)
        arrays = _pack(member, training.seconds[place], training.scores[place])
        try:
            checkpoints.save(training.workload.checkpoints, trial.id, int(member.cycle), arrays)
        except (OSError, ValueError) as error:
            warnings.warn(f"no checkpoint of trial {trial.id}: {error}", stacklevel=1)
    training.saved = time.monotonic()


def _pack(member: Population, seconds: float, scores: list[Score]) -> checkpoints.Arrays:
    arrays = {f"leaf{number:04d}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(member))}
    arrays["seconds"] = np.asarray(seconds)
    for held in scores:
        numbers = (held.rung, held.images, held.value, held.seconds)
        arrays[f"score{held.rung:012d}"] = np.asarray(numbers, np.float64)
        arrays[f"grid{held.rung:012d}"] = held.grid
        arrays[f"signs{held.rung:012d}"] = np.frombuffer(json.dumps(held.signs).encode(), np.uint8)
    return arrays


def _unpack(
    arrays: checkpoints.Arrays, trial: Trial, attempt: int, template: Population
) -> tuple[Population, float, list[Score]]:
    """What the arrays hold; the beginning, if they are not of such a member."""
    leaves = [arrays[name] for name in sorted(arrays) if name.startswith("leaf")]
    if list(map(_kind, leaves)) != list(map(_kind, jax.tree.leaves(template))):
        return template, 0.0, []
    member = jax.tree.unflatten(jax.tree.structure(template), leaves)
    scores = []
    for name in sorted(name for name in arrays if name.startswith("score")):
        rung, images, value, seconds = arrays[name].tolist()
        grid, signs = (arrays[name.replace("score", other)] for other in ("grid", "signs"))
        known = tuple(Sign(*sign) for sign in json.loads(signs.tobytes()))
        scores.append(Score(trial.id, attempt, int(rung), int(images), value, seconds, grid, known))
    return member, float(arrays["seconds"]), scores


def _kind(array: np.ndarray) -> tuple:
    return np.shape(array), np.asarray(array).dtype
