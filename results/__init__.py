"""What was found: the store, frames, budget curves, plots, the report. Imports neither jax nor ray."""

from results.combined import concat
from results.frames import Results, export, load, recorded
from results.store import StoreError

__all__ = ["Results", "StoreError", "concat", "export", "load", "recorded"]
