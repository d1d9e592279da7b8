"""What the scores of a sweep are read by: those of real images, of noise and of untrained generators.

The sweep measures them once, by its own protocol; see `sweep.measuring.baselines`. A store that an earlier version
finished has none. The functions take them as rows, dicts with keys kind source value, all by one protocol.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

KINDS = {"real": "real images", "noise": "noise with the moments of real images", "untrained": "untrained"}
UNREAL = ("noise", "untrained")
LUCK = 0.05


class BaselineSummary(NamedTuple):
    """The scores of one kind and source: how many draws, their mean, and the lowest and highest draw."""

    kind: str
    source: str
    draws: int
    mean: float
    low: float
    high: float


def summarize_baselines(rows: Sequence[Mapping[str, Any]]) -> list[BaselineSummary]:
    """Returns the summary of every kind and source, in the order in which they were measured first."""
    return [
        BaselineSummary(kind, source, len(values), sum(values) / len(values), min(values), max(values))
        for (kind, source), values in _draws(rows).items()
    ]


def not_told_from(rows: Sequence[Mapping[str, Any]], value: float, tried: int) -> str | None:
    """Returns "untrained" or "noise" if a score may be that of a generator that has learnt nothing, else None.

    The score is the lowest of `tried`, and the lowest of many is low by luck, so it has to be below what so many fresh
    draws of an untrained generator (of any architecture), or of noise, reach with a probability of 5 %: the prediction
    bound for the smallest of them by Student's t and Bonferroni's correction, of logarithms where all scores are
    positive. The deviation is pooled over sources; without two draws of any, the lowest draw is the bound. None too
    where neither was measured.
    """
    draws = {key: values for key, values in _draws(rows).items() if key[0] in UNREAL}
    if value > 0 and all(draw > 0 for values in draws.values() for draw in values):
        value = math.log(value)
        draws = {key: [*map(math.log, values)] for key, values in draws.items()}
    freedom = sum(len(values) - 1 for values in draws.values())
    squares = sum((draw - sum(values) / len(values)) ** 2 for values in draws.values() for draw in values)
    deviation = math.sqrt(squares / freedom) if freedom else 0.0
    for measured in reversed(UNREAL):
        bounds = [_lowest_by_luck(values, deviation, freedom, tried)
                  for (kind, _), values in draws.items() if kind == measured]  # fmt: skip
        if bounds and value >= min(bounds):
            return measured
    return None


def _draws(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[float]]:
    draws: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        draws.setdefault((row["kind"], row["source"]), []).append(row["value"])
    return draws


def _lowest_by_luck(draws: Sequence[float], deviation: float, freedom: int, tried: int) -> float:
    """Returns what the lowest of `tried` further draws is below with a probability of LUCK at most."""
    if not freedom:
        return min(draws)
    from scipy.special import stdtrit

    reach = stdtrit(freedom, 1 - LUCK / tried) * deviation * math.sqrt(1 + 1 / len(draws))
    return min(sum(draws) / len(draws) - float(reach), *draws)


def describe_baselines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns one line per kind and source: "real images 4.9 (4.5 to 5.3 in 3 draws)"."""
    lines = []
    for baseline in summarize_baselines(rows):
        drawn = f" ({baseline.low:.4g} to {baseline.high:.4g} in {baseline.draws} draws)" if baseline.draws > 1 else ""
        lines.append(f"{KINDS[baseline.kind]} {baseline.source}".rstrip() + f" {baseline.mean:.4g}{drawn}")
    return lines
