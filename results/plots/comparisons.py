"""Methods against each other: how often one beats the other, and what share of trials is good enough."""

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from ganscape.results import budget, comparisons, statistics
from ganscape.results.frames import Results
from ganscape.results.plots import canvas
from ganscape.results.statistics import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THRESHOLDS = 200
TITLE = 4.9  # inches that the longest title takes


def performance_profiles(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws the share of a method's trials with a score at or below each threshold; a failed trial is below none.

    Marks: every eighth of the range, to tell methods apart in grey. The 95 % band of a method holds for all thresholds
    at once and has the same height everywhere, which the legend gives. Configs chosen by the scores of others are left
    out: no band holds for them.
    """
    ax = canvas.axes(5.6, 4.4 + 0.1 * max(0, len(results.methods()) - canvas.METHODS_INSIDE)) if ax is None else ax
    trials = results.independent(rule)
    scores = {method: budget.replicates(trials, method) for method in results.methods()}
    scores = {method: table for method, table in scores.items() if np.isfinite(table).any()}
    if not scores:
        return canvas.empty_axes(ax)
    finite = np.concatenate([table[np.isfinite(table)] for table in scores.values()])
    canvas.fit_score_axis(ax.xaxis, ax.set_xscale, ax.set_xlim, finite)
    low, high = ax.get_xlim()
    spaced = np.geomspace if ax.get_xscale() == "log" else np.linspace
    for place, (method, table) in enumerate(scores.items()):
        curve, look = statistics.profile(table, spaced(low, high, THRESHOLDS)), canvas.style(results, method)
        reach = min(1.0, float(np.sqrt(np.log(40) / (2 * len(table)))))
        ax.plot(curve["threshold"], curve["share"], linewidth=1.8, markevery=(3 * place, THRESHOLDS // 8), markersize=5,
                label=f"{canvas.name(method)} ({canvas.extent(*table.shape)}; ±{reach:.2f})", **look)  # fmt: skip
    ax.set_ylim(-0.02, 1.02)
    ax.set_xlabel(canvas.metric(results))
    ax.set_ylabel("share of trials at or below")
    canvas.entitle(ax, results, rule, "\n± half height of the simultaneous 95 % band")
    canvas.legend(ax, len(scores), below=-0.16)
    return ax


def improvement_matrix(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws P(a trial of the row is better than one of the column) in per cent, with its 95 % interval below.

    Bold where the interval leaves out 50 %; it is of each pair by itself, not corrected for their number. Configs
    chosen by the scores of others are left out.
    """
    trials = results.independent(rule)
    scores = {method: budget.replicates(trials, method) for method in results.methods()}
    scores = {method: table for method, table in scores.items() if len(table)}
    size = 1.9 + 0.66 * max(len(scores), 2)
    ax = canvas.axes(max(size + 0.5, TITLE), size) if ax is None else ax
    if len(scores) < 2:
        return canvas.empty_axes(ax, "fewer than two methods have finished configs asked without looking at scores")
    names = list(scores)
    above = {(a, b): comparisons.improvement(scores[a], scores[b]) for a, b in combinations_with_replacement(names, 2)}
    below = {(b, a): Interval(1 - cell.value, 1 - cell.high, 1 - cell.low) for (a, b), cell in above.items() if a != b}
    found = [[(above | below)[a, b] for b in names] for a in names]
    share = np.array([[cell.value for cell in row] for row in found])
    np.fill_diagonal(share, np.nan)
    ax.grid(False)
    edges = np.arange(len(names) + 1) - 0.5
    ax.pcolormesh(edges, edges, np.ma.masked_invalid(share), cmap=_diverging(), vmin=0, vmax=1)
    ax.set_aspect("equal")
    ax.invert_yaxis()
    for i, row in enumerate(found):
        for j, cell in enumerate(row):
            if i != j:
                clear = cell.low > 0.5 or cell.high < 0.5
                ax.text(
                    j,
                    i - 0.13,
                    f"{100 * cell.value:.0f}",
                    ha="center",
                    va="center",
                    weight="bold" if clear else "normal",
                )
                ax.text(
                    j, i + 0.22, f"{100 * cell.low:.0f} to {100 * cell.high:.0f}", ha="center", va="center", fontsize=7
                )
    labels = [canvas.name(method) for method in names]
    ax.set_xticks(range(len(names)), labels, rotation=40, ha="right")
    ax.set_yticks(range(len(names)), labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("... than a trial of")
    ax.set_ylabel("a trial of ... is better")
    configs = sorted({len(table) for table in scores.values()})
    number = f"{configs[0]}" if len(configs) == 1 else f"{configs[0]} to {configs[-1]}"
    canvas.entitle(ax, results, rule, f"\nper cent and 95 % interval; {number} configs per method")
    return ax


def _diverging():
    """Returns a colour map: orange below one half, blue above, light enough for black text, lightest in the middle."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("improvement", ["#f0a35e", "#ffffff", "#7fb8de"]).with_extremes(
        bad="#f2f2f2"
    )
