"""How many trials a sweep has, how far it is and when it ends: the same arithmetic while it runs and from its store."""

import math
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from ganscape.results.definition import PhaseDefinition

FEW = 16  # as many rungs as eight trials, a cohort, have with two each


class Asked(NamedTuple):
    """What was asked of a method in a phase so far: how many configs in each round, and trials."""

    configs: Sequence[int]
    trials: int


def batch(phase: PhaseDefinition) -> int:
    """Returns the configs of a method in one round of a phase; the last round may have fewer."""
    return math.ceil(phase["configs"] / phase["rounds"])


def expected_trials(phase: PhaseDefinition, rounds: Sequence[int], trials: int, ended: bool) -> int:
    """Returns how many trials a method will have in a phase.

    A round that has fewer configs than it should says that the searcher has no more.

    Args:
      rounds: configs of each round so far. trials: of the phase so far.
      ended: no more are asked in this phase.
    """
    if ended:
        return trials
    configs = sum(rounds)
    exhausted = configs < min(phase["configs"], len(rounds) * batch(phase))
    return max(trials, (configs if exhausted else phase["configs"]) * phase["seeds"])


def expected_of_method(phases: Sequence[PhaseDefinition], asked: Sequence[Asked], running: bool, hopeless: bool) -> int:
    """Returns how many trials a method will have in all.

    Args:
      phases: those that it takes part in. asked: in each of them.
      running: whether a trial has not ended.
      hopeless: whether half or more of the trials of every config failed; a config's score is a median, which is then
        infinite, and none is confirmed.
    """
    total, expected = sum(part.trials for part in asked), 0
    for index, (phase, (configs, trials)) in enumerate(zip(phases, asked, strict=True)):
        all_ended = expected == total and not running
        ended = any(later.trials for later in asked[index + 1 :]) or (phase["confirms"] and all_ended and hopeless)
        expected += expected_trials(phase, configs, trials, ended)
    return expected


def rungs_done(scored: Mapping[str, int], ended: Container[str], rungs: int) -> int:
    """Returns how many rungs need no more work; a trial that ended, for whatever cause, counts with all of its rungs.

    Args:
      scored: trial -> how many of its rungs have a score. ended: the trials that get no more scores.
      rungs: of one trial.
    """
    return sum(rungs if trial in ended else count for trial, count in scored.items())


def seconds_left(done_before: int, done: int, total: int, seconds: float) -> float:
    """Returns the seconds until all rungs are done at the pace of this start of the sweep; NaN while that says little:
    before a twentieth of what it has to do, or FEW rungs of it.

    Args:
      done_before: rungs done when it started. done: now. total: at the end. seconds: since it started.
    """
    # The trials of a cohort go on side by side: at its first score most of the others are half done, and all of the
    # time before, compilation included, would be counted for one rung.
    least = min(FEW, (total - done_before) / 20)
    return seconds / (done - done_before) * (total - done) if done - done_before >= max(least, 1) else math.nan
