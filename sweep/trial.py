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

from ganscape.data import Dataset
from ganscape.metrics import MetricError
from ganscape.models import Config
from ganscape.sweep import checkpoints, programs
from ganscape.sweep.measuring.diagnostics import Diagnostic, diagnose
from ganscape.sweep.measuring.evaluation import Evaluator, Sampled, judge, sample_and_encode
from ganscape.sweep.messages import Cohort, Compiled, Failure, Score, Trial, Workload
from ganscape.sweep.population import (
    Population,
    advance,
    images_per_cycle,
    on_devices,
    only,
    placed,
    stack,
    start,
    take,
)

SEGMENT_SECONDS = 5.0


Report = Callable[[Score | Failure | Compiled], None]


@dataclasses.dataclass
class _Member:
    """A trial of the cohort. known: rungs that need no score. ahead: those it is still trained to, the next first."""

    trial: Trial
    attempt: int
    known: frozenset[int]
    ahead: tuple[int, ...]
    cycle: int = 0
    seconds: float = 0.0
    scores: list[Score] = dataclasses.field(default_factory=list)

    @property
    def cycles_ahead(self) -> int:
        """From here to the next rung."""
        return self.ahead[0] // images_per_cycle(self.trial.config) - self.cycle


@dataclasses.dataclass
class _Training:
    """A cohort in training. running: by place in the population. waiting: for a place, in this order."""

    cohort: Cohort
    workload: Workload
    report: Report
    running: dict[int, _Member]
    waiting: list[_Member]
    population: Population
    lanes: int
    segment: int = 1
    charged: float = 0.0
    saved: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def config(self) -> Config:
        return self.cohort.trials[0].config

    @property
    def left(self) -> list[_Member]:
        return [*self.running.values(), *self.waiting]


class _Arrival(NamedTuple):
    """A member at a rung that needs a score. paused: its state, if it is trained no further."""

    member: _Member
    rung: int
    paused: Population | None


class _Sampled(NamedTuple):
    """What members at a rung made, on its way to the host, and the logs of all; arrivals: by place."""

    arrivals: dict[int, _Arrival]
    sampled: Sampled
    logs: dict[str, np.ndarray]


def train(cohort: Cohort, workload: Workload, evaluator: Evaluator, report: Report) -> None:
    """Every trial trained from where it stands to the last rung, or that of `until`; each new score reported.

    A trial that diverges, or whose evaluation raises, is reported as a Failure; the others go on, and one that waits
    takes its place. What was sampled at a rung is compared on the host while the device trains the next segment. When
    the program that they share raises, each that has not ended is trained again by itself, from its checkpoint, so
    that only the culprit fails.
    """
    training, left = None, _members(cohort, workload)
    try:
        training = _begin(cohort, workload, left, report)
        real = on_device(training.config, workload.dataset)
        _compile(training, real, evaluator)
        while training.left:
            sampled = _sample(training, evaluator)
            try:
                behind = _dispatch(training, real)
            finally:
                _judge(training, evaluator, sampled)
            _await(training, behind)
            _refill(training)
            _checkpoint(training)
    except Exception as error:
        left = left if training is None else training.left
        for member in left:
            if len(cohort.trials) == 1:
                rung = (member.ahead or workload.rungs[-1:])[0]
                report(_failure(member, "crashed", rung, error))
            else:
                alone = Cohort((member.trial,), (member.known,), (member.attempt,), 1, cohort.until)
                train(alone, workload, evaluator, report)


def _members(cohort: Cohort, workload: Workload) -> list[_Member]:
    ahead = tuple(rung for rung in workload.rungs if cohort.until is None or rung <= cohort.until)
    return [
        _Member(trial, attempt, committed, ahead)
        for trial, committed, attempt in zip(cohort.trials, cohort.committed, cohort.attempt, strict=True)
    ]


def _begin(cohort: Cohort, workload: Workload, members: list[_Member], report: Report) -> _Training:
    """As many members as there are places from their checkpoints, or from their keys where there are none."""
    first = members[: cohort.size]
    population = on_devices(stack([_restore(member, workload, report) for member in first], cohort.size))
    running, waiting = dict(enumerate(first)), members[cohort.size :]
    return _Training(cohort, workload, report, running, waiting, population, workload.lanes)


def _restore(member: _Member, workload: Workload, report: Report) -> Population:
    """Loads a member's state from its checkpoint, or starts it fresh.

    Reports scores that the checkpoint holds and the store does not.
    """
    trial = member.trial
    state = start(trial.config, workload.dataset.image_shape, trial.key)
    arrays = checkpoints.load(workload.checkpoints, trial.id)
    if arrays is not None:
        state, member.seconds, member.scores = _unpack(arrays, trial, member.attempt, state)
    member.cycle = int(state.cycle)
    member.ahead = tuple(rung for rung in member.ahead if rung // images_per_cycle(trial.config) >= member.cycle)
    for earlier in member.scores:
        if earlier.rung not in member.known:
            report(earlier)
    member.known |= {earlier.rung for earlier in member.scores}
    return state


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
    jax.block_until_ready(sample_and_encode(training.population, evaluator))
    training.charged = time.monotonic()
    compiled, loaded = (after - earlier for after, earlier in zip(programs.made(), before, strict=True))
    training.report(Compiled(training.config.structure(), training.charged - began, compiled, loaded, lanes))


def _sample(training: _Training, evaluator: Evaluator) -> _Sampled | None:
    """What the members at a rung make, if one of them needs a score; for each the next rung is ahead."""
    arrivals = {}
    for place, member in training.running.items():
        if member.ahead and not member.cycles_ahead:
            rung, *ahead = member.ahead
            if rung not in member.known:
                paused = take(training.population, place) if rung == training.cohort.until else None
                arrivals[place] = _Arrival(member, rung, paused)
            member.ahead = tuple(ahead)
    if not arrivals:
        return None
    sampled = sample_and_encode(only(training.population, list(arrivals)), evaluator)
    for leaf in jax.tree.leaves(sampled):
        leaf.copy_to_host_async()
    return _Sampled(arrivals, sampled, jax.device_get(training.population.logs))


def _dispatch(training: _Training, real: tuple[Array, Array | None]) -> dict[int, _Member]:
    """Starts training asynchronously, until the nearest rung of any member or for one segment, whichever is shorter.

    Returns the members in training, by slot.
    """
    images, labels = real
    behind = {place: member for place, member in training.running.items() if member.ahead}
    if behind:
        cycles = min(training.segment, *(member.cycles_ahead for member in behind.values()))
        population = only(training.population, list(behind))
        training.population = advance(population, images, jnp.int32(cycles), labels, lanes=training.lanes)
    return behind


def _judge(training: _Training, evaluator: Evaluator, pending: _Sampled | None) -> None:
    """The scores of what was sampled, reported; members with no rung ahead leave their places."""
    if pending is not None:
        sampled, scored = jax.device_get(pending.sampled), {}
        for place, (member, rung, _) in pending.arrivals.items():
            try:
                found = judge(evaluator, sampled, place)
                own = {name: mean[place] for name, mean in pending.logs.items()}
                scored[place] = found.value, diagnose(member.trial.config, own | found.facts)
            except MetricError as error:
                _fail(training, place, "diverged", rung, error)
            except Exception as error:
                _fail(training, place, "crashed", rung, error)
        _charge(training, [arrival.member for arrival in pending.arrivals.values()])
        for place, (value, signs) in scored.items():
            _score(training, pending.arrivals[place], value, sampled.images[place], signs)
    training.running = {place: member for place, member in training.running.items() if member.ahead}


def _score(
    training: _Training, arrival: _Arrival, value: float, grid: np.ndarray, signs: tuple[Diagnostic, ...]
) -> None:
    """Reports the score. If the trial pauses here, saves its checkpoint first, because another worker may resume it as
    soon as the report arrives."""
    member, rung, paused = arrival
    images = member.cycle * images_per_cycle(member.trial.config)
    score = Score(member.trial.id, member.attempt, rung, images, value, member.seconds, grid, signs)
    member.scores.append(score)
    member.known |= {rung}
    if paused is not None:
        _save(training, member, paused)
    training.report(score)


def _await(training: _Training, behind: dict[int, _Member]) -> None:
    """Waits for the dispatched segment, updates each member's cycle count and fails those whose loss is not finite."""
    if not behind:
        return
    finite, cycles = (np.asarray(leaf) for leaf in (training.population.finite, training.population.cycle))
    if _charge(training, list(behind.values())) < SEGMENT_SECONDS / 2:
        training.segment *= 2
    for place in [place for place in training.running if place in behind]:
        training.running[place].cycle = int(cycles[place])
        if not finite[place]:
            _fail(training, place, "diverged", behind[place].ahead[0], "the loss is not finite")


def _refill(training: _Training) -> None:
    """Puts waiting members into free slots."""
    free = [place for place in range(training.cohort.size) if place not in training.running]
    for place in free[: len(training.waiting)]:
        state = _restore(training.waiting[0], training.workload, training.report)
        training.population = placed(training.population, jnp.int32(place), state)
        training.running[place] = training.waiting.pop(0)


def _charge(training: _Training, members: list[_Member]) -> float:
    """The wall time since it was last charged, shared among those that used it; returns it."""
    now = time.monotonic()
    passed, training.charged = now - training.charged, now
    for member in members:
        member.seconds += passed / len(members)
    return passed


def _fail(training: _Training, place: int, cause: str, rung: int, error: Exception | str) -> None:
    """The trial at this place ended: reported, and not running any more."""
    training.report(_failure(training.running.pop(place), cause, rung, error))


def _failure(member: _Member, cause: str, rung: int, error: Exception | str) -> Failure:
    step = member.cycle * member.trial.config.disc_iters
    message, detail = str(error), ""
    if isinstance(error, Exception):
        message = f"{type(error).__name__}: {message.splitlines()[0] if message else ''}"
        detail = "".join(traceback.format_exception(error))
    return Failure(member.trial.id, member.attempt, cause, rung, step, message, detail)


def _checkpoint(training: _Training) -> None:
    """Every running trial on disk, when enough time has passed since the last."""
    if time.monotonic() - training.saved >= training.workload.checkpoint_seconds:
        for place, member in training.running.items():
            _save(training, member, take(training.population, place))
        training.saved = time.monotonic()


def _save(training: _Training, member: _Member, state: Population) -> None:
    """On disk; what cannot be written costs time later, not the trial."""
    trial = member.trial.id
    try:
        arrays = _pack(state, member.seconds, member.scores)
        checkpoints.save(training.workload.checkpoints, trial, int(state.cycle), arrays)
    except (OSError, ValueError) as error:
        warnings.warn(f"no checkpoint of trial {trial}: {error}", stacklevel=1)


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
        known = tuple(Diagnostic(*sign) for sign in json.loads(signs.tobytes()))
        scores.append(Score(trial.id, attempt, int(rung), int(images), value, seconds, grid, known))
    return member, float(arrays["seconds"]), scores


def _kind(array: np.ndarray) -> tuple:
    return np.shape(array), np.asarray(array).dtype
