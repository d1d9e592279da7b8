"""The interquartile mean: the mean of the middle half of all scores, with the interval of a stratified bootstrap.

Agarwal et al. 2021, https://arxiv.org/abs/2108.13264: less moved by single trials than the mean, and of more of
them than the median. A failed trial is +inf, so the mean is infinite where more than a quarter failed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganscape.results import budget
from ganscape.results.frames import Results
from ganscape.results.statistics import Interval

if TYPE_CHECKING:
    import pandas as pd

TRIMMED = 0.25  # of all scores, at each end
DRAWS = 2_000  # of the bootstrap, fewer of many scores
DRAWN = 2_000_000  # scores in all draws
FEWEST_DRAWS = 200


def interquartile_mean(tables: Sequence, level: float = 0.95, seed: int = 0) -> Interval:
    """Returns the interquartile mean of all scores in the tables, and its percentile interval.

    Args:
      tables: one array per stratum, such as a data set, [runs] or [configs, seeds]. What is drawn anew, with
        replacement, are the rows of each table, among themselves: runs, or configs with all their seeds. A single row
        of several seeds is drawn by seeds. Scores of several data sets must have been brought to one scale.
      seed: of the draws.

    No interval where no stratum has two rows. Raises ValueError for no scores, or NaN among them.
    """
    strata = [_rows(table) for table in tables]
    scores = np.concatenate([rows.ravel() for rows in strata]) if strata else np.empty(0)
    if not scores.size or np.isnan(scores).any():
        raise ValueError("an interquartile mean needs scores, none of them NaN; a failed run is +inf")
    value = float(_middle(scores[None])[0])
    if max(map(len, strata)) < 2:
        return Interval(value, np.nan, np.nan)
    rng, count = np.random.default_rng(seed), min(DRAWS, max(FEWEST_DRAWS, DRAWN // scores.size))
    means = []
    for part in np.array_split(np.arange(count), -(-count * scores.size // DRAWN)):
        drawn = [rows[rng.integers(len(rows), size=(len(part), len(rows)))] for rows in strata]
        means.append(_middle(np.concatenate([rows.reshape(len(part), -1) for rows in drawn], axis=1)))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return Interval(value, float(low), float(high))


def interquartile_means(results: Results, rule: str = "best") -> "pd.DataFrame":
    """Returns one row per method with finished configs: method configs scores value low high.

    value, low, high: the interquartile mean over all trials of its search, confirming phases left out.
    Configs of a search that learns, or stops trials early, are no independent draws: low and high are NaN there.
    """
    import pandas as pd

    searched, rows = results.searched(rule), []
    for method in results.methods():
        table = budget.replicates(searched, method)
        if table.size:
            found = interquartile_mean([table])
            found = found if results.exchangeable() else found._replace(low=np.nan, high=np.nan)
            rows.append((method, len(table), table.size, *found))
    return pd.DataFrame(rows, columns=["method", "configs", "scores", "value", "low", "high"])


def _rows(table) -> np.ndarray:
    """Returns the units that are drawn: [runs, 1] or [configs, seeds]."""
    array = np.asarray(table, dtype=np.float64)
    return array.reshape(-1, 1) if array.ndim == 1 or len(array) == 1 else array


def _middle(scores: np.ndarray) -> np.ndarray:
    """Returns the mean of the middle half of each row, [rows], as scipy.stats.trim_mean does."""
    cut = int(TRIMMED * scores.shape[1])
    return np.sort(scores, axis=1)[:, cut : scores.shape[1] - cut].mean(axis=1)
