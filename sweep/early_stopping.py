"""Where trials pause for a scheduler, and what it decides about the paused ones."""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping

from ganscape.sweep.plan import Plan
from ganscape.sweep.rounds import Entry
from ganscape.sweep.schedulers import SCHEDULERS, Course, Decision, Entrant, awaited, decide, is_awaited, make_entrant
from ganscape.sweep.searchers import SELECTORS


class EarlyStopping:
    """The decision rungs of every trial of a plan, and the configs that its schedulers compare.

    A phase may have a scheduler of its own, which compares its configs with those of earlier phases too: these were
    scored at the same rungs, whatever their own scheduler.

    After a message about a trial one config is looked at anew, and each trial of its method that pauses.
    """

    def __init__(self, plan: Plan):
        phases = range(len(plan.phases))
        self._schedulers = [plan.scheduler_of(index) for index in phases]
        self._confirms = [phase.searcher in SELECTORS for phase in plan.phases]
        self._rungs = next(filter(None, map(plan.decision_rungs, phases)), ())
        # method -> the round and the trials of each of its configs, in the order asked
        self._configs: defaultdict[str, list[tuple[int, list[str]]]] = defaultdict(list)
        # method -> (round, config's identity) -> its index there
        self._indices: defaultdict[str, dict[tuple[int, str], int]] = defaultdict(dict)
        # method -> its configs as schedulers see them, in the same order, and which of these have changed since
        self._entrants: defaultdict[str, list[Entrant]] = defaultdict(list)
        self._changed: defaultdict[str, set[int]] = defaultdict(set)
        # trial -> its method, the index of its config, and its own index among the trials of that
        self._places: dict[str, tuple[str, int, int]] = {}
        # paused trial -> the index of the config that it waits for
        self._awaited: dict[str, int | None] = {}
        self._phases: dict[str, int] = {}

    def add(self, entry: Entry) -> None:
        """Notes a trial that has been asked for."""
        trial, phase_index, number = entry
        self._phases[trial.id] = phase_index
        if not self._rungs or self._confirms[phase_index]:
            return
        configs = self._configs[trial.method]
        index = self._indices[trial.method].setdefault((number, trial.identity), len(configs))
        if index == len(configs):
            configs.append((number, []))
        trials = configs[index][1]
        self._places[trial.id] = trial.method, index, len(trials)
        trials.append(trial.id)
        self._changed[trial.method].add(index)

    def note_change(self, trial: str) -> None:
        """Notes that a trial has a further score, or has ended."""
        if trial in self._places:
            method, index, _ = self._places[trial]
            self._changed[method].add(index)

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
        own = [trial for trial in paused if self._places[trial][0] == method]
        if not own:
            return []
        entrants = self._entrants_of(method, course)
        decisions = []
        for trial in own:
            rung_index = self._rungs.index(paused[trial])
            blocking = self._awaited.get(trial)
            if blocking is not None and is_awaited(entrants[blocking], rung_index):
                continue
            index, scheduler = self._places[trial][1], SCHEDULERS[self.scheduler_of(trial)]
            decision = decide(scheduler, entrants, index, rung_index)
            if decision is Decision.WAIT:
                self._awaited[trial] = awaited(scheduler, entrants, index, rung_index)
            else:
                self._awaited.pop(trial, None)
                decisions.append((trial, decision))
        return sorted(decisions, key=lambda pair: self._places[pair[0]])

    def _entrants_of(self, method: str, course: Callable[[str], Course]) -> list[Entrant]:
        """Returns the configs of a method as schedulers see them, those that have changed made anew."""
        entrants, changed = self._entrants[method], self._changed[method]
        for index in sorted(changed):
            number, trials = self._configs[method][index]
            entrants[index : index + 1] = [make_entrant(number, [course(trial) for trial in trials], self._rungs)]
        changed.clear()
        return entrants
