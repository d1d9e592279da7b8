"""Where trials pause for a scheduler, and what it decides about the paused ones."""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping

from ganscape.sweep.plan import Plan
from ganscape.sweep.rounds import Entry
from ganscape.sweep.schedulers import SCHEDULERS, Course, Decision, Entrant, decide, make_entrant
from ganscape.sweep.searchers import SELECTORS


class EarlyStopping:
    """The decision rungs of every trial of a plan, and the configs that its schedulers compare.

    A phase may have a scheduler of its own, which compares its configs with those of earlier phases too: these were
    scored at the same rungs, whatever their own scheduler.
    """

    def __init__(self, plan: Plan):
        phases = range(len(plan.phases))
        self._schedulers = [plan.scheduler_of(index) for index in phases]
        self._confirms = [phase.searcher in SELECTORS for phase in plan.phases]
        self._rungs = next(filter(None, map(plan.decision_rungs, phases)), ())
        # method -> (round, config's identity) -> ids of its trials; in the order asked
        self._configs: defaultdict[str, dict[tuple[int, str], list[str]]] = defaultdict(dict)
        self._phases: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        """Notes a trial that has been asked for."""
        trial, phase_index, number = entry
        self._phases[trial.id] = phase_index
        if self._rungs and not self._confirms[phase_index]:
            self._configs[trial.method].setdefault((number, trial.identity), []).append(trial.id)

    def scheduler_of(self, trial: str) -> str:
        """Returns the name of the scheduler that decides about the trial."""
        return self._schedulers[self._phases[trial]]

    def pauses_at(self, trial: str, rung: int) -> bool:
        """Whether the trial pauses at this rung for a decision."""
        return self.scheduler_of(trial) != "none" and rung in self._rungs

    def next_pause(self, trial: str, scored: Container[int]) -> int | None:
        """Returns the first decision rung of a trial that is not among its scored rungs; None if there is none."""
        return next((rung for rung in self._rungs if self.pauses_at(trial, rung) and rung not in scored), None)

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
            (trial, decide(SCHEDULERS[self.scheduler_of(trial)], entrants, index, self._rungs.index(paused[trial])))
            for index, trials in enumerate(configs.values())
            for trial in trials
            if trial in paused
        ]
        return [(trial, decision) for trial, decision in decisions if decision is not Decision.WAIT]

    def _entrant(self, number: int, trials: list[str], course: Callable[[str], Course]) -> Entrant:
        return make_entrant(number, [course(trial) for trial in trials], self._rungs)
