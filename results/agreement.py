"""Rank agreement: whether two metrics, or an early rung and the last, order the same models alike."""

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from ganscape.results.frames import Results
from ganscape.results.statistics import Interval

if TYPE_CHECKING:
    import pandas as pd

FEW = 4  # with up to so many pairs a rank correlation has no interval


def rank_agreement(x, y, level: float = 0.95) -> dict[str, Interval]:
    """Returns {"spearman": ..., "kendall": tau-b}, the rank correlations of two scores of the same models.

    Intervals on Fisher's scale, with the variances of Bonett and Wright (2000) and of Fieller et al. (1957). Assumes
    independently drawn models and roughly normal ranks. NaN below 5 pairs and if x or y is constant.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) < 2 or len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return dict.fromkeys(("spearman", "kendall"), Interval(np.nan, np.nan, np.nan))
    rho, tau = float(stats.spearmanr(x, y).statistic), float(stats.kendalltau(x, y).statistic)
    n = len(x)
    variances = ((1 + rho**2 / 2) / (n - 3), 0.437 / (n - 4)) if n > FEW else (np.nan, np.nan)
    return {name: _fisher(value, variance, level)
            for name, value, variance in zip(("spearman", "kendall"), (rho, tau), variances, strict=True)}  # fmt: skip


def metric_agreement(results: Results) -> "pd.DataFrame":
    """Returns the rank agreement of all pairs of metrics (and protocols), of medians over seeds at the last rung.

    Columns a b within configs spearman spearman_low spearman_high kendall kendall_low kendall_high; within is "all" or
    "best quarter" (the lowest quarter by a), where agreement is always lower because the range is narrower.
    """
    wide, pairs = measures(results), []
    for i, a in enumerate(wide.columns):
        for b in wide.columns[i + 1 :]:
            both = both_measures(wide, a, b)
            pairs += [(a, b, "all", both), (a, b, "best quarter", both[both[a] <= both[a].quantile(0.25)])]
    return _agreement([(a, b, within, both[a], both[b]) for a, b, within, both in pairs])


def rung_agreement(results: Results) -> "pd.DataFrame":
    """Returns the rank agreement of each rung, and of the best rung, with the last one, of medians over seeds.

    Columns as in `metric_agreement`, one pair of rows per rung before the
    last; a is the rung, or "best".
    """
    wide = results.rungs().dropna()
    if wide.shape[1] < 2 or wide.empty:
        return _agreement([])
    wide = wide.groupby(results.trials().set_index("trial")["config"]).median()
    last = wide.iloc[:, -1]
    firsts = [(f"{rung:,}", wide[rung]) for rung in wide.columns[:-1]] + [("best", wide.min(axis=1))]
    rows = []
    for name, first in firsts:
        near = last <= last.quantile(0.25)
        rows += [(name, "last", "all", first, last), (name, "last", "best quarter", first[near], last[near])]
    return _agreement(rows)


def measures(results: Results) -> "pd.DataFrame":
    """Returns scores by (config, trial, rung), one column per metric, or per metric and protocol if it has several."""
    import pandas as pd

    scores = results.scores()
    if scores.empty:
        return pd.DataFrame()
    names = scores["metric"] + " " + scores["protocol"]
    once = scores["metric"].groupby(scores["metric"]).transform(lambda group: names[group.index].nunique()) == 1
    scores = scores.assign(measure=scores["metric"].where(once, names))
    return scores.pivot(index=["config", "trial", "rung"], columns="measure", values="value").sort_index()


def both_measures(wide: "pd.DataFrame", a: str, b: str) -> "pd.DataFrame":
    """Returns two columns of `measures` by config: medians over seeds at the last rung that has both."""
    return wide[[a, b]].dropna().groupby(level="trial").tail(1).groupby(level="config").median()


def _agreement(rows):
    import pandas as pd

    table = []
    for a, b, within, x, y in rows:
        correlations = rank_agreement(x, y)
        table.append((a, b, within, len(x), *correlations["spearman"], *correlations["kendall"]))
    kinds = [f"{kind}{part}" for kind in ("spearman", "kendall") for part in ("", "_low", "_high")]
    return pd.DataFrame(table, columns=["a", "b", "within", "configs", *kinds])


def _fisher(value, variance, level) -> Interval:
    if not np.isfinite(variance) or abs(value) > 1 - 1e-9:  # perfect agreement may come out as 0.9999999999999998
        return Interval(value, np.nan, np.nan)
    reach = stats.norm.ppf((1 + level) / 2) * math.sqrt(variance)
    return Interval(value, math.tanh(math.atanh(value) - reach), math.tanh(math.atanh(value) + reach))
