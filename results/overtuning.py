"""Does searching longer find a better config, once fresh seeds judge those that led the search?"""

import math
from typing import TYPE_CHECKING

import numpy as np

from ganscape.results.frames import Results
from ganscape.results.statistics import difference_of_means, log_scale, mean, on_log_scale
from ganscape.results.wording import count, rounded

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["method", "configs", "config", "reported", "fresh", "low", "high", "seeds", "overtuning"]


def overtuning(results: Results, rule: str = "best") -> "pd.DataFrame":
    """Returns, for each method and length of its search, how the config that led the search does on fresh seeds.

    The lengths are all configs of the search and a half, a quarter ... of them (rounded up), in the order in which they
    were asked, as far as their leader was trained again by a phase that confirms.

    Columns method configs config reported fresh low high seeds overtuning. configs: the length of the search. reported:
    the leader's median over the seeds of the search. fresh, low, high: its mean over so many fresh `seeds`, infinite if
    a trial failed, with Student's interval at 95 %, of logarithms if all scores are positive. overtuning: how much
    higher `fresh` is than that of the best leader of this length or a shorter one; 0 where the longer search found
    nothing worse.

    Reference: Schneider et al. 2025 (arXiv:2506.19540), definition of overtuning, with fresh seeds as the test.
    """
    import pandas as pd

    searched, fresh, rows = results.searched(rule), _fresh_scores(results, rule), []
    for method in results.methods():
        medians = searched[searched["method"] == method].groupby("config", sort=False)["value"].median()
        configs, reported = list(map(str, medians.index)), medians.to_numpy()
        again = fresh.get(method, {})
        least = np.inf
        for length in _lengths(len(configs)):
            leader = int(np.nanargmin(reported[:length])) if np.isfinite(reported[:length]).any() else 0
            config = configs[leader]
            if config in again:
                interval = on_log_scale(mean(again[config]), again[config])
                least = min(least, interval.value)
                excess = interval.value - least if np.isfinite(least) else np.nan
                rows.append((method, length, config, float(reported[leader]), *interval, len(again[config]), excess))
    return pd.DataFrame(rows, columns=COLUMNS)


def describe_leaders(results: Results, rule: str = "best") -> list[str]:
    """Returns one sentence per method: whether its longest search found a better configuration than its shortest, by
    Welch's 95 % interval over their fresh seeds; none for a method with fewer than two lengths."""
    fresh, sentences = _fresh_scores(results, rule), []
    for method, part in overtuning(results, rule).groupby("method", sort=False):
        first, last = part.iloc[0], part.iloc[-1]
        few, most, scores = int(first["configs"]), int(last["configs"]), fresh[str(method)]
        if few == most:
            continue
        if first["config"] == last["config"]:
            sentences.append(f"{method}: the configuration that led after {few} of {most} still led after all.")
        else:
            compared = _compare(scores[str(last["config"])], scores[str(first["config"])], few)
            sentences.append(f"{method}: the leader after {count(most, 'configuration')} {compared}.")
    return sentences


def _compare(last: np.ndarray, first: np.ndarray, few: int) -> str:
    """Returns how the leader of the longest search did beside that of the shortest, of `few` configurations.

    last, first: [seeds], their scores on fresh seeds.
    """
    scale = log_scale(np.concatenate([last, first]))
    value, low, high = difference_of_means(scale(last), scale(first))
    if not np.isfinite([value, low, high]).all():
        return f"is not compared with the leader after {few}: that takes two fresh seeds of each without a failure"
    equal = 0.0
    words = f"scores {{}} ({{}} to {{}}) more than the leader after {few}"
    if scale is np.log:
        value, low, high, equal = np.exp([value, low, high, equal])
        words = f"scores {{}} times ({{}} to {{}}) as much as the leader after {few}"
    told = "so it is better" if high < equal else "so it is worse" if low > equal else "which does not tell them apart"
    return f"{words.format(*map(rounded, (value, low, high)))}, on {count(len(last), 'fresh seed')}, {told}"


def _fresh_scores(results: Results, rule: str) -> dict[str, dict[str, np.ndarray]]:
    """Returns method -> config -> its scores by phases that confirm, of trials that ended; infinite if they failed."""
    trials = results.per_trial(rule)
    fresh = trials[~trials["trial"].isin(results.searched(rule)["trial"])].dropna(subset="value")
    scores: dict[str, dict[str, np.ndarray]] = {}
    for (method, config), part in fresh.groupby(["method", "config"], sort=False):
        scores.setdefault(str(method), {})[str(config)] = part["value"].to_numpy(np.float64)
    return scores


def _lengths(most: int) -> list[int]:
    """Returns `most`, and a half, a quarter ... of it, rounded up, down to 1, the shortest first."""
    lengths = [math.ceil(most / 2**halvings) for halvings in range(math.ceil(math.log2(max(most, 1))) + 1)]
    return sorted(set(lengths)) if most else []
