"""What the scores of a sweep are read by: those of real images, of noise and of untrained generators.

The sweep measures them once, by its own protocol; see `sweep.measuring.baselines`. A store that an earlier version
finished has none.
"""

from typing import TYPE_CHECKING

import numpy as np

from ganscape.results.frames import Results

if TYPE_CHECKING:
    import pandas as pd

KINDS = {"real": "real images", "noise": "noise with the moments of real images", "untrained": "untrained"}
UNREAL = ("noise", "untrained")


def baseline_summary(results: Results) -> "pd.DataFrame":
    """Returns one row per kind and source: kind, source, draws, mean, low, high (lowest and highest draw)."""
    table = results.baselines()
    grouped = table.groupby(["kind", "source"], sort=False)["value"]
    return grouped.agg(draws="count", mean="mean", low="min", high="max").reset_index()


def mean_real_score(results: Results) -> float:
    """Returns the mean score of real images, which no generator is expected below; NaN where it was not measured."""
    table = baseline_summary(results)
    return float(table.loc[table["kind"] == "real", "mean"].mean())


def no_better_than(results: Results, value: float) -> str | None:
    """Returns "untrained" or "noise" if a score is not below every such score of the sweep, else None.

    An untrained generator of any architecture counts. None too where neither was measured.
    """
    table = results.baselines()
    for kind in reversed(UNREAL):
        lowest = table.loc[table["kind"] == kind, "value"].min()
        if np.isfinite(lowest) and value >= lowest:
            return kind
    return None


def describe_baselines(results: Results) -> list[str]:
    """Returns one line per kind and source: "real images 4.9 (4.5 to 5.3 in 3 draws)"."""
    lines = []
    for row in baseline_summary(results).to_dict("records"):
        drawn = f" ({row['low']:.4g} to {row['high']:.4g} in {row['draws']} draws)" if row["draws"] > 1 else ""
        lines.append(f"{KINDS[row['kind']]} {row['source']}".rstrip() + f" {row['mean']:.4g}{drawn}")
    return lines
