"""Whether a plan is of a size that can be trained: checked before anything is drawn, loaded or written."""

import math
from typing import Any

from ganscape.errors import shown
from ganscape.limits import LIMITS, check_size
from ganscape.search_spaces import Phase, Scale, Study, StudyError, all_phases, image_counts

SECONDS_PER_YEAR = 365.25 * 86400


def check_settings_are_values(settings: dict[str, Any]) -> None:
    """Raises StudyError for a setting that is not one value: a list, a table, nothing."""
    for name, value in settings.items():
        if not isinstance(value, bool | int | float | str):
            raise StudyError(f"{name}={shown(value)} must be one value: a number, text, true or false")


def check_scale(study: Study, scale: Scale, data: str, seed: int, lanes: int) -> None:
    """Raises StudyError for numbers of a scale that are beyond the limits, alone or together."""
    images, interval = image_counts(scale, data)
    for name, value in (("images", images), ("interval", interval), ("seed", seed), ("lanes", lanes)):
        check_size(name, value, StudyError)
    check_size("rungs", math.ceil(images / max(1, interval)), StudyError, "images / interval")
    if scale.samples is not None:
        check_size("samples", scale.samples, StudyError)
    parts = all_phases(study.searcher, scale)
    for phase in parts:
        check_phase(phase)
    per_method = sum(phase.configs * phase.seeds for phase in parts)
    trials = per_method * len(study.methods)
    if trials > LIMITS["trials"].value:
        raise StudyError(
            f"{len(study.methods)} methods x {_counted(per_method)} trials are {_counted(trials)} trials, more than "
            f"{LIMITS['trials'].value:,}: {LIMITS['trials'].reason} {_counted(trials / SECONDS_PER_YEAR)} years; lower "
            "configs or seeds"
        )


def check_phase(phase: Phase) -> None:
    """Raises StudyError for numbers of a phase that are beyond the limits, and for more rounds than configs."""
    for name, value in (("configs", phase.configs), ("seeds", phase.seeds), ("rounds", phase.rounds)):
        check_size(name, value, StudyError)
    if phase.rounds > phase.configs:
        raise StudyError(
            f"rounds={phase.rounds} of phase {phase.name!r} are more than its configs={phase.configs}: a round asks "
            "for one config at least"
        )


def _counted(number: float) -> str:
    return f"{number:,.0f}" if number < 1e6 else f"{number:.2g}"
