"""What the trials of a sweep have scored so far, and how they ended."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection

from ganscape.results import counts
from ganscape.sweep.resources import ExecutorError
from ganscape.sweep.schedulers import Course

SCORED = ("done", "stopped")
MAX_FAILURES, FEWEST_ENDED = 0.5, 10


class Outcomes:
    """Scores and ends of trials, by their ids.

    scores: trial -> rung -> score. lowest: trial -> its lowest score. ended: trial -> "done", "stopped" (by the
    scheduler), or the cause of its failure.
    """

    def __init__(self):
        self.scores: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self.lowest: dict[str, float] = {}
        self.ended: dict[str, str] = {}

    def add_score(self, trial: str, rung: int, value: float) -> None:
        """Adds a trial's score at a rung."""
        self.scores[trial][rung] = value
        self.lowest[trial] = min(value, self.lowest.get(trial, value))

    def result(self, trial: str) -> float:
        """Returns the lowest score of a trial that has ended, infinite for a failed one."""
        return self.lowest[trial] if self.ended[trial] in SCORED else math.inf

    def course(self, trial: str) -> Course:
        """Returns the trial so far, as schedulers see it."""
        outcome = self.ended.get(trial, "")
        return Course(self.scores[trial], outcome == "stopped", outcome not in ("", *SCORED))

    def best_trial(self) -> str | None:
        """Returns the trial with the lowest score of all that have not failed, None before the first score."""
        values = {trial: value for trial, value in self.lowest.items() if self.ended.get(trial, "done") in SCORED}
        return min(values, key=values.__getitem__) if values else None

    def failed(self) -> int:
        """Returns the number of failed trials."""
        return sum(outcome not in SCORED for outcome in self.ended.values())

    def stopped(self) -> int:
        """Returns the number of trials that the scheduler stopped."""
        return sum(outcome == "stopped" for outcome in self.ended.values())

    def rungs_done(self, trials: Collection[str], rungs: int) -> int:
        """Returns how many rungs of these trials need no more work, of `rungs` each; a trial that failed or was stopped
        counts with all of its rungs."""
        return counts.rungs_done({trial: len(self.scores[trial]) for trial in trials}, self.ended, rungs)


def check_failures(ended: Collection[str], max_failures: float, last: str) -> None:
    """Raises ExecutorError when most trials fail for no reason of their own.

    A trial that diverged is a result, and is not counted as a failure here.

    Args:
      ended: how each trial ended that did so since the sweep was started; fewer than FEWEST_ENDED are never too many.
      max_failures: the share of them that may have crashed or been lost.
      last: the message of the last one that did.
    """
    causes = Counter(ended)
    bad = causes["crashed"] + causes["lost"]
    if len(ended) >= FEWEST_ENDED and bad > max_failures * len(ended):
        raise ExecutorError(
            f"{bad} of {len(ended)} trials that ended since the start crashed or were lost, more than "
            f"--max-failures {max_failures:g} allows; the last: {last}; "
            "the same command continues with the others"
        )
