"""Statistics of the scores of one method, with intervals. Lower is better, +inf for a failed run.

Every interval is at `level` (0.95); its docstring states its assumptions, and docs/statistics.md how often it covered
the truth in simulations, also where these do not hold. For intervals of the best score see `budget.interval`.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtri, fdtri, ndtri, stdtrit

from ganscape.results.frames import Results

if TYPE_CHECKING:
    import pandas as pd


class Interval(NamedTuple):
    """An estimate and its interval; low and high are NaN if there is none."""

    value: float
    low: float
    high: float


class Components(NamedTuple):
    """Components of the variance of scores.

    configs, seeds: standard deviations between configs and between seeds of a config.
    share: share of the variance that is between configs.
    groups, scores: how many configs and scores they were computed from.
    """

    configs: float
    seeds: Interval
    share: Interval
    groups: int
    scores: int


class NestedComponents(NamedTuple):
    """Components of the variance of scores of configs that were trained with several seeds and sampled several times.

    configs, seeds, draws: standard deviations between configs, between training seeds of a config, and between draws of
      samples from one generator.
    ratio: the deviation between training seeds over that between draws.
    """

    configs: Interval
    seeds: Interval
    draws: Interval
    ratio: Interval


def mean(scores, level: float = 0.95) -> Interval:
    """Returns the mean with Student's interval. Assumes normal scores, or many."""
    x = np.asarray(scores, dtype=np.float64)
    if len(x) < 2 or not np.isfinite(x).all():
        return Interval(float(x.mean()) if len(x) else np.nan, np.nan, np.nan)
    reach = stdtrit(len(x) - 1, (1 + level) / 2) * x.std(ddof=1) / math.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - reach), float(x.mean() + reach))


def difference_of_means(x, y, level: float = 0.95) -> Interval:
    """Returns the mean of x less that of y with Welch's interval. Assumes independent normal scores, or many."""
    x, y = (np.asarray(scores, dtype=np.float64) for scores in (x, y))
    value = float(x.mean()) - float(y.mean()) if len(x) and len(y) else np.nan
    if min(len(x), len(y)) < 2 or not np.isfinite(value):
        return Interval(value, np.nan, np.nan)
    errors = [scores.var(ddof=1) / len(scores) for scores in (x, y)]
    parts = sum(error**2 / (len(scores) - 1) for error, scores in zip(errors, (x, y), strict=True))
    freedom = sum(errors) ** 2 / parts if parts else np.inf
    reach = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(sum(errors)) if parts else 0.0
    return Interval(value, value - reach, value + reach)


def share(successes: int, count: int, level: float = 0.95) -> Interval:
    """Returns a proportion with Wilson's interval. Assumes independent runs."""
    if count == 0:
        return Interval(np.nan, np.nan, np.nan)
    found, z = successes / count, ndtri((1 + level) / 2)
    centre = (found + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * math.sqrt(found * (1 - found) / count + z**2 / (4 * count**2))
    low, high = max(0.0, centre - reach), min(1.0, centre + reach)
    return Interval(found, float(low) if successes else 0.0, float(high) if successes < count else 1.0)


def variance_components(groups, level: float = 0.95) -> Components:
    """Returns the variance components of score = mean + effect of the config + effect of the seed, both normal.

    groups: one array of scores per config, of any numbers of seeds; the caller leaves out failed runs.

    Moments of the analysis of variance (Searle, Casella and McCulloch 1992, 3.6); a negative variance between configs
    is 0. The interval of the seeds' deviation is exact (chi-square). That of the share is exact if all configs have
    equally many seeds, else by Thomas and Hultquist (1978), with the harmonic mean of the numbers of seeds. For a
    single config the other components are NaN.
    """
    groups = [np.asarray(group, dtype=np.float64) for group in groups if len(group)]
    sizes = np.array([len(group) for group in groups])
    total, count = int(sizes.sum()), len(groups)
    nothing = Interval(np.nan, np.nan, np.nan)
    if total == count:
        return Components(np.nan, nothing, nothing, count, total)
    means = np.array([group.mean() for group in groups])
    within = sum(((group - group.mean()) ** 2).sum() for group in groups) / (total - count)
    tails = (1 + level) / 2, (1 - level) / 2
    reach = [math.sqrt(within * (total - count) / chdtri(total - count, 1 - tail)) for tail in tails]
    seeds = Interval(math.sqrt(within), *reach)
    if count == 1:
        return Components(np.nan, seeds, nothing, count, total)
    centre = np.concatenate(groups).mean()
    between = (sizes * (means - centre) ** 2).sum() / (count - 1)
    typical = (total - (sizes**2).sum() / total) / (count - 1)
    configs = max(0.0, (between - within) / typical)
    if within == 0:
        one = 1.0 if configs > 0 else np.nan
        return Components(math.sqrt(configs), seeds, Interval(one, np.nan, np.nan), count, total)
    harmonic = count / (1 / sizes).sum()
    ratio = harmonic * means.var(ddof=1) / within
    bounds = [ratio / fdtri(count - 1, total - count, tail) for tail in tails]
    low, high = (min(max((bound - 1) / (bound - 1 + harmonic), 0.0), 1.0) for bound in bounds)
    return Components(math.sqrt(configs), seeds, Interval(configs / (configs + within), low, high), count, total)


def nested_components(scores, level: float = 0.95) -> NestedComponents:
    """Returns the variance components of score = mean + effects of config, training seed and draw, all normal.

    scores: [configs, seeds, draws], finite, at least two of each.

    Moments of the analysis of variance of a nested design; a negative variance is 0. The intervals of `draws` and
    `ratio` are exact, by chi-square and F; those of the other two are the modified large-sample intervals of Ting,
    Burdick, Graybill, Jeyaratnam and Lu (1990).

    Raises:
      ValueError: for another shape, or scores that are not finite.
    """
    x = np.asarray(scores, dtype=np.float64)
    if x.ndim != 3 or min(x.shape) < 2 or not np.isfinite(x).all():
        raise ValueError(f"scores of shape {x.shape}: expected [configs, seeds, draws], finite, at least two of each")
    configs, seeds, draws = x.shape
    of_seeds, of_configs = x.mean(axis=2), x.mean(axis=(1, 2))
    freedom = configs - 1, configs * (seeds - 1), configs * seeds * (draws - 1)
    squares = (
        seeds * draws * ((of_configs - x.mean()) ** 2).sum() / freedom[0],
        draws * ((of_seeds - of_configs[:, None]) ** 2).sum() / freedom[1],
        ((x - of_seeds[:, :, None]) ** 2).sum() / freedom[2],
    )
    tails = (1 + level) / 2, (1 - level) / 2
    reach = [math.sqrt(squares[2] * freedom[2] / chdtri(freedom[2], 1 - tail)) for tail in tails]
    quotient = squares[1] / squares[2] if squares[2] else np.nan
    bounds = [quotient / fdtri(freedom[1], freedom[2], tail) for tail in tails]
    ratio = [math.sqrt(max(bound - 1, 0.0) / draws) for bound in (quotient, *bounds)]
    return NestedComponents(
        _difference_deviation(squares[:2], freedom[:2], seeds * draws, level),
        _difference_deviation(squares[1:], freedom[1:], draws, level),
        Interval(math.sqrt(squares[2]), *reach),
        Interval(*ratio),
    )


def _difference_deviation(squares, freedom, count: int, level: float) -> Interval:
    """Returns the root of (squares[0] - squares[1]) / count, a variance component, with its modified large-sample
    interval. squares: two independent mean squares, with so many degrees of freedom."""
    upper, lower = (1 + level) / 2, (1 - level) / 2
    reduced = [1 - n / chdtri(n, 1 - upper) for n in freedom]
    raised = [n / chdtri(n, 1 - lower) - 1 for n in freedom]
    high, low = (fdtri(*freedom, tail) for tail in (upper, lower))
    both_low = ((high - 1) ** 2 - (reduced[0] * high) ** 2 - raised[1] ** 2) / high
    both_high = ((1 - low) ** 2 - (raised[0] * low) ** 2 - reduced[1] ** 2) / low
    product, difference = squares[0] * squares[1], squares[0] - squares[1]
    below = (reduced[0] * squares[0]) ** 2 + (raised[1] * squares[1]) ** 2 + both_low * product
    above = (raised[0] * squares[0]) ** 2 + (reduced[1] * squares[1]) ** 2 + both_high * product
    values = (difference, difference - math.sqrt(max(below, 0.0)), difference + math.sqrt(max(above, 0.0)))
    return Interval(*(math.sqrt(max(value, 0.0) / count) for value in values))


def profile(scores, thresholds, level: float = 0.95) -> "pd.DataFrame":
    """Returns the share of runs with a score at or below each threshold: columns threshold share low high.

    scores: [configs] or [configs, seeds]; a failed run reaches no threshold. The band holds for all thresholds at once
    (Dvoretzky, Kiefer and Wolfowitz 1956, Massart 1990). Assumes independently drawn configs, which n counts.
    """
    import pandas as pd

    scores = np.asarray(scores, dtype=np.float64)
    thresholds = np.asarray(thresholds, dtype=np.float64)
    reached = np.searchsorted(np.sort(scores, axis=None), thresholds, side="right") / scores.size
    reach = math.sqrt(math.log(2 / (1 - level)) / (2 * len(scores)))
    low, high = (reached - reach).clip(0), (reached + reach).clip(max=1)
    return pd.DataFrame({"threshold": thresholds, "share": reached, "low": low, "high": high})


def top_share(scores, share: float = 0.05) -> np.ndarray:
    """Returns the ceil(share * n) lowest scores, ascending (Kurach et al. 2019, Figs. 1 to 4); failures count in n."""
    if not 0 < share <= 1:
        raise ValueError(f"share = {share} is outside (0, 1]")
    scores = np.asarray(scores, dtype=np.float64)
    return np.sort(scores, axis=None)[: math.ceil(round(share * scores.size, 9))]


def selection_bias(table) -> dict[str, float]:
    """Returns how much worse the best config is on other seeds than on the seed that selected it.

    table: [configs, seeds]. Each seed selects a config in turn: "reported" is its score on that seed, "again" its mean
    over the other seeds, "selection_bias" their difference, all averaged over the selecting seeds. These share data, so
    there is no interval. NaN for one seed; infinite if a selected config fails on another seed.
    """
    table = np.asarray(table, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 1 or table.shape[1] < 2 or np.isinf(table).all(axis=0).any():
        return dict.fromkeys(("reported", "again", "selection_bias"), np.nan)
    chosen, seeds = table.argmin(axis=0), np.arange(table.shape[1])
    reported = table[chosen, seeds]
    others = [np.delete(table[config], seed).mean() for config, seed in zip(chosen, seeds, strict=True)]
    means = {"reported": float(reported.mean()), "again": float(np.mean(others))}
    return means | {"selection_bias": means["again"] - means["reported"]}


def shrunken_best(table) -> Interval:
    """Returns the expected score on fresh seeds of the config with the lowest mean, its best linear prediction.

    table: [configs, seeds], finite. The lowest mean is shrunk towards the mean of all configs by the share of its
    variance that is due to seeds. The interval is for the config's true mean, and takes the variance components
    (`variance_components`) as known.
    """
    table = np.asarray(table, dtype=np.float64)
    components = variance_components(table)
    if not np.isfinite(components.share.value) or not np.isfinite(table).all():
        return Interval(np.nan, np.nan, np.nan)
    noise, between = components.seeds.value**2 / table.shape[1], components.configs**2
    weight = between / (between + noise)
    value = weight * table.mean(axis=1).min() + (1 - weight) * table.mean()
    reach = ndtri(0.975) * math.sqrt(weight * noise + (1 - weight) ** 2 * (between + noise) / len(table))
    return Interval(value, value - reach, value + reach)


def seed_variance(results: Results, rule: str = "best") -> "pd.DataFrame":
    """Returns the variance components of each method.

    Columns method configs scores failed seed low high config share share_low share_high. seed, config: standard
    deviations of the natural logarithm of the score if all are positive (0.1 is about 10 %), else of the score. low,
    high: interval of `seed`. share: share of the variance that is between configs. Seeds of confirming phases count
    like any other.
    """
    import pandas as pd

    trials = results.per_trial(rule)
    scale = log_scale(trials["value"])
    rows = []
    for method in results.methods():
        value = trials.loc[trials["method"] == method].set_index("config")["value"]
        finite = value[np.isfinite(value)]
        if finite.index.has_duplicates:
            codes = finite.index.factorize()[0]
            order = np.argsort(codes, kind="stable")
            starts = np.flatnonzero(np.diff(codes[order])) + 1
            parts = variance_components(np.split(scale(finite.to_numpy())[order], starts))
        else:  # one seed each, however many configs
            parts = variance_components([])._replace(groups=len(finite), scores=len(finite))
        rows.append((method, parts.groups, parts.scores, int(np.isinf(value).sum()), *parts.seeds, parts.configs,
                     *parts.share))  # fmt: skip
    columns = ["method", "configs", "scores", "failed", "seed", "low", "high", "config", "share", "share_low",
               "share_high"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def selection(results: Results, rule: str = "best") -> "pd.DataFrame":
    """Returns, for each method, the score by which its best config was selected and its score on other seeds.

    Columns method seeds reported again selection_bias (see that function) fresh fresh_low fresh_high fresh_seeds.
    fresh: the mean over seeds that only chosen configs were trained with, with Student's interval, on the logarithmic
    scale if all are positive; NaN without such seeds.
    """
    import pandas as pd

    from ganscape.results.budget import replicates

    searched, trials, rows = results.searched(rule), results.per_trial(rule), []
    for method in results.methods():
        table = replicates(searched, method)
        later = _fresh_scores(trials[trials["method"] == method])
        rows.append(
            (method, table.shape[1], *selection_bias(table).values(), *on_log_scale(mean(later), later), len(later))
        )
    columns = [
        "method",
        "seeds",
        "reported",
        "again",
        "selection_bias",
        "fresh",
        "fresh_low",
        "fresh_high",
        "fresh_seeds",
    ]
    return pd.DataFrame(rows, columns=columns)


def log_scale(scores):
    """Returns np.log if all finite scores are positive, else the identity."""
    finite = np.asarray(scores)[np.isfinite(scores)]
    return np.log if finite.size and (finite > 0).all() else np.positive


def on_log_scale(interval: Interval, scores) -> Interval:
    """Returns the interval of a mean, on the logarithmic scale to first order if all scores are positive."""
    if not np.isfinite(interval).all() or not (np.asarray(scores) > 0).all():
        return interval
    factor = math.exp((interval.high - interval.value) / interval.value)
    return Interval(interval.value, interval.value / factor, interval.value * factor)


def _fresh_scores(trials) -> np.ndarray:
    """Returns the scores of the chosen config on the seeds that only chosen configs were trained with.

    The chosen config has the lowest median on the seeds of all configs.
    """
    counts = trials.groupby("config")["seed"].transform("size")
    if trials.empty or counts.min() == counts.max():
        return np.array([])
    common = trials["seed"].isin(trials.loc[counts == counts.min(), "seed"])
    again = trials[counts > counts.min()]
    chosen = again[common.loc[again.index]].groupby("config", sort=False)["value"].median().idxmin()
    return again.loc[(again["config"] == chosen) & ~common, "value"].dropna().to_numpy()
