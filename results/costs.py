"""What every trial of a sweep cost."""

from typing import TYPE_CHECKING

import numpy as np

from ganscape.results.columns import COSTS

if TYPE_CHECKING:
    import pandas as pd


def costs_of_trials(
    trials: "pd.DataFrame", scores: "pd.DataFrame", failures: "pd.DataFrame", last_rung: int
) -> "pd.DataFrame":
    """Returns one row per trial with the columns COSTS: real images seen, and wall and CPU seconds of training and
    evaluating it.

    A failed trial is charged up to the rung that it was heading for, at its own seconds per image, or the median of
    its method where it has no score. NaN for a running one.

    Args:
      trials, scores, failures: frames of `results.columns`; trials with a status. last_rung: of the study.
    """
    trials = trials[["trial", "method", "status"]]
    trials = trials.join(scores.groupby("trial")[["images", "seconds", "cpu_seconds"]].max(), on="trial")
    heading = failures.query("final").groupby("trial")["rung"].max()
    charged = trials["trial"].map(heading).astype("float64").fillna(last_rung)
    failed = trials["status"] == "failed"
    for unit in ("seconds", "cpu_seconds"):
        pace = (trials[unit] / trials["images"]).where(trials["images"] > 0)
        pace = pace.fillna(pace.groupby(trials["method"]).transform("median"))
        trials[unit] = trials[unit].astype("float64").mask(failed, charged * pace)
    trials["images"] = trials["images"].astype("float64").mask(failed, charged)
    trials.loc[trials["status"] == "running", ["images", "seconds", "cpu_seconds"]] = np.nan
    return trials[COSTS]


def measured_time(costs: "pd.DataFrame") -> tuple[str, str]:
    """Returns the kind of time that trials are charged with, and its column: ("CPU", "cpu_seconds"), which other
    processes hardly change, or ("wall", "seconds") where a trial with a score has no CPU time, as in older folders."""
    scored = costs["seconds"].notna()
    return ("wall", "seconds") if costs.loc[scored, "cpu_seconds"].isna().any() else ("CPU", "cpu_seconds")
