"""The interface of searchers: `tell` gives them observations, `ask` gets settings to train."""

import math
import statistics
from typing import Any, NamedTuple, Protocol

from ganscape.search_spaces import Space

Settings = dict[str, Any]


class Observation(NamedTuple):
    """The settings of a config that was trained, and the lowest score of each of its trials, infinite for a failed
    one."""

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


def settings_key(space: Space, settings: Settings) -> tuple:
    """Returns a key that is equal for settings of the same config, whichever aliases they use."""
    return tuple(sorted(space.select_fields(settings).items()))


def leader_settings(observations: list[Observation], count: int) -> list[Settings]:
    """Returns the settings that led the search after all observations, after the first half, the first quarter ... of
    them (rounded up): the `best_settings` of each of `count` lengths, without repeats, of the longest first."""
    lengths = [math.ceil(len(observations) / 2**halvings) for halvings in range(count)]
    led = [settings for length in lengths for settings in best_settings(observations[:length], 1)]
    return [settings for index, settings in enumerate(led) if settings not in led[:index]]


def best_settings(observations: list[Observation], count: int) -> list[Settings]:
    """Returns the settings with the lowest medians over seeds, the best first, of equal ones the earlier; none of a
    config half of whose trials failed."""
    medians = [(statistics.median(observation.scores), observation.settings) for observation in observations]
    worked = sorted((pair for pair in medians if pair[0] < float("inf")), key=lambda pair: pair[0])
    return [settings for _, settings in worked[:count]]
