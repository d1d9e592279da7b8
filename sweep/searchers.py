"""Searchers: where next? They ask and are told, and know nothing of how trials run.

A searcher is made anew for every round from (space, seed, round) and told all that is known, so what
it asks is a pure function of the study and the store: after a crash the same configs are asked.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from search_spaces import Space

Settings = dict[str, Any]


class Observation(NamedTuple):
    """Settings that were asked before, with the scores of their trials; a failed trial's is infinite."""

    settings: Settings
    scores: tuple[float, ...]


class Searcher(Protocol):
    """ask(count) -> at most count settings; fewer when there is nothing more to ask.
    tell(observations) -> None, everything asked so far in the order it was asked."""

    def ask(self, count: int) -> list[Settings]: ...

    def tell(self, observations: list[Observation]) -> None: ...


class Points:
    """The defaults of the space, in order."""

    def __init__(self, space: Space, seed: tuple[int, ...]):
        self.remaining = list(space.defaults)

    def ask(self, count: int) -> list[Settings]:
        asked, self.remaining = self.remaining[:count], self.remaining[count:]
        return asked

    def tell(self, observations: list[Observation]) -> None:
        self.remaining = self.remaining[len(observations) :]


class Random:
    """The defaults of the space first, then independent draws: 1 + 99 in the wide search of Lucic et
    al. 2018. The i-th settings depend on (space, seed, i) alone."""

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


SEARCHERS: dict[str, Callable[[Space, tuple[int, ...]], Searcher]] = {
    "points": Points,
    "random": Random,
}
