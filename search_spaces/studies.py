"""STUDIES: every shipped study, by name."""

from ganscape.errors import check_name
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
from ganscape.search_spaces.study import Study, StudyError


def find_shipped(name: str) -> Study:
    """Returns the shipped study of this name. Raises StudyError with the choices if there is none."""
    check_name("study", name, STUDIES, StudyError)
    return STUDIES[name]


STUDIES: dict[str, Study] = {
    **equal.STUDIES,
    **landscape.STUDIES,
    **landscape_best.STUDIES,
    **presets.STUDIES,
    **r3gan.STUDIES,
    **schedules.STUDIES,
    **tricks.STUDIES,
    **tricks_alone.STUDIES,
    **chance.STUDIES,
    **completion.STUDIES,
}
