"""Which trained generators a sweep keeps: those of the lowest scores of the best trials of each method.

What is kept in the end does not depend on the order in which scores arrive: a trial that is among the best at the end
was among the best when its lowest score came.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ganscape.errors import check_name
from ganscape.results.store import kept_generators
from ganscape.search_spaces import StudyError
from ganscape.sweep.cohort_size import parameters
from ganscape.sweep.plan import Plan
from ganscape.sweep.proposals import ASKED
from ganscape.sweep.rounds import first_configs
from ganscape.sweep.searchers import SELECTORS

POLICIES = ("best", "all", "none")
TOP = 3
BYTES = 128 * 2**20


class Keep(NamedTuple):
    """How many generators are kept.

    top: of the best trials of each method; confirmed: of the best ones among those that confirm a method's config.
    Infinite for all of them.
    """

    top: float
    confirmed: float

    @property
    def any(self) -> bool:
        """Whether any generator is kept."""
        return self.top > 0


NOTHING = Keep(0, 0)


class Change(NamedTuple):
    """A generator that is kept from now on, or no longer. bytes: of its file."""

    trial: str
    rung: int
    bytes: int
    kept: bool


def find_keep(plan: Plan, policy: str = "best", top: int | None = None) -> Keep:
    """Returns how many generators of a plan are kept.

    Args:
      policy: "best", "all" or "none".
      top: with "best", of how many trials of each method; by default TOP, and fewer, but at least one, where more would
        not fit in BYTES. As many of the trials that confirm a config are kept as fit in BYTES again, at least one.

    Raises:
      StudyError: for another policy, and a number of trials that means nothing.
    """
    check_name("--keep", policy, POLICIES, StudyError)
    if top is not None and policy != "best":
        raise StudyError(f"--keep-top {top} means nothing with --keep {policy}; it is for --keep best")
    if top is not None and top < 1:
        raise StudyError(f"--keep-top {top} must be at least 1; --keep none keeps nothing")
    if policy != "best":
        number = math.inf if policy == "all" else 0
        return Keep(number, number)
    fitting = max(1, BYTES // (generator_bytes(plan) * len(plan.methods)))
    return Keep(min(TOP, fitting) if top is None else top, fitting)


def generator_bytes(plan: Plan) -> int:
    """Returns the bytes of the largest generator among the first configs of a plan's methods."""
    shape = plan.workload.dataset.image_shape
    structures = {
        config.structure(): config for method in plan.methods for config in first_configs(plan, method, ASKED)
    }
    return 4 * max(parameters(config, shape)[0] for config in structures.values())


def count_kept(plan: Plan, keep: Keep) -> int:
    """Returns how many generators a plan keeps at most."""
    search = sum(phase.configs * phase.seeds for phase in plan.phases if phase.searcher not in SELECTORS)
    searched = len(plan.methods) * int(min(keep.top, search))
    selecting = [phase for phase in plan.phases if phase.searcher in SELECTORS]
    confirming = [
        sum(phase.configs * phase.seeds for phase in selecting if phase.has(method)) for method in plan.methods
    ]
    return searched + sum(int(min(keep.confirmed, trials)) for trials in confirming)


class Kept:
    """The generators that are kept, as scores arrive.

    Args:
      keep: how many.
      group: trial -> its method, and whether it confirms a config: the trials that it competes with.
      lowest: trial -> its lowest score so far.
      rows: of the store's table of generators.
    """

    def __init__(
        self,
        keep: Keep,
        group: Callable[[str], tuple[str, bool]],
        lowest: Mapping[str, float],
        rows: list[dict] = [],  # noqa: B006 - never changed
    ):
        self.keep, self.group, self.lowest = keep, group, dict(lowest)
        held = kept_generators(rows)
        self.files = {row["trial"]: Change(row["trial"], row["rung"], row["bytes"], True) for row in held}

    def on_score(self, trial: str, rung: int, value: float, size: int) -> list[Change]:
        """Returns the changes that a score brings: its generator is kept, others are not any longer.

        size: bytes of the generator's file, 0 if there is none.
        """
        if value >= self.lowest.get(trial, math.inf):
            return []
        self.lowest[trial] = value
        if not size or not self.keep.any:
            return []
        before = dict(self.files)
        self.files[trial] = Change(trial, rung, size, True)
        group = self.group(trial)
        rivals = [name for name in self.files if self.group(name) == group]
        rivals.sort(key=lambda name: (self.lowest[name], name))
        number = self.keep.confirmed if group[1] else self.keep.top
        for name in rivals[int(min(number, len(rivals))) :]:
            del self.files[name]
        return self._changes(before)

    def on_failure(self, trial: str) -> list[Change]:
        """Returns the changes that the failure of a trial brings: a failed trial is never among the best."""
        before = dict(self.files)
        self.files.pop(trial, None)
        return self._changes(before)

    def drop_missing(self, is_there: Callable[[str, int], bool]) -> list[Change]:
        """Returns the changes that say which kept generators (trial, rung) are not there any more."""
        before = dict(self.files)
        self.files = {name: change for name, change in before.items() if is_there(name, change.rung)}
        return self._changes(before)

    def holds(self, trial: str, rung: int) -> bool:
        """Whether the generator of a trial at a rung is kept."""
        return trial in self.files and self.files[trial].rung == rung

    def _changes(self, before: dict[str, Change]) -> list[Change]:
        removed = [change._replace(kept=False) for change in before.values() if self.files.get(change.trial) != change]
        return removed + [change for change in self.files.values() if before.get(change.trial) != change]
