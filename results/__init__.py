"""What was found: the store, frames, budget curves, plots, the report. Imports neither jax nor ray."""

from typing import TYPE_CHECKING

from ganscape.lazy import import_when_used

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
# Imported when they are used: frames need numpy, the store does not.
__getattr__, __dir__ = import_when_used(__name__, _HOMES)
