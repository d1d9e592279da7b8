"""What is asked, as data: dimensions, search spaces and studies."""

from ganscape.search_spaces.dimensions import (
    Choice,
    Dimension,
    Fixed,
    Integer,
    LogUniform,
    Partly,
    StudyError,
    Uniform,
    Unless,
    When,
)
from ganscape.search_spaces.narrowing import narrowed
from ganscape.search_spaces.original import original_sets
from ganscape.search_spaces.presets import PRESETS, Preset
from ganscape.search_spaces.space import Space
from ganscape.search_spaces.spaces import SPACES
from ganscape.search_spaces.studies import STUDIES, find
from ganscape.search_spaces.study import SELECTING, Phase, Scale, Study, find_scale, phases, rungs
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
    "When",
    "find",
    "find_scale",
    "narrowed",
    "original_sets",
    "phases",
    "read_study",
    "rungs",
    "write_study",
]
