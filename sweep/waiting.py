"""The trials that wait for a worker, in order, and which of them come next."""

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator

from ganscape.sweep.messages import Trial


class WaitingTrials:
    """The ids of trials that wait for a worker, in order.

    pause_at: trial -> the rung at which it will be handed back, None if it is trained to the end.
    """

    def __init__(self, pause_at: Callable[[str], int | None]):
        self._pause_at = pause_at
        self._ids: list[str] = []
        self._structures: dict[str, str] = {}
        self._started: set[str] = set()
        self._alone: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, trial: Trial) -> None:
        """Puts a new trial at the end."""
        self._structures[trial.id] = sys.intern(trial.config.structure())
        self._ids.append(trial.id)

    def resume(self, trial: str) -> None:
        """Puts a trial that paused at the end."""
        self._ids.append(trial)

    def put_back(self, trial: str) -> None:
        """Puts a trial that a worker has not finished at the head."""
        self._ids.insert(0, trial)

    def separate(self, trial: str) -> None:
        """Has a trial that was lost trained by itself from now on, because it may have killed its worker."""
        self._alone.add(trial)

    def is_separate(self, trial: str) -> bool:
        """Whether the trial is trained by itself."""
        return trial in self._alone

    def remove(self, trials: Collection[str]) -> None:
        """Removes trials, waiting or not."""
        removed = set(trials)
        self._ids = [trial for trial in self._ids if trial not in removed]

    def next_alike(self, warm: Collection[str]) -> list[str]:
        """Returns the trials, at least one, that may be trained together next; they go on waiting.

        They are of a structure that the worker has compiled (`warm`), else of one that no worker has yet; among these,
        of the one with most trials waiting.
        """
        waiting = Counter(self._structures[trial] for trial in self._ids)
        structure = max(waiting, key=lambda name: (name in warm, name not in self._started, waiting[name]))
        self._started.add(structure)
        first = next(trial for trial in self._ids if self._structures[trial] == structure)
        return [trial for trial in self._ids if self._kind(trial) == self._kind(first)]

    def _kind(self, trial: str) -> tuple[str, bool, int | None]:
        """Returns what the trials of a cohort have in common."""
        return self._structures[trial], trial in self._alone, self._pause_at(trial)
