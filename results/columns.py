"""The columns of the frames of `results.frames`, in order, with their types.

trials        trial config method seed round phase status rungs + one column per setting
              phase: the part of the search that the round belongs to; a phase that confirms trains the best config
              of each method again, on seeds that had no say in choosing it.
              status: done (has the study's metric at the last rung of the definition), failed (a final failure),
              stopped (ended early on purpose by a scheduler, which is no failure), running (none of these: being
              trained, or waiting); rungs: how many rungs have a score.
              A setting named like a column before it appears as `setting_<name>`.
scores        trial config method seed rung images metric value protocol attempt seconds cpu_seconds
              rung: the planned point on the training axis; images: real images seen by then; value: finite, of the
              study's own metric lower is better; protocol: fingerprint, of the study's own, of a further metric, or of
              what kept generators were scored by later; seconds: wall seconds of training and evaluating the trial up
              to this rung; cpu_seconds: its share of the CPU time of its worker, all threads; NaN where that was not
              measured.
failures      trial config method seed attempt cause rung step message detail final
              final False: an attempt that was lost and is tried again.
signs         trial config method seed rung quantity value cause
              quantity: diversity of the samples, a log of the trial's method, or what else the metric found, such as
              precision and recall; cause: the failure of which the value is a sign (discriminator_won,
              exploding_gradient, mode_collapse), None for most.
generators    trial config method seed rung bytes path
              trained generators that are kept, for `ganscape.load_generator`; rung: that of the trial's lowest score.
per_trial     trial config method seed phase status rung value
              value: the study's metric under a rule, taken at `rung`, for a stopped trial among those it reached;
              +inf for a failed trial, NaN while running.
costs         trial images seconds cpu_seconds
              of finished trials: up to the last score. A failed one is charged up to the rung it was heading for, at
              its own seconds per image, or its method's median where it has no score; NaN while running.
environments  recorded + one column per entry: one row per start of the sweep.
protocols     fingerprint + one column per entry.
programs      structure compiled loaded seconds lanes
              what a worker compiled, or loaded from the compilation cache, before it could train trials of a structure;
              lanes: members side by side. Empty for stores of versions without it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TRIAL = ["trial", "config", "method", "seed"]
TRIALS = [*TRIAL, "round", "phase", "status", "rungs"]
SCORES = [*TRIAL, "rung", "images", "metric", "value", "protocol", "attempt", "seconds", "cpu_seconds"]
FAILURES = [*TRIAL, "attempt", "cause", "rung", "step", "message", "detail", "final"]
SIGNS = [*TRIAL, "rung", "quantity", "value", "cause"]
PROGRAMS = ["structure", "compiled", "loaded", "seconds", "lanes"]
BASELINES = ["kind", "source", "draw", "metric", "value"]
COSTS = ["trial", "images", "seconds", "cpu_seconds"]
PER_TRIAL = [*TRIAL, "phase", "status", "rung", "value"]
DTYPES = {"seed": "int64", "round": "int64", "rungs": "int64", "images": "int64", "attempt": "int64", "rung": "Int64",
          "step": "Int64", "value": "float64", "seconds": "float64",
          "cpu_seconds": "float64", "final": "bool"}  # fmt: skip


def frame_of_rows(rows: list[dict], columns: list[str]) -> "pd.DataFrame":
    """Returns the frame of these rows, None where a row lacks a column."""
    return make_frame({name: [row.get(name) for row in rows] for name in columns})


def make_frame(values: dict[str, list]) -> "pd.DataFrame":
    """Returns the frame of these columns, of the types in DTYPES."""
    import pandas as pd

    frame = pd.DataFrame(values, columns=pd.Index(list(values), dtype=object))
    return frame.astype({name: DTYPES[name] for name in values if name in DTYPES})
