"""Search spaces and studies, as data."""

from ganscape.search_spaces.conditions import Partly, Unless, When
from ganscape.search_spaces.dimensions import Choice, Dimension, Fixed, Integer, LogUniform, StudyError, Uniform
from ganscape.search_spaces.narrowing import narrow
from ganscape.search_spaces.original import published_sets
from ganscape.search_spaces.presets import PRESETS, Preset
from ganscape.search_spaces.space import Space
from ganscape.search_spaces.spaces import SPACES
from ganscape.search_spaces.studies import STUDIES, find_shipped
from ganscape.search_spaces.study import (
    SELECTING,
    Phase,
    Scale,
    Study,
    Variant,
    all_phases,
    find_scale,
    image_counts,
    rungs,
)
from ganscape.search_spaces.study_file import read_study
from ganscape.search_spaces.study_text import write_study

__all__ = [
    "PRESETS",
    "SELECTING",
    "SPACES",
    "STUDIES",
    "Choice",
    "Dimension",
    "Fixed",
    "Integer",
    "LogUniform",
    "Partly",
    "Phase",
    "Preset",
    "Scale",
    "Space",
    "Study",
    "StudyError",
    "Uniform",
    "Unless",
    "Variant",
    "When",
    "all_phases",
    "find_scale",
    "find_shipped",
    "image_counts",
    "narrow",
    "published_sets",
    "read_study",
    "rungs",
    "write_study",
]
