"""How scores are spread: over trials, over the best of them, over seeds against configs."""

from typing import TYPE_CHECKING

import numpy as np

from ganscape.results import statistics
from ganscape.results.frames import Results
from ganscape.results.plots import canvas
from ganscape.results.wording import count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

CROWDED = 60  # points per lane, from which they are drawn smaller
MOST = 400  # points per lane; of more every n-th of the sorted ones is drawn
STAR = {"marker": "*", "color": "black", "markersize": 13, "markeredgecolor": "white", "markeredgewidth": 1.2}


def score_distributions(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws every finished trial (each seed) as a point, one lane per method; failed trials are counted at the right.

    Box: quartiles and median of all finished trials of the method, a failed one counting as worse than any score.
    Star: the median over seeds of the study's default settings; Lucic et al. 2018, Figs. 5 and 15, took authors'.
    """
    trials, methods = results.searched(rule), results.methods()
    ax = canvas.axes(5.6, 1.3 + 0.48 * max(len(methods), 1)) if ax is None else ax
    finite = trials.loc[np.isfinite(trials["value"]), "value"]
    if finite.empty:
        return canvas.empty_axes(ax)
    drawn = points(results, rule)
    for lane, method in enumerate(methods):
        _lane(ax, lane, trials.loc[trials["method"] == method, "value"].to_numpy(), drawn[method]["value"].to_numpy(),
              canvas.style(results, method))  # fmt: skip
    starred = _star(ax, results, trials)
    note = "\nstar: the study's default settings, median of their seeds" if starred else ""
    canvas.entitle(ax, results, rule, note)
    return _lanes(ax, results, finite)


def points(results: Results, rule: str = "best") -> "dict[str, pd.DataFrame]":
    """Returns the rows of `per_trial` that `score_distributions` draws, method by method, in the order it draws them.

    The points of the i-th method are an artist with the gid "points-i".
    """
    trials = results.searched(rule)
    trials = trials[np.isfinite(trials["value"])].sort_values("value", kind="stable")
    found = {}
    for method in results.methods():
        rows = trials[trials["method"] == method]
        found[method] = _thinned(rows)
    return found


def _thinned(rows):
    return rows.iloc[:: -(-len(rows) // MOST)] if len(rows) > MOST else rows


def top_points(results: Results, rule: str = "best", share: float = 0.05) -> "dict[str, pd.DataFrame]":
    """Returns the rows that `top_distributions` draws: the best `share` of each method's trials, of many every n-th."""
    trials = results.searched(rule)
    trials = trials[trials["value"].notna()].sort_values("value", kind="stable")
    found = {}
    for method in results.methods():
        rows = trials[trials["method"] == method]
        rows = rows.head(len(statistics.top_share(rows["value"], share)))
        found[method] = _thinned(rows[np.isfinite(rows["value"])])
    return found


def top_distributions(results: Results, rule: str = "best", ax: "Axes | None" = None, share: float = 0.05) -> "Axes":
    """Draws the best `share` of each method's trials as points, a bar at their median (Kurach et al. 2019, Figs. 1 to
    4).

    How good these are depends on how much of a space is hopeless: compare spaces of equal width.
    """
    trials, methods = results.searched(rule), results.methods()
    ax = canvas.axes(5.6, 1.5 + 0.42 * max(len(methods), 1)) if ax is None else ax
    drawn = top_points(results, rule, share)
    best = {
        method: statistics.top_share(trials.loc[(trials["method"] == method), "value"].dropna(), share)
        for method in methods
    }
    finite = np.concatenate([[], *(rows["value"] for rows in drawn.values())])
    if not finite.size:
        return canvas.empty_axes(ax)
    for lane, (method, scores) in enumerate(best.items()):
        shown, look = drawn[method]["value"].to_numpy(), canvas.style(results, method)
        median = np.quantile(scores, 0.5, method="inverted_cdf") if len(shown) else np.inf
        if np.isfinite(median):
            ax.plot([median, median], [lane - 0.3, lane + 0.3], color="black", linewidth=1.2)
        line = ax.plot(shown, np.full(len(shown), lane), linestyle="none", markersize=7, alpha=0.8, **look)[0]
        line.set_gid(f"points-{lane}")
        asked = int((trials["method"] == method).sum())
        _note(ax, lane, f"{len(scores)} of {count(asked, 'trial')}")
    canvas.entitle(ax, results, rule, f"\nbest {share:.0%} of the trials of each method, bar: median")
    return _lanes(ax, results, finite)


def seeds_versus_configs(results: Results, rule: str = "best", ax: "Axes | None" = None) -> "Axes":
    """Draws the standard deviations between seeds of one config and between configs, one row per method.

    Filled: seeds, with the 95 % chi-square interval; open: configs. In per cent of the score where all are positive
    (deviations of the logarithm). Right: the share of the variance that is between configs.
    """
    table = statistics.seed_variance(results, rule)
    table = table[table["seed"].notna()]
    ax = canvas.axes(5.6, 1.6 + 0.42 * max(len(table), 1)) if ax is None else ax
    if table.empty:
        return canvas.empty_axes(ax, "no config has two finished seeds")
    for lane, row in enumerate(table.to_dict("records")):
        colour = canvas.style(results, row["method"])["color"]
        ax.plot([row["low"], row["high"]], [lane, lane], color=colour, linewidth=2)
        ax.plot(
            row["seed"],
            lane,
            marker="o",
            markersize=7,
            color=colour,
            linestyle="none",
            label="seeds" if lane == 0 else None,
        )
        ax.plot(row["config"], lane, marker="D", markersize=7, color=colour, markerfacecolor="white", linestyle="none",
                label="configs" if lane == 0 else None)  # fmt: skip
        share = "" if np.isnan(row["share"]) else f"{row['share']:.0%} between configs"
        _note(ax, lane, f"{share}\n{count(row['configs'], 'config')}, {count(row['scores'], 'trial')}")
    positive = table[["seed", "low", "high", "config"]].to_numpy().ravel()
    positive = positive[np.isfinite(positive) & (positive > 0)]
    if positive.size:
        canvas.fit_score_axis(ax.xaxis, ax.set_xscale, ax.set_xlim, positive)
    ax.set_ylim(len(table) - 0.5, -0.9)
    ax.set_yticks(range(len(table)), [canvas.name(method) for method in table["method"]])
    logarithm = statistics.log_scale(results.searched(rule)["value"]) is np.log
    ax.set_xlabel("standard deviation of " + ("the logarithm of " if logarithm else "") + results.study["metric"])
    canvas.entitle(ax, results, rule, "\nline: 95 % interval of the deviation between seeds")
    ax.legend(frameon=False, fontsize="small", loc="upper left", ncols=2, borderaxespad=0)
    return ax


def _lane(ax, lane, trials, shown, style):
    score = trials[~np.isnan(trials)]
    finite = np.sort(score[np.isfinite(score)])
    height = 0.24 * (2 * (np.arange(len(shown)) * 0.618034 % 1) - 1)  # golden-ratio steps spread neighbours apart
    size, alpha = (4.5, 0.75) if len(shown) < CROWDED else (3.0, 0.5)
    line = ax.plot(shown, lane + height, linestyle="none", markersize=size, alpha=alpha, markeredgewidth=0, **style)[0]
    line.set_gid(f"points-{lane}")
    if len(score) >= 4:
        low, median, high = np.quantile(score, [0.25, 0.5, 0.75], method="inverted_cdf")
        right = high if np.isfinite(high) else finite[-1] if len(finite) else low
        if np.isfinite(low):
            ax.fill_between([low, right], lane - 0.34, lane + 0.34, color=style["color"], alpha=0.13, linewidth=0)
        if np.isfinite(median):
            _bar(ax, median, lane, 0.34)
    failed = len(score) - len(finite)
    running = len(trials) - len(score)
    few = f"{len(score):,} of " if running else ""
    thinned = f"\n{len(shown):,} drawn" if len(shown) < len(finite) else ""
    _note(ax, lane, few + count(len(trials), "trial") + (f"\n{failed:,} failed" if failed else "") + thinned)


def _star(ax, results, trials):
    known, lanes = results.defaults(), results.methods()
    rows = trials[trials["config"].isin(known) & trials["value"].notna()]
    median = rows.groupby("method")["value"].median()
    median = median[np.isfinite(median)]
    for method, value in median.items():
        ax.plot(value, lanes.index(method), linestyle="none", zorder=4, **STAR)
    return len(median) > 0


def _bar(ax, x, lane, reach):
    for colour, width in (("white", 4), ("black", 1.8)):
        ax.plot([x, x], [lane - reach, lane + reach], color=colour, linewidth=width)


def _note(ax, lane, text):
    ax.text(1.02, lane, text, transform=ax.get_yaxis_transform(), va="center", fontsize="small")


def _lanes(ax, results, finite):
    methods = results.methods()
    canvas.fit_score_axis(ax.xaxis, ax.set_xscale, ax.set_xlim, finite)
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.set_yticks(range(len(methods)), [canvas.name(method) for method in methods])
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(canvas.metric(results))
    return ax
