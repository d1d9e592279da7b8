"""Results -> matplotlib Axes. Every function takes `ax=None`, returns the Axes it drew on and saves nothing.

A method keeps its colour and marker in every figure of a study; markers tell methods apart in grey and for the
colour-blind (Okabe and Ito's palette without yellow).
"""

from typing import TYPE_CHECKING

import numpy as np

from results import budget
from results.frames import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F7F7F"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*"]
RATIO_FOR_LOG_AXIS = 5.0
METHODS_INSIDE = 6  # a longer legend stands below the figure
BARS = 4  # intervals of a curve that are drawn as bars, side by side; more are a band
CROWDED = 60  # points per lane, from which they are drawn smaller
RULE = {"best": "lowest rung of each trial", "last": "last rung of each trial"}


def budget_curves(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Expected best score against the number of configurations tried, one line per method.

    Line: formula U of `budget`, averaged over seed replicates, solid up to half the configurations and dashed beyond.
    Band, or bars where few budgets have one: 95 % jackknife-t interval of that expectation, over configurations, where
    the line is solid. For budgets that
    may meet only failures the expectation is infinite: a dotted line with open markers shows the median best instead.
    """
    trials = results.searched(rule)
    ax = _axes(5.6, 4.2 + 0.1 * max(0, len(results.methods()) - METHODS_INSIDE)) if ax is None else ax
    drawn: list = []
    for method in results.methods():
        scores = budget.replicates(trials, method)
        if np.isfinite(scores).any():
            curve = budget.expected_best_curve(scores)
            shift = 0.05 * (len(drawn) - len(results.methods()) / 2)
            _budget_curve(ax, curve, style(results, method), f"{method} ({_extent(*scores.shape)})", shift)
            drawn.append(curve)
    if not drawn:
        return _empty(ax, "no trial has finished without failing")
    values = np.concatenate([curve[["mean", "median"]].to_numpy().ravel() for curve in drawn])
    _fit_score_axis(ax.yaxis, ax.set_yscale, ax.set_ylim, values)
    _fit_budget_axis(ax, max(curve["k"].iloc[-1] for curve in drawn))
    ax.set_xlabel("budget: configurations drawn at random, one seed each")
    ax.set_ylabel(f"expected best {results.study['metric']} (lower is better)")
    ax.set_title(_subtitle(results, rule), fontsize="small", loc="left")
    if len(drawn) > METHODS_INSIDE:
        ax.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    else:
        ax.legend(frameon=False, fontsize="small")
    return ax


def score_distributions(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Every finished trial (each seed) as a point, one lane per method; failed trials are counted at the right.

    Trials that only confirm a choice are left out: they are no draws of the search.

    Box: quartiles and median of all finished trials of the method, a failed one counting as worse than any score.
    """
    trials, methods = results.searched(rule), results.methods()
    ax = _axes(5.6, 1.3 + 0.48 * max(len(methods), 1)) if ax is None else ax
    scores = {method: trials.loc[trials["method"] == method, "value"].to_numpy() for method in methods}
    finite = np.concatenate([[], *(score[np.isfinite(score)] for score in scores.values())])
    if not finite.size:
        return _empty(ax, "no trial has finished without failing")
    for lane, (method, score) in enumerate(scores.items()):
        _lane(ax, lane, score, style(results, method))
    _fit_score_axis(ax.xaxis, ax.set_xscale, ax.set_xlim, finite)
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.set_yticks(range(len(methods)), methods)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(f"{results.study['metric']} (lower is better)")
    ax.set_title(_subtitle(results, rule), fontsize="small", loc="left")
    return ax


def style(results: Results, method: str) -> dict:
    """The colour and marker of a method in this study."""
    place = results.methods().index(method)
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def _budget_curve(ax, curve, style, label, shift):
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


def _lane(ax, lane, trials, style):
    score = trials[~np.isnan(trials)]
    finite = np.sort(score[np.isfinite(score)])
    height = 0.24 * (2 * (np.arange(len(finite)) * 0.618034 % 1) - 1)  # golden-ratio steps spread neighbours apart
    size, alpha = (4.5, 0.75) if len(finite) < CROWDED else (3.0, 0.5)
    ax.plot(finite, lane + height, linestyle="none", markersize=size, alpha=alpha, markeredgewidth=0, **style)
    if len(score) >= 4:
        low, median, high = np.quantile(score, [0.25, 0.5, 0.75], method="inverted_cdf")
        right = high if np.isfinite(high) else finite[-1] if len(finite) else low
        if np.isfinite(low):
            ax.fill_between([low, right], lane - 0.34, lane + 0.34, color=style["color"], alpha=0.13, linewidth=0)
        if np.isfinite(median):
            for colour, width in (("white", 4), ("black", 1.8)):
                ax.plot([median, median], [lane - 0.34, lane + 0.34], color=colour, linewidth=width)
    failed = len(score) - len(finite)
    running = len(trials) - len(score)
    text = (
        (f"{len(score)} of " if running else "")
        + _count(len(trials), "trial")
        + (f"\n{failed} failed" if failed else "")
    )
    ax.text(1.02, lane, text, transform=ax.get_yaxis_transform(), va="center", fontsize="small")


def _axes(width, height):
    from matplotlib.figure import Figure

    ax = Figure(figsize=(width, height), layout="constrained").subplots()
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def _empty(ax, text):
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def _fit_score_axis(axis, set_scale, set_limits, values):
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    if low > 0 and high > RATIO_FOR_LOG_AXIS * low:
        set_scale("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
        set_limits(low / 1.2, high * 1.2)
    else:
        margin = 0.08 * (high - low) or 0.06 * abs(high) or 1.0
        set_limits(low - margin, high + margin)


def _fit_budget_axis(ax, max_k):
    ax.set_xlim(0.5, max_k + 0.5)
    if max_k <= 12:
        ax.set_xticks(range(1, max_k + 1))
    else:
        ax.xaxis.get_major_locator().set_params(integer=True)


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _extent(configs, seeds):
    return f"{_count(configs, 'config')}, {_count(seeds, 'seed')}"


def _subtitle(results, rule):
    return f"{results.protocol_label()}\ndata {results.study.get('data', 'unknown')}; {RULE[rule]}"
