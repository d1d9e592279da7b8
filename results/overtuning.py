"""Does searching longer find a better config, once fresh seeds judge those that led the search?"""

import math
from typing import TYPE_CHECKING

import numpy as np

from ganscape.results.frames import Results
from ganscape.results.statistics import mean

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["method", "configs", "config", "reported", "fresh", "low", "high", "seeds", "overtuning"]


def overtuning(results: Results, rule: str = "best") -> "pd.DataFrame":
    """Returns, for each method and length of its search, how the config that led the search does on fresh seeds.

    The lengths are all configs of the search and a half, a quarter ... of them (rounded up), in the order in which they
    were asked, as far as their leader was trained again by a phase that confirms.

    Columns method configs config reported fresh low high seeds overtuning. configs: the length of the search. reported:
    the leader's median over the seeds of the search. fresh, low, high: its mean over so many fresh `seeds`, with
    Student's interval at 95 %; infinite if a trial failed. overtuning: how much higher `fresh` is than that of the best
    leader of this length or a shorter one; 0 where the longer search found nothing worse.

    Reference: Schneider et al. 2025 (arXiv:2506.19540), definition of overtuning, with fresh seeds as the test.
    """
    import pandas as pd

    searched, trials = results.searched(rule), results.per_trial(rule)
    fresh = trials[~trials["trial"].isin(searched["trial"])].dropna(subset="value")
    rows = []
    for method in results.methods():
        medians = searched[searched["method"] == method].groupby("config", sort=False)["value"].median()
        configs, reported = list(map(str, medians.index)), medians.to_numpy()
        again = {str(config): part["value"] for config, part in fresh[fresh["method"] == method].groupby("config")}
        least = np.inf
        for length in _lengths(len(configs)):
            leader = int(np.nanargmin(reported[:length])) if np.isfinite(reported[:length]).any() else 0
            config = configs[leader]
            if config in again:
                interval = mean(again[config])
                least = min(least, interval.value)
                excess = interval.value - least if np.isfinite(least) else np.nan
                rows.append((method, length, config, float(reported[leader]), *interval, len(again[config]), excess))
    return pd.DataFrame(rows, columns=COLUMNS)


def _lengths(count: int) -> list[int]:
    """Returns count, and a half, a quarter ... of it, rounded up, down to 1, the shortest first."""
    lengths = [math.ceil(count / 2**halvings) for halvings in range(math.ceil(math.log2(max(count, 1))) + 1)]
    return sorted(set(lengths)) if count else []
