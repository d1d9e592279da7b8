"""Searchers that do not look at scores: each asks for the next settings of a fixed order."""

import itertools
from collections.abc import Iterator

import numpy as np

from ganscape.search_spaces import Space, published_sets
from ganscape.sweep.searchers.contract import Observation, Settings, settings_key

REPEATS = 1000  # proposals in a row that were asked before, after which a space counts as exhausted
BLOCK = 16  # Sobol points drawn at first; every later draw doubles their number, which keeps the sequence balanced


class Defaults:
    """Asks for the defaults of the space, in order, and nothing else."""

    independent = only_defaults = True

    def __init__(self, space: Space, seed: tuple[int, ...]):
        self.remaining = list(space.defaults)

    def ask(self, count: int) -> list[Settings]:
        batch, self.remaining = self.remaining[:count], self.remaining[count:]
        return batch

    def tell(self, observations: list[Observation]) -> None:
        self.remaining = self.remaining[len(observations) :]


class Published(Defaults):
    """Asks for the sets that Lucic et al. 2018 trained, in their order; see `search_spaces.published_sets`."""

    only_defaults = False

    def __init__(self, space: Space, seed: tuple[int, ...]):
        self.remaining = published_sets(space)


class Random:
    """Asks for the defaults of the space first, then for independent draws: 1 + 99 in the wide search of Lucic et al.
    2018.

    The i-th settings depend on (space, seed, i) alone.
    """

    independent = True

    def __init__(self, space: Space, seed: tuple[int, ...]):
        self.space, self.seed, self.asked = space, seed, 0

    def ask(self, count: int) -> list[Settings]:
        indices = range(self.asked, self.asked + count)
        self.asked += count
        return [self._settings(index) for index in indices]

    def _settings(self, index: int) -> Settings:
        if index < len(self.space.defaults):
            return self.space.defaults[index]
        return self.space.sample(np.random.default_rng([*self.seed, index]))

    def tell(self, observations: list[Observation]) -> None:
        self.asked += len(observations)


class Sequence:
    """Asks for the defaults of the space, then for other settings in a given order, and for none twice.

    It ends with that order, or after REPEATS settings in a row that were asked before: a small space is exhausted.
    """

    independent = True

    def __init__(self, space: Space, order: Iterator[Settings]):
        self.space, self.order = space, itertools.chain(space.defaults, order)
        self.seen: set[tuple] = set()

    def left(self) -> Iterator[Settings]:
        """Yields all settings that were not asked yet."""
        while settings := self.ask(1):
            yield from settings

    def ask(self, count: int) -> list[Settings]:
        batch: list[Settings] = []
        repeats = 0
        while len(batch) < count and repeats < REPEATS and (settings := next(self.order, None)) is not None:
            repeats += 1
            name = settings_key(self.space, settings)
            if name not in self.seen:
                self.seen.add(name)
                batch.append(settings)
                repeats = 0
        return batch

    def complete(self, proposals: list[Settings], count: int) -> list[Settings]:
        """Returns the proposals that were not asked before, filled up to `count` with the next of the sequence."""
        fresh: list[Settings] = []
        for settings in proposals:
            name = settings_key(self.space, settings)
            if name not in self.seen:
                self.seen.add(name)
                fresh.append(settings)
        return fresh + self.ask(count - len(fresh))

    def tell(self, observations: list[Observation]) -> None:
        self.seen.update(settings_key(self.space, observation.settings) for observation in observations)


class Grid(Sequence):
    """Asks for all combinations of the middles of the dimensions, then of their two ends, then of three values, ...

    A Choice enters with all its options at once; a space without ranges is exhausted by its combinations.
    """

    def __init__(self, space: Space, seed: tuple[int, ...]):
        super().__init__(space, _grids(space))


class Sobol(Sequence):
    """Asks for the points of a scrambled Sobol sequence, which fill the space more evenly than random ones (Owen 1998).

    The scrambling is drawn from the seed without its round: the rounds of a study share one sequence.
    """

    def __init__(self, space: Space, seed: tuple[int, ...]):
        super().__init__(space, _sobol(space, seed[:-1]))


def _grids(space: Space) -> Iterator[Settings]:
    fields: list[str] = sorted(space.dimensions)
    before: list[list] = []
    for size in itertools.count(1):
        grids = [space.dimensions[field].grid(size) for field in fields]
        if grids == before:
            return
        for values in itertools.product(*grids):
            yield space.complete(dict(zip(fields, values, strict=True)))
        before = grids


def _sobol(space: Space, seed: tuple[int, ...]) -> Iterator[Settings]:
    from scipy.stats import qmc

    fields = sorted(space.dimensions)
    if not fields:
        return
    sequence = qmc.Sobol(len(fields), scramble=True, rng=np.random.default_rng(seed))
    for size in itertools.chain([BLOCK], (BLOCK << doublings for doublings in itertools.count())):
        for point in sequence.random(size):
            values = {field: space.dimensions[field].from_unit(unit) for field, unit in zip(fields, point, strict=True)}
            yield space.complete(values)
