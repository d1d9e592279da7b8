"""Where trials pause for the scheduler, and what it decides about the paused ones."""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping

from ganscape.sweep.plan import Plan
from ganscape.sweep.rounds import Entry
from ganscape.sweep.schedulers import SCHEDULERS, Course, Decision, Entrant, decide, make_entrant


class EarlyStopping:
    """The decision rungs of every trial of a plan, and the configs that its scheduler compares."""

    def __init__(self, plan: Plan):
        self._plan, self._scheduler = plan, SCHEDULERS[plan.scheduler]
        # method -> (round, config's identity) -> ids of its trials; in the order asked
        self._configs: defaultdict[str, dict[tuple[int, str], list[str]]] = defaultdict(dict)
        self._rungs: dict[str, tuple[int, ...]] = {}

    def add(self, entry: Entry) -> None:
        """Notes a trial that has been asked for."""
        trial, phase_index, number = entry
        self._rungs[trial.id] = self._plan.decision_rungs(phase_index)
        if self._rungs[trial.id]:
            self._configs[trial.method].setdefault((number, trial.identity), []).append(trial.id)

    def pauses_at(self, trial: str, rung: int) -> bool:
        """Whether the trial pauses at this rung for a decision."""
        return rung in self._rungs[trial]

    def next_pause(self, trial: str, scored: Container[int]) -> int | None:
        """Returns the first decision rung of a trial that is not among its scored rungs; None if there is none."""
        return next((rung for rung in self._rungs[trial] if rung not in scored), None)

    def decisions(
        self, method: str, paused: Mapping[str, int], course: Callable[[str], Course]
    ) -> list[tuple[str, Decision]]:
        """Returns the decisions, none of them WAIT, about paused trials of a method.

        Carrying them out may make others possible: ask again until there are none.

        Args:
          paused: trial id -> the rung at which it pauses.
          course: trial id -> the trial so far.
        """
        configs = self._configs[method]
        if not any(trial in paused for trials in configs.values() for trial in trials):
            return []
        entrants = [self._entrant(number, trials, course) for (number, _), trials in configs.items()]
        decisions = [
            (trial, decide(self._scheduler, entrants, index, self._rungs[trial].index(paused[trial])))
            for index, trials in enumerate(configs.values())
            for trial in trials
            if trial in paused
        ]
        return [(trial, decision) for trial, decision in decisions if decision is not Decision.WAIT]

    def _entrant(self, number: int, trials: list[str], course: Callable[[str], Course]) -> Entrant:
        return make_entrant(number, [course(trial) for trial in trials], self._rungs[trials[0]])
