"""Members: the trials of a cohort in training, each from its checkpoint and back to it."""

import dataclasses
import logging
import traceback
import warnings
from collections.abc import Callable

from ganscape.models.family import SamplingWeights
from ganscape.sweep import checkpoints, generators
from ganscape.sweep.messages import Cohort, Compiled, Failure, Score, Trial, Workload
from ganscape.sweep.population import Population, images_per_cycle, start_member

Report = Callable[[Score | Failure | Compiled], None]

logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Member:
    """A trial of the cohort in training.

    scored: rungs that have a score. ahead: rungs that it is still trained to, the next first. cycle: training cycles
    done. seconds, cpu_seconds: its share of the wall time and of the CPU time so far. scores: those
    of its checkpoint and of this process.
    """

    trial: Trial
    attempt: int
    scored: frozenset[int]
    ahead: tuple[int, ...]
    cycle: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    scores: list[Score] = dataclasses.field(default_factory=list)

    @property
    def cycles_ahead(self) -> int:
        """Training cycles until its next rung."""
        return self.ahead[0] // images_per_cycle(self.trial.config) - self.cycle


def members_of(cohort: Cohort, workload: Workload) -> list[Member]:
    """Returns a member for each trial, before anything is read from its checkpoint."""
    ahead = tuple(rung for rung in workload.rungs if cohort.pause_at is None or rung <= cohort.pause_at)
    return [
        Member(trial, attempt, committed, ahead)
        for trial, committed, attempt in zip(cohort.trials, cohort.committed, cohort.attempt, strict=True)
    ]


def restore(member: Member, workload: Workload, report: Report) -> Population:
    """Loads a member's state from its checkpoint, or starts it fresh. Reports scores that the checkpoint holds and the
    store does not."""
    trial = member.trial
    state = start_member(trial.config, workload.dataset.image_shape, trial.key)
    arrays = checkpoints.load_checkpoint(workload.checkpoints, trial.id)
    if arrays is not None:
        packed = checkpoints.unpack(arrays, trial, member.attempt, state)
        state, member.seconds, member.cpu_seconds, member.scores = packed
    member.cycle = int(state.cycle)
    member.ahead = tuple(rung for rung in member.ahead if rung // images_per_cycle(trial.config) >= member.cycle)
    for score in member.scores:
        if score.rung not in member.scored:
            report(score._replace(generator_bytes=generators.size_of(workload.generators, trial.id, score.rung)))
    member.scored |= {score.rung for score in member.scores}
    return state


def failure_of(member: Member, cause: str, rung: int, error: Exception | str) -> Failure:
    """Returns the Failure of a member on the way to this rung, with the traceback if there is one."""
    step = member.cycle * member.trial.config.disc_iters
    message, detail = str(error), ""
    if isinstance(error, Exception):
        message = f"{type(error).__name__}: {message.splitlines()[0] if message else ''}"
        detail = "".join(traceback.format_exception(error))
    return Failure(member.trial.id, member.attempt, cause, rung, step, message, detail)


def save_member(member: Member, checkpoint_folder: str, state: Population) -> None:
    """Writes a member's checkpoint. What cannot be written is a warning: it costs time later, not the trial."""
    trial = member.trial.id
    try:
        arrays = checkpoints.pack(state, member.seconds, member.cpu_seconds, member.scores)
        checkpoints.save_checkpoint(checkpoint_folder, trial, int(state.cycle), arrays)
        logger.info("checkpoint of trial %s written at cycle %d", trial, int(state.cycle))
    except (OSError, ValueError) as error:
        warnings.warn(f"no checkpoint of trial {trial}: {error}", stacklevel=1)


def keep_generator(member: Member, workload: Workload, score: Score, weights: SamplingWeights) -> Score:
    """Writes the generator that a score belongs to, and returns the score with the size of the file. What cannot be
    written is a warning: the score counts without it."""
    try:
        size = generators.write_generator(workload, member.trial, member.cycle, score, weights)
    except OSError as error:
        warnings.warn(f"no generator of trial {member.trial.id} kept: {error}", stacklevel=1)
        return score
    return score._replace(generator_bytes=size)
