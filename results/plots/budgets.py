"""Quality against budget: in configurations, images or seconds, of random searches and of those that learn."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ganscape.errors import check_name
from ganscape.results import budget, incumbents
from ganscape.results.frames import Results
from ganscape.results.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = 4  # intervals of a curve that are drawn as bars, side by side; more are a band
UNITS = {"images": "real images seen", "seconds": "device-seconds", "cpu_seconds": "CPU-seconds of workers"}


def budget_curves(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws the expected best score against the number of configurations tried, one line per method.

    Line: formula U of `budget`, averaged over seed replicates, solid up to half the configurations and dashed beyond.
    Band, or bars where few budgets have one: 95 % jackknife-t interval of that expectation, over configurations, where
    the line is solid. For budgets that may meet only failures the expectation is infinite: a dotted line with open
    markers shows the median best instead. Says why instead where configs are no independent draws.
    """
    label = f"expected best {canvas.metric(results)}"
    return _curves(results, rule, ax, budget.expected_best_curves, label, "")


def lucic_budget_curves(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws Fig. 4 of Lucic et al. 2018: mean and one standard deviation of the best of k drawn with replacement.

    The band is the spread of what a search finds and no confidence interval; the mean is biased upwards.
    """
    note = "\nmean and one sd of draws with replacement, as Lucic et al. 2018, Fig. 4"
    return _curves(results, rule, ax, budget.lucic_curves, f"best {canvas.metric(results)}", note)


def cost_curves(results: Results, rule: str = "best", ax: "Axes | None" = None, unit: str = "seconds") -> "Axes":
    """Draws the median best score against what was spent, over random orders of the configurations, with 5 to 95 %
    quantiles.

    unit: "images", "seconds" or "cpu_seconds". The band is the spread of what one search finds, no confidence interval;
    a line begins where half of the orders have a score. Dashed beyond half of what the method spent. Says why instead
    where configs are no independent draws.
    """
    check_name("unit", unit, UNITS, ValueError)
    ax, drawn = _canvas(results, ax), []
    if refusal := _no_draws(results):
        return canvas.empty_axes(ax, refusal)
    for method, curve in incumbents.by_cost_of_study(results, rule, unit).items():
        look, shape = canvas.style(results, method), budget.replicates(results.searched(rule), method).shape
        median = curve["median"].where(np.isfinite(curve["median"]))
        half, every = curve["cost"] <= curve["cost"].iloc[-1] / 2, [*range(9, len(curve), 20), len(curve) - 1]
        ax.plot(curve["cost"], median, linestyle="--", linewidth=1.1, markevery=every, markersize=5, **look)
        ax.plot(curve["cost"], median.where(half), linewidth=2, markevery=every, markersize=5, **look,
                label=f"{canvas.name(method)} ({canvas.extent(*shape)})")  # fmt: skip
        band = curve[np.isfinite(curve["q95"]) & half]
        ax.fill_between(band["cost"], band["q05"], band["q95"], color=look["color"], alpha=0.1, linewidth=0)
        drawn.append(curve)
    canvas.separate_thousands(ax.xaxis)
    return _finish(results, rule, ax, drawn, ["median"], f"budget: {UNITS[unit]} per search",
                   f"median best {canvas.metric(results)}", "\nband: 5 to 95 % of random orders")  # fmt: skip


def incumbent_curves(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws the best score so far in the order asked, for searches that learn: their configurations are no independent
    draws.

    Line: the mean over the seeds of each configuration; thin lines: each seed by itself. One search per method has no
    interval. Of several folders each is a search: line and thin lines are their mean and each of them, and the band is
    Student's 95 % interval of the mean over searches.
    """
    ax, drawn = _canvas(results, ax), []
    for method, curve in incumbents.of_study(results, rule).items():
        each = [budget.replicates(part.searched(rule), method) for part in results.searches()]
        if not np.isfinite(np.concatenate([scores.ravel() for scores in each])).any():
            continue
        look = canvas.style(results, method)
        for scores in each:
            best = np.minimum.accumulate(scores, axis=0)
            shown = np.where(np.isfinite(best), best, np.nan)
            ax.step(range(1, len(best) + 1), shown, where="post", color=look["color"], alpha=0.3, linewidth=0.8)
        _in_order(ax, curve, f"{canvas.name(method)} ({canvas.extent(*each[0].shape)})", look, "steps-post")
        drawn.append(curve)
    return _finish(results, rule, ax, drawn, ["mean", "best"], "configurations, in the order asked",
                   f"best {canvas.metric(results)} so far", _over_searches(results))  # fmt: skip


def mixed_budget_curves(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws Figs. 1 to 4 of Kurach et al. 2019: the best of k for a practitioner who tries the known settings first,
    then the searcher's.

    Line: the best, averaged over all draws of the known settings (the authors' of the study's definition, open
    markers), then over the search that followed, in its order. One search per method has no interval; of several
    folders each is a search, and the band is Student's 95 % interval of the mean over them.
    """
    ax, drawn = _canvas(results, ax), []
    for method in results.methods():
        found = [incumbents.of_method(part, method, rule) for part in results.searches()]
        parts = [part for part in found if part is not None]
        if not parts or not any(np.isfinite(part["mean"]).any() for part in parts):
            continue
        shortest = min(map(len, parts))
        curve = incumbents.of_searches(np.stack([part["mean"].to_numpy()[:shortest] for part in parts]))
        look, known = canvas.style(results, method), parts[0]["bandit"].to_numpy()[:shortest] == 0
        label = f"{canvas.name(method)} ({parts[0]['fixed'].max()} known, {parts[0]['bandit'].max()} searched)"
        _in_order(ax, curve, label, look, "default")
        shown = curve["mean"].where(np.isfinite(curve["mean"]) & known)
        ax.plot(curve["k"], shown, linestyle="none", markersize=7, markerfacecolor="white", **look)
        drawn.append(curve)
    return _finish(results, rule, ax, drawn, ["mean"], "budget: settings tried, known ones first",
                   f"expected best {canvas.metric(results)}",
                   "\nopen markers: known settings only" + _over_searches(results).replace("\n", "; "),
                   nothing="no method has known settings that worked")  # fmt: skip


def _in_order(ax, curve, label, look, drawstyle):
    shown = curve["mean"].where(np.isfinite(curve["mean"]))
    ax.plot(curve["k"], shown, linewidth=2, markersize=5, markevery=max(1, len(curve) // 8), drawstyle=drawstyle,
            label=label, **look)  # fmt: skip
    step = "post" if drawstyle == "steps-post" else None
    ax.fill_between(curve["k"], curve["low"], curve["high"], step=step, color=look["color"], alpha=0.12, linewidth=0)


def _over_searches(results):
    count = len(results.searches())
    return f"\nband: 95 % interval over {count} searches" if count > 1 else "\none search per method: no interval"


def _curves(results, rule, ax, curves_of: Callable, label, note):
    trials, ax = results.searched(rule), _canvas(results, ax)
    if refusal := _no_draws(results):
        return canvas.empty_axes(ax, refusal)
    drawn: list = []
    for method, curve in curves_of(results, rule).items():
        scores = budget.replicates(trials, method)
        if np.isfinite(scores).any():
            shift = 0.05 * (len(drawn) - len(results.methods()) / 2)
            name = f"{canvas.name(method)} ({canvas.extent(*scores.shape)})"
            _curve(ax, curve, canvas.style(results, method), name, shift)
            drawn.append(curve)
    unit = "budget: configurations drawn at random, one seed each"
    return _finish(results, rule, ax, drawn, ["mean", "median"], unit, label, note)


def _curve(ax, curve, style, label, shift):
    k, half = curve["k"], max(curve["k"].iloc[-1] / 2, 1)
    mean = curve["mean"].where(np.isfinite(curve["mean"]))
    median = curve["median"].where(np.isfinite(curve["median"]) & mean.isna())
    points = dict(style, markersize=5, markevery=max(1, len(k) // 8))
    ax.plot(k, mean, linestyle="--", linewidth=1.1, **points)
    ax.plot(k, mean.where(k <= half), linestyle="-", linewidth=2, label=label, **points)
    ax.plot(k, median, linestyle=":", linewidth=1.4, fillstyle="none", **points)
    known = curve[curve["low"].notna() & (k <= half)]
    if len(known) <= BARS:
        ax.vlines(known["k"] + shift, known["low"], known["high"], color=style["color"], alpha=0.6, linewidth=1.4)
    else:
        ax.fill_between(known["k"], known["low"], known["high"], color=style["color"], alpha=0.12, linewidth=0)


def _no_draws(results) -> str:
    """Returns why the order of the trials may not be shuffled; "" where it may."""
    if results.exchangeable():
        return ""
    learning = [f"'{phase['searcher']}'" for phase in results.learning()]
    why = f"configs were chosen by {' and '.join(dict.fromkeys(learning))}" if learning else "trials were stopped early"
    return f"{why},\nso they are no independent draws: see incumbent_curves or mixed_budget_curves"


def _canvas(results, ax):
    more = max(0, len(results.methods()) - canvas.METHODS_INSIDE)
    return canvas.axes(5.6, 4.2 + 0.1 * more) if ax is None else ax


def _finish(results, rule, ax, drawn, columns, xlabel, ylabel, note, nothing=canvas.NO_SCORES):
    values = np.concatenate([[], *(curve[columns].to_numpy().ravel() for curve in drawn)])
    if not np.isfinite(values).any():
        return canvas.empty_axes(ax, nothing)
    canvas.fit_score_axis(ax.yaxis, ax.set_yscale, ax.set_ylim, values)
    if "k" in drawn[0]:
        canvas.fit_budget_axis(ax, max(curve["k"].iloc[-1] for curve in drawn))
    else:
        ax.set_xlim(0, 1.02 * max(curve["cost"].iloc[-1] for curve in drawn))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    canvas.entitle(ax, results, rule, note)
    canvas.legend(ax, len(drawn))
    return ax
