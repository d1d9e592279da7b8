"""Scores against settings: one at a time, all at once, and how much each mattered."""

from typing import TYPE_CHECKING

import numpy as np

from ganscape.results import importance as importances
from ganscape.results.frames import TRIALS, Results
from ganscape.results.importance import Importance
from ganscape.results.plots import canvas
from ganscape.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 8  # settings of an importance figure, pairs included
MOST = 400  # lines of parallel coordinates: all of the best, then every n-th


def slices(results: Results, setting: str, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws the score of every finished trial against one setting. Failed trials stand on the upper edge, as open
    markers."""
    trials = results.trials().set_index("trial")
    if setting not in trials.columns:
        names = [name for name in trials.columns if name not in TRIALS]
        raise ValueError(f"unknown setting '{setting}'; one of: {', '.join(names)}")
    ax = canvas.axes(5.6, 4.0 + 0.1 * max(0, len(results.methods()) - canvas.METHODS_INSIDE)) if ax is None else ax
    rows = results.searched(rule).set_index("trial").assign(setting=trials[setting])
    rows = rows[rows["value"].notna() & rows["setting"].notna()]
    finite = rows.loc[np.isfinite(rows["value"]), "value"]
    if finite.empty:
        return canvas.empty_axes(ax)
    canvas.fit_score_axis(ax.yaxis, ax.set_yscale, ax.set_ylim, finite)
    place = _place(ax, rows["setting"])
    drawn = 0
    for method in results.methods():
        part = rows["method"] == method
        worked, look = part & np.isfinite(rows["value"]), canvas.style(results, method)
        points = {"linestyle": "none", "markersize": 5, "alpha": 0.75, "markeredgewidth": 0, **look}
        label = f"{canvas.name(method)} ({count(int(part.sum()), 'trial')})" if part.any() else None
        ax.plot(place[worked], rows["value"][worked], label=label, **points)
        failed = part & ~worked
        top = np.full(int(failed.sum()), ax.get_ylim()[1])
        ax.plot(place[failed], top, linestyle="none", markersize=6, fillstyle="none", clip_on=False, **look)
        drawn += bool(part.any())
    ax.set_xlabel(setting)
    ax.set_ylabel(canvas.metric(results))
    failures = int(np.isinf(rows["value"]).sum())
    note = f"\nopen, above: {count(failures, 'failed trial')}" if failures else ""
    canvas.entitle(ax, results, rule, note)
    canvas.legend(ax, drawn)
    return ax


def parallel_coordinates(results: Results, method: str, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws one line per config of a method through its settings, dark and thick the better its median score over
    seeds.

    Each axis has its lowest and highest value at its ends, logarithmic where it spans more than a factor of 20; words
    stand at their places. The axis at the right is the score.
    """
    table, score, config = importances.design(results, method, rule)
    ax = canvas.axes(max(5.6, 1.5 * (table.shape[1] + 1)), 3.9) if ax is None else ax
    if table.empty or np.ptp(score) == 0:
        return canvas.empty_axes(ax, "fewer than two configs differ in settings and score")
    score = np.asarray(score)
    first = ~config.duplicated().to_numpy()
    median = np.array([np.median(score[(config == name).to_numpy()]) for name in config[first]])
    x, bounds = importances.encode(table)
    unit = (x[first] - bounds[:, 0]) / np.where(np.ptp(bounds, axis=1) > 0, np.ptp(bounds, axis=1), 1)
    order = np.argsort(-median)
    order = order[:: -(-len(order) // MOST)]
    rank = np.linspace(0, 1, len(order))
    heights = np.column_stack([unit, (median - median.min()) / (np.ptp(median) or 1)])
    shade = _shade()
    for place, row in zip(rank, order, strict=True):
        ax.plot(heights[row], color=shade(place), linewidth=0.8 + 1.6 * place**2, alpha=0.5 + 0.5 * place)
    _ends(ax, table, bounds, np.exp(median) if (results.searched(rule)["value"].dropna() > 0).all() else median)
    names = [*table.columns, results.study["metric"]]
    ax.set_xticks(range(len(names)), [name.replace("_", "_\n", 1) if len(name) > 14 else name for name in names])
    ax.set_xlim(-0.35, len(names) - 0.65)
    ax.set_ylim(-0.13, 1.13)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    few = f", {len(order):,} drawn" if len(order) < first.sum() else ""
    number = count(int(first.sum()), "config")
    canvas.entitle(ax, results, rule, f"\n{canvas.name(method)}: {number}{few}, median over seeds; dark is good")
    return ax


def importance_bars(found: Importance, ax: "Axes | None" = None) -> "Axes":
    """Draws the shares of `importance`: what a setting or a pair explains alone, and the permutation importance as a
    diamond.

    Lines: one standard deviation between trees, or between repeats. Says why instead where it may not be read.
    """
    columns = ["setting", "alone", "alone_sd", "permutation", "permutation_sd"]
    rows = [tuple(row[name] for name in columns) for row in found.single.to_dict("records")]
    pairs = found.pairs.head(3).to_dict("records")
    rows += [(f"{row['a']} and {row['b']}", row["share"], row["share_sd"], np.nan, np.nan) for row in pairs]
    rows = sorted(rows, key=lambda row: -row[1])[:SHOWN]
    ax = canvas.axes(5.6, 1.5 + 0.36 * max(len(rows), 1)) if ax is None else ax
    if not found.interpretable:
        return canvas.empty_axes(ax, f"not shown: {found.reason}")
    place = np.arange(len(rows))
    alone, sd, shuffled, error = (np.array([row[i] for row in rows]) for i in (1, 2, 3, 4))
    ax.barh(place, alone, 0.62, color="#9ecae1", label="share of the forest's variance")
    ax.hlines(place, (alone - sd).clip(0), alone + sd, color="#3a6f92", linewidth=1.4)
    ax.errorbar(shuffled, place, xerr=error, fmt="D", color="#D55E00", markersize=5, label="permutation importance")
    ax.set_yticks(place, [row[0] for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlabel("share of the variance of the score")
    ax.set_title(f"{count(found.configs, 'config')}, {count(found.trials, 'trial')}; "
                       f"out-of-fold R² {found.r2:.2f}", fontsize="small", loc="left")  # fmt: skip
    ax.legend(frameon=False, fontsize="small", loc="lower right")
    return ax


def _place(ax, column):
    """Returns where the values of a setting stand on the x axis: numbers where they are, words side by side."""
    if not importances.is_number(column):
        codes, words = column.astype(str).factorize(sort=True)
        ax.set_xticks(range(len(words)), words)
        ax.set_xlim(-0.5, len(words) - 0.5)
        spread = 0.2 * (2 * (np.arange(len(codes)) * 0.618034 % 1) - 1)
        return codes + spread
    values = column.astype("float64").to_numpy()
    if values.min() > 0 and values.max() > importances.LOGARITHMIC * values.min():
        ax.set_xscale("log")
    return values


def _ends(ax, table, bounds, score):
    for j, name in enumerate(table.columns):
        words = sorted(set(table[name].fillna("absent").astype(str)))
        column = table[name].dropna()
        if importances.is_number(column):
            words = [f"{float(column.min()):.3g}", f"{float(column.max()):.3g}"]
            heights = [0.0, 1.0]
        else:
            heights = [(i + 0.5) / len(words) for i in range(len(words))]
        _marks(ax, j, words, heights)
    _marks(ax, len(table.columns), [f"{score.min():.4g}", f"{score.max():.4g}"], [0.0, 1.0])


def _marks(ax, j, words, heights):
    ax.axvline(j, color="0.5", linewidth=0.8, zorder=0)
    for word, height in zip(words, heights, strict=True):
        above = {0.0: -0.045, 1.0: 0.045}.get(height, 0.0)
        ax.text(j, height + above, word, ha="center", va={-0.045: "top", 0.045: "bottom"}.get(above, "center"),
                fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})  # fmt: skip


def _shade():
    from matplotlib import colormaps

    return lambda place: colormaps["cividis"](0.92 * (1 - place))
