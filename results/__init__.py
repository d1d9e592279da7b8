"""What was found: the store, frames, budget curves, plots, the report. Imports neither jax nor ray."""

from ganscape.results.combined import concat
from ganscape.results.frames import Results, load, recorded
from ganscape.results.scores_file import export
from ganscape.results.store import StoreError

__all__ = ["Results", "StoreError", "concat", "export", "load", "recorded"]
