"""Every study by name."""

from ganscape.errors import check_name
from ganscape.search_spaces import equal, landscape, presets, r3gan, tricks
from ganscape.search_spaces.study import Study, StudyError


def find(name: str) -> Study:
    """The study called `name`; StudyError listing the choices otherwise."""
    check_name("study", name, STUDIES, StudyError)
    return STUDIES[name]


STUDIES: dict[str, Study] = equal.STUDIES | landscape.STUDIES | presets.STUDIES | r3gan.STUDIES | tricks.STUDIES
