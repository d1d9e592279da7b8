"""What was found: the store, frames, budget curves, plots, the report. Imports neither jax nor ray."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganscape.results.combined import concat
    from ganscape.results.frames import Results, load, recorded
    from ganscape.results.scores_file import export
    from ganscape.results.store import StoreError

__all__ = ["Results", "StoreError", "concat", "export", "load", "recorded"]

_HOMES = {
    "Results": "frames",
    "StoreError": "store",
    "concat": "combined",
    "export": "scores_file",
    "load": "frames",
    "recorded": "frames",
}


def __getattr__(name: str) -> Any:
    """Imports one of `__all__` when it is first used: frames need numpy, the store does not."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"ganscape.results.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Returns the names of the module, those that are not imported yet included."""
    return sorted({*globals(), *__all__})
