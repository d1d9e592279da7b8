"""SPACES: every shipped search space, by study and method."""

from ganscape.search_spaces import (
    chance,
    completion,
    equal,
    landscape,
    landscape_best,
    presets,
    r3gan,
    schedules,
    tricks,
    tricks_alone,
)
from ganscape.search_spaces.space import Space

SPACES: dict[str, dict[str, Space]] = {
    **equal.SPACES,
    **landscape.SPACES,
    **landscape_best.SPACES,
    **presets.SPACES,
    **r3gan.SPACES,
    **schedules.SPACES,
    **tricks.SPACES,
    **tricks_alone.SPACES,
    **chance.SPACES,
    **completion.SPACES,
}
