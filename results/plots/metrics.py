"""Figures about the metrics themselves, and pictures of what a trial generates."""

from typing import TYPE_CHECKING

import numpy as np

from results import statistics
from results.frames import Results
from results.interactive import grid
from results.plots import canvas

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def encoder_scatter(results: Results, a: str, b: str, ax: "Axes | None" = None) -> "Axes":
    """Each config's score by measure `a` against that by `b`, medians of seeds; the title holds their rank agreement.

    a, b: names of `statistics.measures`; raises ValueError for others. Lucic et al. 2018 compare Inception and VGG so.
    """
    wide = statistics.measures(results)
    for name in (a, b):
        if name not in wide:
            raise ValueError(f"unknown measure '{name}'; one of: {', '.join(wide.columns)}")
    ax = canvas.axes(5.2, 4.6) if ax is None else ax
    both = statistics.both_measures(wide, a, b)
    if both.empty:
        return canvas.empty(ax, "no config has both scores")
    found = statistics.rank_agreement(both[a], both[b])["spearman"]
    owner = results.trials().drop_duplicates("config").set_index("config")["method"]
    for method in results.methods():
        rows = both[owner.loc[both.index].to_numpy() == method]
        ax.plot(rows[a], rows[b], linestyle="none", markersize=5, alpha=0.75, markeredgewidth=0, label=method,
                **canvas.style(results, method))  # fmt: skip
    canvas.fit_score_axis(ax.xaxis, ax.set_xscale, ax.set_xlim, both[a])
    canvas.fit_score_axis(ax.yaxis, ax.set_yscale, ax.set_ylim, both[b])
    ax.set_xlabel(a)
    ax.set_ylabel(b)
    reach = f" ({found.low:.2f} to {found.high:.2f})" if np.isfinite(found.low) else ""
    ax.set_title(f"{canvas.count(len(both), 'config')}, last common rung; data {results.study.get('data', 'unknown')}\n"
                 f"Spearman {found.value:.2f}{reach}", fontsize="small", loc="left")  # fmt: skip
    canvas.legend(ax, len(results.methods()))
    return ax


def bias_curve(table: "pd.DataFrame", protocol: str, ax: "Axes | None" = None) -> "Axes":
    """A Frechet distance of real images to real images against 1 / N, which its bias is proportional to.

    table: columns samples value, several rows (disjoint or repeated draws) per number of samples. Points: means, bars:
    one standard deviation of a single value, line: least squares through the means, its limit at N = infinity named.
    """
    ax = canvas.axes(5.6, 3.8) if ax is None else ax
    found = table.groupby("samples")["value"].agg(["mean", "std", "size"])
    if found.empty:
        return canvas.empty(ax, "no values")
    x = 1 / found.index.to_numpy(dtype=np.float64)
    ax.errorbar(x, found["mean"], yerr=found["std"].fillna(0), fmt="o", color=canvas.COLOURS[0], capsize=3)
    note = ""
    if len(found) > 1:
        slope, limit = np.polyfit(x, found["mean"], 1)
        ends = np.array([0, x.max()])
        ax.plot(ends, limit + slope * ends, color="0.5", linewidth=1, linestyle="--")
        note = f"; limit {limit:.4g}"
    ax.set_xticks(x, [f"{count:,}" for count in found.index], rotation=40)
    ax.set_xlim(0, 1.05 * x.max())
    ax.set_xlabel("images N, spaced as 1 / N")
    ax.set_ylabel("distance of real to real images")
    note = f"{protocol}\n{found['size'].min()} or more values each, bar: one sd{note}"
    ax.set_title(note, fontsize="small", loc="left")
    return ax


def mode_dropping(table: "pd.DataFrame", protocol: str, ax: "Axes | None" = None) -> "Axes":
    """A distance against the number of classes that are kept: it falls when it notices modes that are dropped.

    table: columns classes value, several rows per number of classes. Points: means, bars: one standard deviation.
    """
    ax = canvas.axes(5.6, 3.8) if ax is None else ax
    found = table.groupby("classes")["value"].agg(["mean", "std", "size"])
    if found.empty:
        return canvas.empty(ax, "no values")
    ax.errorbar(found.index, found["mean"], yerr=found["std"].fillna(0), fmt="o-", color=canvas.COLOURS[0], capsize=3)
    canvas.fit_score_axis(ax.yaxis, ax.set_yscale, ax.set_ylim, found["mean"])
    ax.set_xticks(found.index)
    ax.set_xlabel("classes kept")
    ax.set_ylabel("distance (lower is better)")
    note = f"{protocol}\n{found['size'].min()} or more subsamples each, bar: one sd"
    ax.set_title(note, fontsize="small", loc="left")
    return ax


def sample_grid(results: Results, trial: str, rung: int | None = None, ax: "Axes | None" = None) -> "Axes":
    """The stored samples of a trial at a rung (the last by default), or at the nearest that has any."""
    from matplotlib.image import imread

    ax = canvas.axes(4.2, 4.6) if ax is None else ax
    wanted = max(results.study.get("rungs") or [0]) if rung is None else rung
    found = grid(results.folder, trial, wanted)
    if found is None:
        return canvas.empty(ax, f"no samples of trial {trial} are stored")
    path, rung = found
    ax.grid(False)
    ax.imshow(imread(path), cmap="gray", interpolation="nearest")
    ax.set_axis_off()
    row = results.trials().set_index("trial").loc[trial]
    words = f"{row['method']}, config {row['config']}, seed {row['seed']}\nrung {rung:,}"
    ax.set_title(words, fontsize="small", loc="left")
    return ax
