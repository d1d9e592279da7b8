"""What the numbers of a study allow one to say, as a table and as sentences with their cautions."""

from typing import TYPE_CHECKING

import numpy as np

from ganscape.results import budget, incumbents
from ganscape.results.frames import Results

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
]


def best_configs(results: Results, rule: str = "best") -> "pd.DataFrame":
    """One row per method, best first: its configuration with the lowest median over seeds.

    Columns: method config, scores (one per seed in seed order, +inf for a failed one), median mean sd low high of these
    (sd: between seeds, NaN for one seed), configs and trials (asked), finished (failed ones included), failed,
    confirmed. Only configurations with every seed finished take part; config is "" when none of a method worked.
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
    cautions += [caution(results) for caution in (_order_of_search, _authors_first, _stopped)]
    return [_winner(found, results), *_comparison(results, rule), *_progress(table), *filter(None, cautions)]


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
    return method, config, score.tolist(), median, mean, sd, low, high, *amounts, confirmed


def _winner(found, results):
    best, others = found.iloc[0], found.iloc[1:]
    metric, seeds = results.study["metric"], len(best["scores"])
    if seeds == 1:
        text = f"{best['method']} has the best configuration: {metric} {number(best['median'])} on its only seed"
    else:
        text = (
            f"{best['method']} has the best configuration: median {metric} {number(best['median'])} over {seeds} seeds"
        )
        text += f" ({_extent(best['low'], best['high'])})"
    if len(others):
        second = others.iloc[0]
        reach = f"{number(second['median'])} ({_extent(second['low'], second['high'])})"
        text += f"; the best of {second['method']} reaches {reach}"
        if second["low"] <= best["high"]:
            text += ", and the seeds of the two overlap"
    return text + "."


def _extent(low, high):
    return f"{number(low)} to {number(high) if np.isfinite(high) else 'a failure'}"


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


def _authors_first(results):
    spaces = results.study.get("methods", {}).values()
    first, *later = results.search()
    drawn = first["searcher"] == "random" and not later and results.exchangeable()
    if drawn and any(space.get("defaults") for space in spaces):
        return "The first configuration of each method is its authors' setting, though the curves treat it as a draw."
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
