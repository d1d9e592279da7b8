"""Which trials come next: every round of every phase of every method, and how many trials there will be in all."""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ganscape.models import Config
from ganscape.results.counts import expected_trials
from ganscape.results.definition import phases_of
from ganscape.results.wording import count
from ganscape.sweep.messages import Trial
from ganscape.sweep.plan import Plan
from ganscape.sweep.proposals import (
    ASKED,
    config_of,
    first_round_size,
    propose,
    searcher_seed,
    space_in,
    trial_id,
    trial_of,
)
from ganscape.sweep.searchers import SELECTORS, Observation, facts_of


class Entry(NamedTuple):
    """A trial and its place in the plan: the index of its phase, and its round's number, counted through all phases."""

    trial: Trial
    phase_index: int
    number: int


class Rounds:
    """The rounds of a plan so far, and what comes next.

    What comes next is a function of the plan, of the trials that are there and of their scores alone, so a sweep asks
    the same after an interruption. A plan that is larger than what is there (more configs, seeds, rounds, methods or
    phases) asks for the difference: a round that is short is asked again with its new size, told what it was told
    the first time, and a config that lacks seeds gets them.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self._phases = phases_of(plan.definition)
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self._ids: set[str] = set()
        # (method, phase) -> round -> a trial of each config by its identity, in the order asked; how many trials there
        # are; and the seeds that a phase has used.
        self._configs: defaultdict[tuple[str, int], dict[int, dict[str, Trial]]] = defaultdict(dict)
        self._trials: Counter[tuple[str, int]] = Counter()
        self._seeds: defaultdict[int, set[int]] = defaultdict(set)
        self._complete: set[tuple[str, int]] = set()

    def add(self, entry: Entry) -> None:
        """Notes a trial that has been asked for."""
        trial, phase_index, number = entry
        self.entries[trial.method].append(entry)
        self._ids.add(trial.id)
        self._configs[trial.method, phase_index].setdefault(number, {})[trial.identity] = trial
        self._trials[trial.method, phase_index] += 1
        self._seeds[phase_index].add(trial.seed)

    def next(self, method: str, result: Callable[[str], float]) -> list[Entry]:
        """Returns the next trials of a method, all of one round; none when it has nothing more to ask.

        Args:
          method: all of its trials so far have ended.
          result: trial id -> its lowest score, infinite for a failed one.
        """
        for phase_index, phase in enumerate(self.plan.phases):
            if (method, phase_index) in self._complete or not phase.has(method):
                continue
            select = self._select if phase.searcher in SELECTORS else self._search
            if entries := select(method, phase_index, result):
                return entries
            self._complete.add((method, phase_index))
        return []

    def expected(self, method: str) -> int:
        """Returns how many trials the method will have in all."""
        return sum(
            self._expected_in(method, index) for index, phase in enumerate(self.plan.phases) if phase.has(method)
        )

    def seeds_of(self, phase_index: int) -> tuple[int, ...]:
        """Returns the seeds of a phase: those that it has used, and as many new ones as it lacks, which no other phase
        has used."""
        own = self._seeds[phase_index]
        foreign = set().union(*(seeds for index, seeds in self._seeds.items() if index != phase_index))
        seeds, candidate = sorted(own), self.plan.seeds_of(phase_index).start
        while len(seeds) < self.plan.phases[phase_index].seeds:
            if candidate not in own and candidate not in foreign:
                seeds.append(candidate)
            candidate += 1
        return tuple(sorted(seeds))

    def _select(self, method: str, phase_index: int, result: Callable[[str], float]) -> list[Entry]:
        """Returns the trials that are missing in a phase that trains the best configs of earlier phases again."""
        phase, number = self.plan.phases[phase_index], self.plan.first_round(phase_index)
        observations = self._observations(method, result, (phase_index, 0))
        configs = [Config.from_dict(settings) for settings in SELECTORS[phase.searcher](observations, phase.configs)]
        return self._missing(method, configs, phase_index, number)

    def _search(self, method: str, phase_index: int, result: Callable[[str], float]) -> list[Entry]:
        """Returns the trials that are missing in the first incomplete round of a searching phase."""
        phase, before = self.plan.phases[phase_index], 0
        first = self.plan.first_round(phase_index)
        for number in range(first, first + phase.rounds):
            present = self._configs[method, phase_index].get(number, {})
            size = max(0, min(phase.batch, phase.configs - before))
            if present and len(present) >= size and not self._lacks_seeds(method, present, phase_index):
                before += len(present)
                continue
            configs = [trial.config for trial in present.values()]
            if len(present) < size:
                proposals = self._propose(method, phase_index, number, size, result)
                new = [config for config in proposals if config.identity() not in present]
                configs += new[: size - len(present)]
            if entries := self._missing(method, configs, phase_index, number):
                return entries
            if not configs:
                break
            before += len(configs)
        return []

    def _propose(
        self, method: str, phase_index: int, number: int, size: int, result: Callable[[str], float]
    ) -> list[Config]:
        """Returns the configs of a round: what its searcher proposes, given the scores of all rounds before it."""
        if (phase_index, number) == (0, 0):
            return first_configs(self.plan, method)
        observations = self._observations(method, result, (phase_index, number))
        return ask(self.plan, method, phase_index, number, observations, size)

    def _lacks_seeds(self, method: str, identities: Iterable[str], phase_index: int) -> bool:
        """Returns whether a trial of these configs, on the seeds of the phase, does not exist yet."""
        seeds = self.seeds_of(phase_index)
        ids = (trial_id(self.plan.seed, method, identity, seed) for identity in identities for seed in seeds)
        return any(name not in self._ids for name in ids)

    def _missing(self, method: str, configs: Iterable[Config], phase_index: int, number: int) -> list[Entry]:
        """Returns the trials of these configs, on the seeds of the phase, that do not exist yet."""
        seeds = self.seeds_of(phase_index)
        trials = [trial_of(self.plan.seed, method, config, seed) for config in configs for seed in seeds]
        return [Entry(trial, phase_index, number) for trial in trials if trial.id not in self._ids]

    def _observations(self, method: str, result: Callable[[str], float], before: tuple[int, int]) -> list[Observation]:
        """Returns the scores of the method's configs in the rounds before (phase, round), in the order they were
        asked."""
        entries = [entry for entry in self.entries[method] if (entry.phase_index, entry.number) < before]
        order = {
            (phase_index, number, identity): rank
            for phase_index in range(len(self.plan.phases))
            for number, configs in self._configs[method, phase_index].items()
            for rank, identity in enumerate(configs)
        }
        entries.sort(
            key=lambda entry: (
                entry.phase_index,
                entry.number,
                order[entry.phase_index, entry.number, entry.trial.identity],
                entry.trial.seed,
            )
        )
        settings, scores = {}, defaultdict(list)
        for trial, _, _ in entries:
            if trial.identity not in settings:
                settings[trial.identity] = trial.config.to_dict()
            scores[trial.identity].append(result(trial.id))
        return [Observation(settings[identity], tuple(scores[identity])) for identity in settings]

    def _expected_in(self, method: str, phase_index: int) -> int:
        phase = method, phase_index
        sizes = [len(configs) for configs in self._configs[phase].values()]
        return expected_trials(self._phases[phase_index], sizes, self._trials[phase], phase in self._complete)


def ask(
    plan: Plan, method: str, phase_index: int, number: int, observations: list[Observation], size: int
) -> list[Config]:
    """Returns `size` configs for a round of a searching phase, see `propose`.

    observations: every config of the method's earlier rounds, in the order they were asked, with the scores of its
      trials.
    """
    phase = plan.phases[phase_index]
    space = plan.methods[method] if phase_index == 0 else space_in(plan.methods[method], phase)

    def make_config(settings: Mapping[str, Any]) -> Config:
        return config_of(method, {**plan.fixed, **settings}, plan.workload.dataset.classes)

    numbers = searcher_seed(plan.seed, method, number)
    return propose(phase.searcher, space, numbers, size, make_config, observations)


def first_configs(plan: Plan, method: str, most: int = sys.maxsize) -> list[Config]:
    """Returns the configs of a method's first round, at most so many; those that the plan has are not asked again."""
    size = first_round_size(plan.phases[0])
    if method in plan.first_configs and min(size, most) == min(size, ASKED):
        return plan.first_configs[method]
    return ask(plan, method, 0, 0, [], min(size, most))


def shortages(plan: Plan) -> list[str]:
    """Returns a sentence for each method whose first round has fewer distinct configs than the plan asks for, or than
    ASKED if it asks for more."""
    phase = plan.phases[0]
    if facts_of(phase.searcher)["only_defaults"]:  # methods have different numbers of them, by design
        return []
    wanted = first_round_size(phase)
    counts = {method: len(first_configs(plan, method, ASKED)) for method in plan.methods}
    return [
        f"method {method} has {count(found, 'distinct config')} in its space, not the {wanted:,} asked for"
        for method, found in counts.items()
        if found < min(wanted, ASKED)
    ]


def count_trials(plan: Plan) -> int:
    """Returns how many trials a plan has in a new folder. A method whose searcher returns fewer configs than asked in
    the first round has no more in that phase; in rounds of more than ASKED configs that is not looked at."""
    rounds = Rounds(plan)
    for method in plan.methods if plan.phases[0].batch <= ASKED else ():
        for entry in rounds.next(method, lambda trial: math.inf):
            rounds.add(entry)
    return sum(map(rounds.expected, plan.methods))
