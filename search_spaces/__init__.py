"""What is asked, as data: dimensions, search spaces and studies."""

from search_spaces.dimensions import (
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
from search_spaces.narrowing import narrowed
from search_spaces.original import original_sets
from search_spaces.presets import PRESETS, Preset
from search_spaces.space import Space
from search_spaces.spaces import SPACES
from search_spaces.studies import STUDIES, find, metric
from search_spaces.study import SELECTING, Phase, Scale, Study, find_scale, phases, rungs
from search_spaces.study_file import read_study
from search_spaces.study_text import write_study

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
    "metric",
    "narrowed",
    "original_sets",
    "phases",
    "read_study",
    "rungs",
    "write_study",
]
