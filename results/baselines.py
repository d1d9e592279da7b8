"""What the scores of a sweep are read by: those of real images, of noise and of untrained generators.

The sweep measures them once, by its own protocol; see `sweep.measuring.baselines`. A store that an earlier version
finished has none.
"""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from ganscape.results.frames import Results

if TYPE_CHECKING:
    import pandas as pd

KINDS = {"real": "real images", "noise": "noise with the moments of real images", "untrained": "untrained"}
UNREAL = ("noise", "untrained")
LUCK = 0.05


def baseline_summary(results: Results) -> "pd.DataFrame":
    """Returns one row per kind and source: kind, source, draws, mean, low, high (lowest and highest draw)."""
    table = results.baselines()
    grouped = table.groupby(["kind", "source"], sort=False)["value"]
    return grouped.agg(draws="count", mean="mean", low="min", high="max").reset_index()


def mean_real_score(results: Results) -> float:
    """Returns the mean score of real images, which no generator is expected below; NaN where it was not measured."""
    table = baseline_summary(results)
    return float(table.loc[table["kind"] == "real", "mean"].mean())


def not_told_from(results: Results, value: float, tried: int) -> str | None:
    """Returns "untrained" or "noise" if a score may be that of a generator that has learnt nothing, else None.

    The score is the lowest of `tried`, and the lowest of many is low by luck, so it has to be below what so many fresh
    draws of an untrained generator (of any architecture), or of noise, reach with a probability of 5 %: the prediction
    bound for the smallest of them by Student's t and Bonferroni's correction, of logarithms where all scores are
    positive. The deviation is pooled over sources; without two draws of any, the lowest draw is the bound. None too
    where neither was measured.
    """
    table = results.baselines()
    table = table[table["kind"].isin(UNREAL)]
    positive = bool(len(table)) and value > 0 and bool((table["value"] > 0).all())
    table = table.assign(value=np.log(table["value"]) if positive else table["value"])
    draws = table.groupby(["kind", "source"], sort=False)["value"]
    freedom = int((draws.size() - 1).sum())
    deviation = float(np.sqrt(((table["value"] - draws.transform("mean")) ** 2).sum() / freedom)) if freedom else 0.0
    score = np.log(value) if positive else value
    for kind in reversed(UNREAL):
        of_kind = [group for (name, _), group in draws if name == kind]
        bounds = [_lowest_by_luck(group.to_numpy(), deviation, freedom, tried) for group in of_kind]
        if bounds and score >= min(bounds):
            return kind
    return None


def _lowest_by_luck(draws: np.ndarray, deviation: float, freedom: int, tried: int) -> float:
    """Returns what the lowest of `tried` further draws is below with a probability of LUCK at most."""
    if not freedom:
        return float(draws.min())
    reach = stdtrit(freedom, 1 - LUCK / tried) * deviation * np.sqrt(1 + 1 / len(draws))
    return float(min(draws.mean() - reach, draws.min()))


def describe_baselines(results: Results) -> list[str]:
    """Returns one line per kind and source: "real images 4.9 (4.5 to 5.3 in 3 draws)"."""
    lines = []
    for row in baseline_summary(results).to_dict("records"):
        drawn = f" ({row['low']:.4g} to {row['high']:.4g} in {row['draws']} draws)" if row["draws"] > 1 else ""
        lines.append(f"{KINDS[row['kind']]} {row['source']}".rstrip() + f" {row['mean']:.4g}{drawn}")
    return lines
