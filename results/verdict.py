"""What the numbers of a study allow one to say, as a table and as sentences with their cautions."""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from ganscape.results import budget, incumbents
from ganscape.results.frames import Results
from ganscape.results.statistics import log_scale

if TYPE_CHECKING:
    import pandas as pd

FEW_CONFIGS = 20
FEW_SEEDS = 5
COLUMNS = [
    "method",
    "config",
    "scores",
    "median",
    "mean",
    "sd",
    "low",
    "high",
    "configs",
    "trials",
    "finished",
    "failed",
    "confirmed",
    "stopped",
]
EDGE = 0.05  # of a range, at either end
LEVEL = 0.05  # of a claim that one method is better than all others


class Claim(NamedTuple):
    """Which method this sweep shows to be better than every other one, if any.

    rule: "fresh seeds" (Welch's test of the confirmed trials, corrected for the number of rivals), "budget" (intervals
    of the expected best of `k` configs do not overlap), or "none" where neither can be asked.
    winner: the method, "" where it is not told from all others. rivals: those that it, or the leader, is not told from.
    """

    rule: str
    leader: str
    winner: str
    rivals: tuple[str, ...]
    k: int = 0


def best_configs(results: Results, rule: str = "best") -> "pd.DataFrame":
    """One row per method, best first: its configuration with the lowest median over seeds.

    Columns: method config, scores (one per seed in seed order, +inf for a failed one), median mean sd low high of these
    (sd: between seeds, NaN for one seed), configs and trials (asked), finished (failed ones and those
    stopped early included), failed, confirmed, stopped (early). Only configurations with every seed finished take part;
    config is "" when none of a method worked.
    Where the search was followed by trials of the chosen configuration on fresh seeds (confirmed), and all of them
    are finished, the scores are theirs and no others.
    """
    import pandas as pd

    searched, fresh = (
        each.sort_values("seed", kind="stable") for each in (results.searched(rule), results.confirmed(rule))
    )
    rows = [
        _best_config(method, searched[searched["method"] == method], fresh[fresh["method"] == method])
        for method in results.methods()
    ]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("median", kind="stable", ignore_index=True)


def sentences(results: Results, rule: str = "best") -> list[str]:
    """The verdict: what was found, whether it is told apart, and every caution that applies."""
    table = best_configs(results, rule)
    found = table[np.isfinite(table["median"].astype(float))]
    if found.empty:
        first = (
            "No configuration has worked on every seed yet."
            if table["trials"].sum()
            else "No trial has been asked yet."
        )
        return [first, *_progress(table)]
    cautions = [_few(table), _winners_curse(table)]
    cautions += [caution(results) for caution in (_order_of_search, _defaults_first, _stopped)]
    edge = _at_the_edge(results, found.iloc[0])
    decision = claim(results, rule)
    opening = [_decided(decision, found, results), _lowest(found, results)]
    return [
        *opening,
        *_fresh(decision),
        *_comparison(results, rule),
        *_progress(table),
        *filter(None, [*cautions, edge]),
    ]


def number(value: float) -> str:
    """Four significant digits, thousands separated: 12.34, 0.1234, 12,345."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def count(amount: int, noun: str) -> str:
    """1 seed, 2 seeds."""
    return f"{amount:,} {noun}" + ("" if amount == 1 else "s")


def _best_config(method, trials, fresh):
    counted = [*trials["status"], *fresh["status"]]
    failed, finished = counted.count("failed"), len(counted) - counted.count("running")
    groups = trials.groupby("config", sort=False)["value"]
    medians = groups.median()[groups.count() == groups.size()]
    config = medians.idxmin() if len(medians) and np.isfinite(medians.min()) else ""
    median = medians[config] if config else np.inf
    score = trials.loc[trials["config"] == config, "value"].to_numpy()
    again = fresh.loc[fresh["config"] == config, "value"].to_numpy()
    confirmed = bool(len(again)) and not np.isnan(again).any()
    if confirmed:
        median, score = float(np.median(again)), again
    finite = score[np.isfinite(score)]
    sd = finite.std(ddof=1) if len(finite) > 1 else np.nan
    mean, low, high = (score.mean(), score.min(), score.max()) if len(score) else (np.nan, np.nan, np.nan)
    amounts = len(groups), len(counted), finished, failed
    early = counted.count("stopped")
    return method, config, score.tolist(), median, mean, sd, low, high, *amounts, confirmed, early


def claim(results: Results, rule: str = "best") -> Claim:
    """The one comparison that a study is judged by: fresh seeds where all methods have them, else the budget."""
    table = best_configs(results, rule)
    table = table[np.isfinite(table["median"].astype(float))]
    if len(table) < 2:
        return Claim("none", table["method"].iloc[0] if len(table) else "", "", ())
    leader, *others = table["method"]
    fresh = table.set_index("method")
    if fresh["confirmed"].all() and (fresh["scores"].map(len) > 1).all():
        scores = {method: np.asarray(row, dtype=np.float64) for method, row in fresh["scores"].items()}
        rivals = [other for other in others if not _told_apart(scores[leader], scores[other], len(others))]
        return Claim("fresh seeds", leader, "" if rivals else leader, tuple(rivals))
    means, bounds, k = _expected(results, rule)
    ranked = sorted(means, key=means.__getitem__)
    known = not results.begins_with_known() and results.exchangeable() and len(ranked) == len(results.methods())
    if not known or len(ranked) < 2 or not all(np.isfinite(bounds[method]).all() for method in ranked):
        return Claim("none", leader, "", tuple(others))
    first, *later = ranked
    rivals = [method for method in later if not bounds[method][0] > bounds[first][1]]
    return Claim("budget", first, "" if rivals else first, tuple(rivals), k)


def _told_apart(low, high, tests: int) -> bool:
    """Whether the first scores are lower by Welch's test on their logarithm, corrected for a number of tests."""
    if not (np.isfinite(low).all() and np.isfinite(high).all()) or (np.ptp(low) == 0 and np.ptp(high) == 0):
        return False
    scale = log_scale(np.concatenate([low, high]))
    low, high = scale(low), scale(high)
    return bool(low.mean() < high.mean() and stats.ttest_ind(low, high, equal_var=False).pvalue * tests < LEVEL)


def _expected(results, rule) -> tuple[dict[str, float], dict[str, tuple[float, float]], int]:
    """Expected best of k configs by method where it is finite, its intervals, and k."""
    trials = results.searched(rule)
    scores = {method: budget.replicates(trials, method) for method in results.methods()}
    scores = {method: score for method, score in scores.items() if len(score)}
    k = max(1, min(map(len, scores.values()), default=0) // 2)
    means = {method: budget.expected_best(score, k) for method, score in scores.items()}
    means = {method: mean for method, mean in means.items() if np.isfinite(mean)}
    return means, {method: budget.interval(scores[method], k) for method in means}, k


def _decided(decision, found, results):
    """The answer in one sentence, as sure as the claim is."""
    if len(found) == 1:
        alone = len(results.methods()) == 1
        reason = "it is the only method" if alone else "no other method has a configuration that works"
        return f"Nothing to compare {decision.leader} with: {reason}."
    if found["median"].nunique() == 1:
        return f"No method is better than another: the best configurations of all {len(found)} score the same."
    configs = count(decision.k, "configuration")
    if decision.winner:
        if decision.rule == "fresh seeds":
            return f"{decision.winner} is better than every other method on fresh seeds of its best configuration."
        return f"{decision.winner} is better than every other method at a budget of {configs}."
    if decision.rule == "none":
        return "This sweep does not decide which method is best."
    where = "on fresh seeds" if decision.rule == "fresh seeds" else f"at a budget of {configs}"
    rivals = _list(decision.rivals)
    return f"No method is shown to be best: {decision.leader} leads {where}, but is not told from {rivals}."


def _lowest(found, results):
    best, others = found.iloc[0], found.iloc[1:]
    metric, seeds = results.study["metric"], len(best["scores"])
    tied = list(found.loc[found["median"] == best["median"], "method"])
    text = f"Lowest median {metric}: {number(best['median'])} by {_list(tied)}"
    text += " on its only seed" if seeds == 1 else f" over {seeds} seeds{_extent(best['low'], best['high'])}"
    others = others[~others["method"].isin(tied)]
    if len(others):
        second = others.iloc[0]
        text += f"; then {second['method']} with {number(second['median'])}{_extent(second['low'], second['high'])}"
        if second["low"] <= best["high"]:
            text += ", and the seeds of the two overlap"
    return text + "."


def _fresh(decision):
    if decision.rule != "fresh seeds":
        return []
    outcome = f"does not tell it from {_list(decision.rivals)}" if decision.rivals else "tells it from all others"
    return [f"On fresh seeds {decision.leader} leads; Welch's test at 5 %, corrected for all rivals, {outcome}."]


def _extent(low, high):
    """A range in brackets, nothing where both ends read the same."""
    words = number(low), number(high) if np.isfinite(high) else "a failure"
    return "" if words[0] == words[1] else f" ({words[0]} to {words[1]})"


def _at_the_edge(results, best):
    """Which settings of the best config lie within the outer twentieth of their range."""
    dimensions = results.study.get("methods", {}).get(best["method"], {}).get("dimensions", {})
    settings, words = results.settings(best["config"]), []
    for name, dimension in dimensions.items():
        low, high = dimension.get("low"), dimension.get("high")
        value = settings.get(name, settings.get("g_lr") if name == "learning_rate" else None)
        if not all(isinstance(bound, int | float) for bound in (low, high, value)) or not low < high:
            continue
        scale = math.log if dimension.get("kind") == "LogUniform" and low > 0 and value > 0 else float
        unit = (scale(value) - scale(low)) / (scale(high) - scale(low))
        if unit < EDGE or unit > 1 - EDGE:
            words.append(f"{name} {number(value)} (range {number(low)} to {number(high)})")
    if not words:
        return ""
    return (
        f"The best configuration of {best['method']} lies at the edge of its range in {_list(words)}: a wider range "
        "may hold a better one."
    )


def _comparison(results, rule):
    trials = results.searched(rule)
    scores = {method: budget.replicates(trials, method) for method in results.methods()}
    scores = {method: score for method, score in scores.items() if len(score)}
    if len(scores) < 2:
        return []
    if results.begins_with_known() or not results.exchangeable():
        return _in_order(results, rule)
    k = max(1, min(map(len, scores.values())) // 2)
    means = {method: budget.expected_best(score, k) for method, score in scores.items()}
    ranked = sorted((mean, method) for method, mean in means.items() if np.isfinite(mean))
    undecided = [method for method in scores if not np.isfinite(means[method])]
    note = f" {_list(undecided)} failed too often for an expectation at this budget." if undecided else ""
    if len(ranked) < 2:
        return [f"At a budget of {count(k, 'configuration')} fewer than two methods can be compared.{note}"]
    stated = [(method, mean, budget.interval(scores[method], k)) for mean, method in ranked]
    if not all(np.isfinite(bounds).all() for _, _, bounds in stated):
        words = _list([f"{method} {number(mean)}" for method, mean, _ in stated])
        text = f"At a budget of {count(k, 'configuration')} the expected best is: {words}. "
        return [text + f"There are too few configurations for intervals, so nothing is decided.{note}"]
    words = [f"{number(mean)} for {method}{_interval(bounds)}" for method, mean, bounds in stated[:2]]
    text = f"With a budget of {count(k, 'configuration')} the expected best is {words[0]} and {words[1]}: "
    rivals = [method for method, _, bounds in stated[1:] if not bounds[0] > stated[0][2][1]]
    if rivals:
        text += f"the intervals overlap, so this sweep does not tell {stated[0][0]} from {_list(rivals)}."
    else:
        text += f"the intervals do not overlap, which speaks for {stated[0][0]}."
    return [text + note]


def _in_order(results, rule):
    """Where the order of trials matters nothing is averaged over orders, and only whole searches have an interval."""
    curves = incumbents.of_study(results, rule)
    if len(curves) < 2:
        return []
    first, *later = results.search()
    order = f"in the order in which {_searchers([first, *later])} asked"
    if results.begins_with_known():
        order = f"settings known beforehand first, in any order, then those of {_searchers(later)}"
    k = min(map(len, curves.values()))
    ranked = sorted((curve["mean"][k - 1], method, curve.iloc[k - 1]) for method, curve in curves.items())
    several = len(results.searches()) > 1
    words = []
    for mean, method, row in ranked:
        bounds = _interval((row["low"], row["high"])) if several else ""
        words.append(f"{method} {number(mean) + bounds if np.isfinite(mean) else 'not known, for all may fail'}")
    text = f"With a budget of {count(k, 'configuration')}, {order}, the best is on average: {_list(words)}. "
    if several:
        return [f"{text}The intervals are over {len(results.searches())} searches."]
    return [
        f"{text}There is one search per method, so there is no interval, and this sweep does not decide the order of "
        "the methods."
    ]


def _searchers(phases):
    names = list(dict.fromkeys(f"'{phase['searcher']}'" for phase in phases))
    return f"the {'searcher' if len(names) == 1 else 'searchers'} {_list(names)}"


def _interval(bounds):
    return (
        f" (95 % interval {number(bounds[0])} to {number(bounds[1])})"
        if np.isfinite(bounds).all()
        else " (no interval)"
    )


def _progress(table):
    trials, finished, failed = (int(table[name].sum()) for name in ("trials", "finished", "failed"))
    said = (
        [f"This is an intermediate view: {finished:,} of {count(trials, 'trial')} are finished."]
        if finished < trials
        else []
    )
    if failed:
        said.append(f"{failed:,} of {count(finished, 'finished trial')} failed; each counts as worse than any score.")
    return said


def _few(table):
    configs, seeds = table["configs"].max(), max(map(len, table["scores"]))
    little = [count(configs, "configuration") + " per method"] if configs < FEW_CONFIGS else []
    little += [count(seeds, "seed") + " per configuration"] if seeds < FEW_SEEDS else []
    return (
        f"This is little evidence ({' and '.join(little)}): take the order of the methods as provisional."
        if little
        else ""
    )


def _winners_curse(table):
    configs, chosen = table["configs"].max(), table[table["config"] != ""]
    if len(chosen) and chosen["confirmed"].all():
        return (
            "The best configuration of each method was chosen by the scores of the search and then trained again: its "
            f"numbers here are those of {count(max(map(len, chosen['scores'])), 'fresh seed')}."
        )
    return configs > 1 and (
        f"The best of {count(configs, 'configuration')} looks better than it is, because it was chosen by the same "
        "scores; train it again with fresh seeds before quoting its number."
    )


def _defaults_first(results):
    spaces = results.study.get("methods", {}).values()
    first, *later = results.search()
    drawn = first["searcher"] == "random" and not later and results.exchangeable()
    if drawn and any(space.get("defaults") for space in spaces):
        return "Defaults of the study were tried first, though the curves treat them as random draws."
    return ""


def _order_of_search(results):
    if results.learning():
        return (
            f"Configurations of {_searchers(results.learning())} were chosen by the scores of earlier ones and not "
            "drawn at random: they tell what this search found and not what another would, and tests of pairs leave "
            "them out."
        )
    others = [phase for phase in results.search() if phase["searcher"] != "random"]
    return others and (
        f"The configurations of {_searchers(others)} were not drawn at random: read the budget curves as a description "
        "of these trials and not as what another search would find."
    )


def _stopped(results):
    amount = int((results.per_trial()["status"] == "stopped").sum())
    return amount and (
        f"{count(amount, 'trial')} stopped early, for what others scored: each counts with the score it had."
    )


def _list(names):
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
