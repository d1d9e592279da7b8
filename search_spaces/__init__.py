"""What is asked, as data: dimensions, search spaces and studies."""

from search_spaces.dimensions import (
    Choice,
    Dimension,
    Fixed,
    Integer,
    LogUniform,
    StudyError,
    Uniform,
    When,
)
from search_spaces.spaces import SPACES, Space
from search_spaces.studies import STUDIES, Phase, Scale, Study, find, find_scale, metric, phases, rungs

__all__ = [
    "SPACES",
    "STUDIES",
    "Choice",
    "Dimension",
    "Fixed",
    "Integer",
    "LogUniform",
    "Phase",
    "Scale",
    "Space",
    "Study",
    "StudyError",
    "Uniform",
    "When",
    "find",
    "find_scale",
    "metric",
    "phases",
    "rungs",
]
