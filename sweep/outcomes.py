"""What the trials of a sweep have scored so far, and how they ended."""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Collection

from ganscape.errors import check_name
from ganscape.sweep.resources import ExecutorError
from ganscape.sweep.schedulers import Course

SCORED = ("done", "stopped")
MAX_FAILURES, FEWEST_ENDED = 0.5, 10
RETRIED = ("crashed", "lost", "diverged", "timeout")  # a trial that the scheduler stopped has not failed


def check_retries(max_failures: float, retry: Collection[str]) -> Collection[str]:
    """Returns the causes of failures whose trials are tried again. Raises ExecutorError for a cause that there is not,
    and for a share of failures that is none.

    max_failures, retry: as `sweep.driver.run_study` takes them.
    """
    if not 0 <= max_failures <= 1:
        raise ExecutorError(f"max_failures={max_failures:g} must be a share, from 0 to 1")
    for word in retry:
        check_name("cause of failures", word, [*RETRIED, "all"], ExecutorError, before="--retry: ")
    return RETRIED if "all" in retry else retry


class Outcomes:
    """Scores and ends of trials, by their ids. Questions about all of them cost the same however many there are.

    scores: trial -> rung -> score. lowest: trial -> its lowest score. ended: trial -> "done", "stopped" (by the
    scheduler), or the cause of its failure. ends: how many trials ended in each of these ways. rungs_done: how many
    rungs need no more work, where a trial that failed or was stopped counts with all of its `rungs`.
    """

    def __init__(self, rungs: int):
        self.rungs = rungs
        self.scores: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self.lowest: dict[str, float] = {}
        self.ended: dict[str, str] = {}
        self.ends: Counter[str] = Counter()
        self.rungs_done = 0
        self._by_score: list[tuple[float, int, str]] = []  # a heap; trials that failed are still in it

    def add_score(self, trial: str, rung: int, value: float) -> None:
        """Adds a trial's score at a rung."""
        if trial not in self.ended and rung not in self.scores[trial]:
            self.rungs_done += 1
        self.scores[trial][rung] = value
        if value < self.lowest.get(trial, math.inf):
            self.lowest[trial] = value
            heapq.heappush(self._by_score, (value, len(self.lowest), trial))

    def end(self, trial: str, outcome: str) -> None:
        """Notes that a trial gets no more scores, and why."""
        if trial in self.ended:
            self.ends[self.ended[trial]] -= 1
        else:
            self.rungs_done += self.rungs - len(self.scores[trial])
        self.ended[trial] = outcome
        self.ends[outcome] += 1

    def result(self, trial: str) -> float:
        """Returns the lowest score of a trial that has ended, infinite for a failed one."""
        return self.lowest[trial] if self.ended[trial] in SCORED else math.inf

    def course(self, trial: str) -> Course:
        """Returns the trial so far, as schedulers see it."""
        outcome = self.ended.get(trial, "")
        return Course(self.scores[trial], outcome == "stopped", outcome not in ("", *SCORED))

    def best_trial(self) -> str | None:
        """Returns the trial with the lowest score of all that have not failed, None before the first score."""
        while self._by_score and self.ended.get(self._by_score[0][2], "done") not in SCORED:
            heapq.heappop(self._by_score)
        return self._by_score[0][2] if self._by_score else None

    def failed(self) -> int:
        """Returns the number of failed trials."""
        return sum(count for outcome, count in self.ends.items() if outcome not in SCORED)

    def stopped(self) -> int:
        """Returns the number of trials that the scheduler stopped."""
        return self.ends["stopped"]


def check_failures(ends: Counter[str], max_failures: float, last: str) -> None:
    """Raises ExecutorError when most trials fail for no reason of their own.

    A trial that diverged is a result, and is not counted as a failure here.

    Args:
      ends: how many trials ended in each way since the sweep was started; fewer than FEWEST_ENDED are never too many.
      max_failures: the share of them that may have crashed or been lost.
      last: the message of the last one that did.
    """
    bad, ended = ends["crashed"] + ends["lost"], ends.total()
    if ended >= FEWEST_ENDED and bad > max_failures * ended:
        raise ExecutorError(
            f"{bad} of {ended} trials that ended since the start crashed or were lost, more than "
            f"--max-failures {max_failures:g} allows; the last: {last}; "
            "the same command continues with the others"
        )
