"""Training: `train` takes the trials of a cohort from their configs to their scores."""

import dataclasses
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ganscape.metrics import MetricError
from ganscape.models import Config
from ganscape.models.family import SamplingWeights
from ganscape.sweep import programs
from ganscape.sweep.feeding import Place, Resident, Streamed, feed_of
from ganscape.sweep.measuring.diagnostics import Diagnostic, diagnose
from ganscape.sweep.measuring.evaluation import Evaluation, Evaluator, Sampled, evaluate, sample_and_encode
from ganscape.sweep.members import Member, Report, failure_of, keep_generator, members_of, restore, save_member
from ganscape.sweep.messages import Cohort, Compiled, Score, Workload
from ganscape.sweep.population import (
    Population,
    advance,
    images_per_cycle,
    on_devices,
    only,
    put,
    sampling_weights,
    stack,
    take,
)
from ganscape.sweep.proof import check_headroom

SEGMENT_SECONDS = 5.0


@dataclasses.dataclass
class _Training:
    """The state of a cohort in training.

    running: the members in training, by slot of the population. waiting: members without a slot, the next first.
    segment: training cycles that one dispatch covers. charged: the wall and the CPU time when these were
    last shared out among members.
    saved: when checkpoints were last written.
    """

    cohort: Cohort
    workload: Workload
    report: Report
    running: dict[int, Member]
    waiting: list[Member]
    population: Population
    feed: Resident | Streamed
    lanes: int
    segment: int = 1
    charged: tuple[float, float] = (0.0, 0.0)
    saved: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def config(self) -> Config:
        return self.cohort.trials[0].config

    @property
    def left(self) -> list[Member]:
        """Members that have not ended."""
        return [*self.running.values(), *self.waiting]


class _Arrival(NamedTuple):
    """A member at a rung that needs a score.

    paused: its state, if the cohort is trained no further than this rung. weights: of its generator, if any are kept.
    """

    member: Member
    rung: int
    paused: Population | None
    weights: SamplingWeights | None = None


class _Pending(NamedTuple):
    """Samples of the members at a rung, which the device may still be computing.

    arrivals: the members at a rung, by slot. sampled: their features and images. logs: name -> [slots].
    """

    arrivals: dict[int, _Arrival]
    sampled: Sampled
    logs: dict[str, np.ndarray]


def train(cohort: Cohort, workload: Workload, evaluator: Evaluator, report: Report) -> None:
    """Trains every trial of a cohort to its last rung, or to `cohort.pause_at`, and reports each new score.

    A trial starts from its checkpoint if there is one. A trial that diverges, or whose evaluation raises, is reported
    as a Failure; the others continue, and a waiting one takes its slot. The host computes the scores of a rung while
    the device trains the next segment. If the program that all trials share raises, every trial that has not ended
    is trained again alone, from its checkpoint, so that only the trial that causes the error fails.
    """
    training, left = None, members_of(cohort, workload)
    try:
        training = _begin(cohort, workload, left, report)
        _compile(training, evaluator)
        while training.left:
            pending = _sample(training, evaluator)
            try:
                dispatched = _dispatch(training)
            finally:
                # Samples are of the state before the segment: they count even if the segment could not be started.
                _evaluate(training, evaluator, pending)
            _await(training, dispatched)
            _refill(training)
            _checkpoint(training)
    except Exception as error:
        left = left if training is None else training.left
        for member in left:
            if len(cohort.trials) == 1:
                rung = (member.ahead or workload.rungs[-1:])[0]
                report(failure_of(member, "crashed", rung, error))
            else:
                alone = Cohort((member.trial,), (member.scored,), (member.attempt,), 1, cohort.pause_at)
                train(alone, workload, evaluator, report)


def _begin(cohort: Cohort, workload: Workload, members: list[Member], report: Report) -> _Training:
    """Returns the state of the cohort before training: the first trials in the slots, the others waiting."""
    first = members[: cohort.size]
    population = on_devices(stack([restore(member, workload, report) for member in first], cohort.size))
    running, waiting = dict(enumerate(first)), members[cohort.size :]
    feed = feed_of(cohort.trials[0].config, workload.dataset, cohort.size)
    return _Training(cohort, workload, report, running, waiting, population, feed, workload.lanes)


def _compile(training: _Training, evaluator: Evaluator) -> None:
    """Compiles the cohort's programs for as many lanes as fit in memory, and reports what that took.

    Each program is run once with all members halted, which computes nothing: that is what fills JAX's caches.
    """
    began, before = time.monotonic(), programs.program_counts()
    images, labels, first, _ = training.feed.take({})
    idle = only(training.population, [])

    def needed(lanes: int) -> int:
        return programs.bytes_of(advance.lower(idle, images, jnp.int32(0), labels, first, lanes=lanes).compile())

    members = training.cohort.size
    lanes = programs.fitting_lanes(training.workload.lanes, members, needed, programs.free_bytes())
    training.lanes = lanes
    training.population = advance(idle, images, jnp.int32(0), labels, first, lanes=lanes)
    jax.block_until_ready(sample_and_encode(training.population, evaluator))
    compiled, loaded = (after - earlier for after, earlier in zip(programs.program_counts(), before, strict=True))
    if compiled or loaded:
        programs.return_free_memory()
    training.charged = time.monotonic(), time.process_time()
    training.report(Compiled(training.config.structure(), training.charged[0] - began, compiled, loaded, lanes))


def _sample(training: _Training, evaluator: Evaluator) -> _Pending | None:
    """Starts sampling from the members at a rung that need a score, and moves each member at a rung on to the next.

    Returns None if no member needs a score.
    """
    arrivals = {}
    for slot, member in training.running.items():
        if member.ahead and not member.cycles_ahead:
            rung, *ahead = member.ahead
            if rung not in member.scored:
                paused = take(training.population, slot) if rung == training.cohort.pause_at else None
                arrivals[slot] = _Arrival(member, rung, paused)
            member.ahead = tuple(ahead)
    if not arrivals:
        return None
    if training.workload.generators:
        for slot, weights in sampling_weights(training.population, list(arrivals)).items():
            arrivals[slot] = arrivals[slot]._replace(weights=weights)
    sampled = sample_and_encode(only(training.population, list(arrivals)), evaluator)
    for leaf in jax.tree.leaves(sampled):
        leaf.copy_to_host_async()
    return _Pending(arrivals, sampled, jax.device_get(training.population.logs))


def _dispatch(training: _Training) -> dict[int, Member]:
    """Starts training asynchronously, until the nearest rung of any member, for one segment, or as far as the images at
    hand go, whichever is shortest. Returns the members in training, by slot."""
    dispatched = {slot: member for slot, member in training.running.items() if member.ahead}
    if dispatched:
        images, labels, first, enough = training.feed.take(_places(dispatched))
        cycles = min(training.segment, *(member.cycles_ahead for member in dispatched.values()))
        cycles = cycles if enough is None else min(cycles, enough)
        population = only(training.population, list(dispatched))
        training.population = advance(population, images, jnp.int32(cycles), labels, first, lanes=training.lanes)
        training.feed.prefetch(_places(dispatched, cycles))
    return dispatched


def _places(members: dict[int, Member], ahead: int = 0) -> dict[int, Place]:
    """Returns where these members are, or will be after `ahead` more cycles."""
    return {slot: (member.trial.key, member.cycle + ahead) for slot, member in members.items()}


def _evaluate(training: _Training, evaluator: Evaluator, pending: _Pending | None) -> None:
    """Computes and reports the scores of what was sampled; members with no rung ahead leave their slots."""
    if pending is not None:
        sampled, scored = jax.device_get(pending.sampled), {}
        for slot, (member, rung, *_) in pending.arrivals.items():
            try:
                evaluation = evaluate(evaluator, sampled, slot)
                check_headroom()
                own = {name: mean[slot] for name, mean in pending.logs.items()}
                diagnostics = diagnose(member.trial.config, own | evaluation.facts)
                scored[slot] = evaluation, diagnostics
            except MetricError as error:
                _fail(training, slot, "diverged", rung, error)
            except Exception as error:
                _fail(training, slot, "crashed", rung, error)
        _charge(training, [arrival.member for arrival in pending.arrivals.values()])
        for slot, (evaluation, diagnostics) in scored.items():
            _score(training, pending.arrivals[slot], evaluation, sampled.images[slot], diagnostics)
    training.running = {slot: member for slot, member in training.running.items() if member.ahead}


def _score(
    training: _Training,
    arrival: _Arrival,
    evaluation: Evaluation,
    grid: np.ndarray,
    diagnostics: tuple[Diagnostic, ...],
) -> None:
    """Reports the score, after the generator is written if no earlier score of the trial is as low. If the trial pauses
    here, saves its checkpoint first, because another worker may resume it as soon as the report arrives."""
    member, rung, paused, weights = arrival
    images = member.cycle * images_per_cycle(member.trial.config)
    score = Score(
        member.trial.id,
        member.attempt,
        rung,
        images,
        evaluation.value,
        member.seconds,
        grid,
        diagnostics,
        further=evaluation.further,
        cpu_seconds=member.cpu_seconds,
    )
    if weights is not None and all(score.value < earlier.value for earlier in member.scores):
        score = keep_generator(member, training.workload, score, weights)
    member.scores.append(score)
    member.scored |= {rung}
    if paused is not None:
        save_member(member, training.workload.checkpoints, paused)
    training.report(score)


def _await(training: _Training, dispatched: dict[int, Member]) -> None:
    """Waits for the dispatched segment, updates each member's cycle count and fails those whose loss is not finite."""
    if not dispatched:
        return
    finite, cycles = (np.asarray(leaf) for leaf in (training.population.finite, training.population.cycle))
    if _charge(training, list(dispatched.values())) < SEGMENT_SECONDS / 2:
        training.segment *= 2  # never halved: a segment is bounded by the nearest rung and grows while it is short
    for slot in [slot for slot in training.running if slot in dispatched]:
        training.running[slot].cycle = int(cycles[slot])
        if not finite[slot]:
            _fail(training, slot, "diverged", dispatched[slot].ahead[0], "the loss is not finite")


def _refill(training: _Training) -> None:
    """Puts waiting members into free slots."""
    free = [slot for slot in range(training.cohort.size) if slot not in training.running]
    for slot in free[: len(training.waiting)]:
        state = restore(training.waiting[0], training.workload, training.report)
        training.population = put(training.population, jnp.int32(slot), state)
        training.running[slot] = training.waiting.pop(0)


def _charge(training: _Training, members: list[Member]) -> float:
    """Shares wall and CPU time since the last call among these members, and returns the wall time in seconds."""
    now, cpu = time.monotonic(), time.process_time()
    passed, used = now - training.charged[0], cpu - training.charged[1]
    training.charged = now, cpu
    for member in members:
        member.seconds += passed / len(members)
        member.cpu_seconds += used / len(members)
    return passed


def _fail(training: _Training, slot: int, cause: str, rung: int, error: Exception | str) -> None:
    """Reports the trial in this slot as failed and frees the slot."""
    training.report(failure_of(training.running.pop(slot), cause, rung, error))


def _checkpoint(training: _Training) -> None:
    """Writes a checkpoint of every running trial if `checkpoint_seconds` have passed since the last."""
    if time.monotonic() - training.saved >= training.workload.checkpoint_seconds:
        for slot, member in training.running.items():
            save_member(member, training.workload.checkpoints, take(training.population, slot))
        training.saved = time.monotonic()
