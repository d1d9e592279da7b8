"""What every searcher is: it is told observations and asked for settings."""

import statistics
from typing import Any, NamedTuple, Protocol

from ganscape.search_spaces import Space

Settings = dict[str, Any]


class Observation(NamedTuple):
    """Settings that were asked before, with the scores of their trials; a failed trial's is infinite."""

    settings: Settings
    scores: tuple[float, ...]


class Searcher(Protocol):
    """Chooses the settings of a method's next configs.

    A class may state two facts about itself, which are False unless it does:
      independent: it never looks at scores, so its configs are exchangeable draws and budget curves are drawn of them.
      only_defaults: it asks for the defaults of the space and nothing else.
    """

    def ask(self, count: int) -> list[Settings]:
        """Returns at most `count` settings; fewer when there is nothing more to ask."""
        ...

    def tell(self, observations: list[Observation]) -> None:
        """Takes every config asked so far, in the order they were asked, with its scores."""
        ...


def key(space: Space, settings: Settings) -> tuple:
    """Equal for settings that are one config of the space, however they are written."""
    return tuple(sorted(space.select_fields(settings).items()))


def best(observations: list[Observation], count: int) -> list[Settings]:
    """The settings with the lowest medians over seeds, the best first; none that failed on most. Of equals the first
    that was asked."""
    medians = [(statistics.median(each.scores), each.settings) for each in observations]
    worked = sorted((each for each in medians if each[0] < float("inf")), key=lambda each: each[0])
    return [settings for _, settings in worked[:count]]
