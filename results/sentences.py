"""The verdict in words: the answer, what it rests on, and what weakens it. Each sentence follows from `verdict`."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganscape.results import baselines, incumbents
from ganscape.results.cautions import cautions, searchers, unfinished
from ganscape.results.frames import Results
from ganscape.results.ranking import LEAST, LEVEL, MethodEstimate, Ranking
from ganscape.results.verdict import Verdict, best_configs, find_verdict
from ganscape.results.wording import count, join, rounded

if TYPE_CHECKING:
    import pandas as pd

NAMED = 4  # methods that a headline names; of more it tells the number
BLIND = {"untrained": "an untrained generator", "noise": "noise with the moments of real images"}


class Answer(NamedTuple):
    """headline: the answer, as sure as it is; evidence: the numbers behind it; cautions: what weakens it."""

    headline: str
    evidence: list[str]
    cautions: list[str]


def answer(results: Results, rule: str = "best", decision: Verdict | None = None) -> Answer:
    """Returns which method is best, as far as the sweep tells it, in sentences; decision: of `verdict.find_verdict`."""
    table = best_configs(results, rule)
    working = table[np.isfinite(table["median"].astype(float))]
    if working.empty:
        asked = table["trials"].sum()
        headline = "No configuration has worked on every seed yet." if asked else "No trial has been asked yet."
        return Answer(headline, unfinished(table), [])
    decision = find_verdict(results, rule) if decision is None else decision
    evidence = _ranked(decision, results, rule) if len(working) > 1 and not _tied(working) else []
    evidence += [*_best_found(decision, working, results), *_baselines(working, results)]
    return Answer(_headline(decision, working, results), evidence, unfinished(table) + cautions(results, table))


def describe(results: Results, rule: str = "best") -> list[str]:
    """Returns the sentences of `answer` one after the other."""
    found = answer(results, rule)
    return [found.headline, *found.evidence, *found.cautions]


def _tied(working: "pd.DataFrame") -> bool:
    return working["median"].nunique() == 1


def _headline(decision: Verdict, working, results) -> str:
    tried = int(working["configs"].sum())
    if blind := baselines.not_told_from(results.baseline_rows(), working["median"].iloc[0], tried):
        return f"No method is shown to work: the best configuration is not told from {BLIND[blind]}."
    if len(working) == 1:
        alone = len(results.methods()) == 1
        reason = "it is the only method" if alone else "no other method has a configuration that works"
        return f"Nothing to compare {working['method'].iloc[0]} with: {reason}."
    if _tied(working):
        return f"No method is better than another: the best configurations of all {len(working)} score the same."
    if decision.rule == "none":
        return "This sweep does not decide which method is best."
    if decision.winner:
        where = f"at a budget of {count(decision.k, 'configuration')}"
        if decision.rule == "fresh seeds":
            where = "by the best configuration of each, trained again on fresh seeds"
        if decision.search:
            contenders = decision.contenders
            named = join(contenders) if len(contenders) <= NAMED else f"the {len(contenders)} methods"
            how = f"the search leaves {named}, and fresh seeds of their best configurations tell it from the rest"
            return f"{decision.winner} is better than every other method: {how}."
        return f"{decision.winner} is better than every other method {where}."
    candidates = decision.candidates
    if not decision.worse:
        two, several = " from ".join(candidates), f"its {len(candidates)} methods apart"
        return f"No method is shown to be best: this sweep does not tell {two if len(candidates) == 2 else several}."
    names = join(candidates, "or") if len(candidates) <= NAMED else f"One of {len(candidates)} methods"
    worse = f"{join(decision.worse)} {'is' if len(decision.worse) == 1 else 'are'} worse"
    return f"{names} may be best, and this sweep does not tell them apart; {worse}."


def _ranked(decision: Verdict, results, rule) -> list[str]:
    """Returns what the methods are ranked by, with the estimates of the first and the next, and which test told them
    apart."""
    if decision.rule == "none":
        return _in_order(results, rule)
    estimates = decision.ranking.estimates
    if decision.of_fresh_seeds:
        what, unit = "Mean over fresh seeds", count(estimates[0].n, "seed")
    else:
        what = f"Expected best of {count(decision.k, 'configuration')} trained once"
        unit = count(min(estimate.n for estimate in estimates), "configuration")
    shown = estimates[: len(decision.candidates) + 1][:3]
    intervals = ", with 95 % intervals" if any(np.isfinite(estimate.low) for estimate in shown) else ""
    words = ", ".join(map(_estimate, shown))
    more = f" and {count(len(estimates) - len(shown), 'more method')}" if len(estimates) > len(shown) else ""
    text = f"{what}, from {unit} each{intervals}: {words}{more}."
    if decision.rule == "budget" and min(estimate.n for estimate in estimates) < LEAST:
        return [f"{text} With fewer than {LEAST} configurations of each nothing is tested."]
    if decision.search:
        searched = f" by the search, as the expected best of {count(decision.k, 'configuration')}"
        fresh = _told(decision.ranking, LEVEL / 2, " by fresh seeds")
        return [text, fresh, _told(decision.search, LEVEL / 2, searched)]
    return [text, _told(decision.ranking, LEVEL)]


def _told(ranking: Ranking, level: float, by: str = "") -> str:
    """Returns which rivals are told from the leader, by a test at this level over all of them; by: its name."""
    worse, rivals = ranking.at_level(level).worse, len(ranking.p)
    told = "all" if len(worse) == rivals else join(worse) if worse else "none"
    tests = f"{100 * level:g} % over {'all ' if rivals > 1 else ''}{count(rivals, 'comparison')}"
    return f"Told from {ranking.estimates[0].method}{by}{',' * bool(by)} at {tests}: {told}."


def _estimate(estimate: MethodEstimate) -> str:
    if np.isfinite(estimate.low):
        return f"{estimate.method} {rounded(estimate.value)} ({rounded(estimate.low)} to {rounded(estimate.high)})"
    return f"{estimate.method} {rounded(estimate.value)}"


def _best_found(decision: Verdict, working, results) -> list[str]:
    """Returns the configuration with the lowest median, and why its method may be another than the one that leads."""
    working = working[working["method"].isin(decision.contenders)] if decision.search else working
    best = working.iloc[0]
    metric, seeds = results.study.get("metric", "score"), len(best["scores"])
    tied = list(working.loc[working["median"] == best["median"], "method"])
    text = f"Best configuration: {join(tied)} with a median {metric} of {rounded(best['median'])}"
    text += " on its only seed" if seeds == 1 else f" over {seeds} seeds{_extent(best['low'], best['high'])}"
    others = working[~working["method"].isin(tied)]
    if len(others):
        second = others.iloc[0]
        text += f"; then {second['method']} with {rounded(second['median'])}{_extent(second['low'], second['high'])}"
    if len(tied) > 1 or not decision.ranking.estimates or decision.candidates[0] == best["method"]:
        return [f"{text}."]
    why = "a mean over seeds" if decision.of_fresh_seeds else "all configurations of a method"
    return [
        f"{text}. Methods are ranked by {why}, because the lowest score may be luck: so {decision.candidates[0]} leads."
    ]


def _baselines(working, results) -> list[str]:
    """Returns what scores are read by, and which methods are not told from a generator that has learnt nothing."""
    measured = results.baseline_rows()
    summaries = baselines.summarize_baselines(measured)
    if not summaries:
        return []
    words = {"real": "real images", "untrained": "untrained generators", "noise": "noise with their moments"}
    reached: list[str] = []
    for kind, name in words.items():
        if of_kind := [summary for summary in summaries if summary.kind == kind]:
            verb = "" if reached else " score"
            extent = _extent(min(summary.low for summary in of_kind), max(summary.high for summary in of_kind))
            mean = sum(summary.mean for summary in of_kind) / len(of_kind)
            reached.append(f"{name}{verb} {rounded(mean)}{extent}")
    text = join(reached)
    blind: dict[str, list[str]] = {kind: [] for kind in BLIND}
    for row in working.to_dict("records"):
        if unlearnt := baselines.not_told_from(measured, row["median"], int(row["configs"])):
            blind[unlearnt].append(row["method"])
    sentences = [f"For comparison: {text}."]
    for kind, methods in blind.items():
        if methods:
            is_or_are = "is" if len(methods) == 1 else "are"
            sentences.append(f"{join(methods)} {is_or_are} not told from {BLIND[kind]}.")
    return [" ".join(sentences)]


def _extent(low, high) -> str:
    """Returns a range in brackets, "" where both ends read the same."""
    words = rounded(low), rounded(high) if np.isfinite(high) else "a failure"
    return "" if words[0] == words[1] else f" ({words[0]} to {words[1]})"


def _in_order(results, rule) -> list[str]:
    """Returns the best score after all trials of searches that learn, whose trials are not averaged over orders."""
    curves = incumbents.of_study(results, rule)
    if len(curves) < 2:
        return []
    first, *later = results.search()
    order = f"in the order in which {searchers([first, *later])} asked"
    if results.begins_with_known():
        order = f"settings known beforehand first, in any order, then those of {searchers(later)}"
    k = min(map(len, curves.values()))
    ranked = sorted((curve["mean"][k - 1], method, curve.iloc[k - 1]) for method, curve in curves.items())
    several = len(results.searches()) > 1
    words = []
    for mean, method, row in ranked:
        bounds = f" (95 % interval {rounded(row['low'])} to {rounded(row['high'])})" if np.isfinite(row["low"]) else ""
        reached = rounded(mean) + (bounds if several else "") if np.isfinite(mean) else "not known, for all may fail"
        words.append(f"{method} {reached}")
    text = f"With a budget of {count(k, 'configuration')}, {order}, the best is on average: {join(words)}. "
    if several:
        return [f"{text}The intervals are over {len(results.searches())} searches."]
    return [
        f"{text}There is one search per method, so there is no interval, and this sweep does not decide the order of "
        "the methods."
    ]
