"""The columns of the frames of `results.frames`, in order, with their types."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TRIAL = ["trial", "config", "method", "seed"]
TRIALS = [*TRIAL, "round", "phase", "status", "rungs"]
SCORES = [*TRIAL, "rung", "images", "metric", "value", "protocol", "attempt", "seconds"]
FAILURES = [*TRIAL, "attempt", "cause", "rung", "step", "message", "detail", "final"]
SIGNS = [*TRIAL, "rung", "quantity", "value", "cause"]
PROGRAMS = ["structure", "compiled", "loaded", "seconds", "lanes"]
BASELINES = ["kind", "source", "draw", "metric", "value"]
PER_TRIAL = [*TRIAL, "phase", "status", "rung", "value"]
DTYPES = {"seed": "int64", "round": "int64", "rungs": "int64", "images": "int64", "attempt": "int64", "rung": "Int64",
          "step": "Int64", "value": "float64", "seconds": "float64", "final": "bool"}  # fmt: skip


def frame_of_rows(rows: list[dict], columns: list[str]) -> "pd.DataFrame":
    """Returns the frame of these rows, None where a row lacks a column."""
    return make_frame({name: [row.get(name) for row in rows] for name in columns})


def make_frame(values: dict[str, list]) -> "pd.DataFrame":
    """Returns the frame of these columns, of the types in DTYPES."""
    import pandas as pd

    frame = pd.DataFrame(values, columns=pd.Index(list(values), dtype=object))
    return frame.astype({name: DTYPES[name] for name in values if name in DTYPES})
