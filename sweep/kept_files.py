"""The files of kept generators in an output folder, held to what the store says is kept.

Changes are decided first; the caller commits them together with the score or the failure that brought them; then files
are removed. So a kill in between leaves a file too many, which the next start removes, and never a row without a file.
"""

import logging
from collections.abc import Callable, Mapping

from ganscape.results.store import Store
from ganscape.sweep import generators
from ganscape.sweep.keeping import Change, Keep, Kept
from ganscape.sweep.messages import Score
from ganscape.sweep.rows import generator_rows

logger = logging.getLogger(__name__)


class KeptFiles:
    """The generators that a sweep keeps: rows of its store and files of its folder.

    Args:
      store: the open store, and the folder.
      written: where workers write generators, "" if they write none.
      keep, group, lowest: as for `Kept`.
    """

    def __init__(
        self,
        store: Store,
        written: str,
        keep: Keep,
        group: Callable[[str], tuple[str, bool]],
        lowest: Mapping[str, float],
    ):
        self._store, self._written, self._folder = store, written, store.folder / generators.FOLDER
        self._kept = Kept(keep, group, lowest, store.generators())
        if missing := self._kept.drop_missing(self._is_there):
            logger.warning("%d kept generators are not there any more", len(missing))
            store.add_generators(generator_rows(missing))

    def on_score(self, score: Score) -> list[Change]:
        """Returns the changes that a score brings, to be committed with it."""
        return self._kept.on_score(score.trial, score.rung, score.value, self._size(score))

    def after_score(self, score: Score, changes: list[Change]) -> None:
        """Removes the files that a committed score made needless, its own among them if it is not kept."""
        self.remove(changes)
        if score.generator_bytes and not self._kept.holds(score.trial, score.rung):
            generators.remove(self._written, score.trial, score.rung)

    def on_failure(self, trial: str) -> list[Change]:
        """Returns the changes that the final failure of a trial brings, to be committed with it."""
        return self._kept.on_failure(trial)

    def remove(self, changes: list[Change]) -> None:
        """Removes the files of generators that are not kept any longer, once the store says so."""
        for change in changes:
            if not change.kept:
                generators.remove(self._folder, change.trial, change.rung)

    def remove_unknown(self, unreported: Callable[[str, int], bool]) -> None:
        """Removes the files that the store does not say are kept.

        unreported: whether the score of a trial at a rung may still be reported, from a checkpoint; its file stays.
        """
        for trial, rung in generators.found_in(self._folder):
            if not unreported(trial, rung) and not self._kept.holds(trial, rung):
                generators.remove(self._folder, trial, rung)

    def _is_there(self, trial: str, rung: int) -> bool:
        return generators.is_there(self._folder, trial, rung)

    def _size(self, score: Score) -> int:
        """Returns the size of the generator that a worker wrote, 0 where it cannot be seen from here."""
        size = generators.size_of(self._written, score.trial, score.rung)
        if score.generator_bytes and not size:
            logger.warning("the generator of trial %s is not kept: OUT is no folder that its worker shares",
                           score.trial)  # fmt: skip
        return size if score.generator_bytes else 0
