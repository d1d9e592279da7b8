"""How two metrics rank the same models, and pictures of what a trial generates."""

from typing import TYPE_CHECKING

import numpy as np

from ganscape.results import agreement
from ganscape.results.frames import Results
from ganscape.results.plots import canvas
from ganscape.results.samples import grid
from ganscape.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def encoder_scatter(results: Results, a: str, b: str, ax: "Axes | None" = None) -> "Axes":
    """Draws each config's score by measure `a` against that by `b`, medians of seeds; the title holds their rank
    agreement.

    a, b: names of `agreement.measures`; raises ValueError for others. Lucic et al. 2018 compare Inception and VGG so.
    """
    wide = agreement.measures(results)
    for name in (a, b):
        if name not in wide:
            raise ValueError(f"unknown measure '{name}'; one of: {', '.join(wide.columns)}")
    ax = canvas.axes(5.2, 4.6) if ax is None else ax
    both = agreement.both_measures(wide, a, b)
    if both.empty:
        return canvas.empty_axes(ax, "no config has both scores")
    found = agreement.rank_agreement(both[a], both[b])["spearman"]
    owner = results.trials().drop_duplicates("config").set_index("config")["method"]
    for method in results.methods():
        rows = both[owner.loc[both.index].to_numpy() == method]
        look = canvas.style(results, method) | {"label": canvas.name(method)}
        ax.plot(rows[a], rows[b], linestyle="none", markersize=5, alpha=0.75, markeredgewidth=0, **look)
    canvas.fit_score_axis(ax.xaxis, ax.set_xscale, ax.set_xlim, both[a])
    canvas.fit_score_axis(ax.yaxis, ax.set_yscale, ax.set_ylim, both[b])
    ax.set_xlabel(a)
    ax.set_ylabel(b)
    reach = f" ({found.low:.2f} to {found.high:.2f})" if np.isfinite(found.low) else ""
    ax.set_title(f"{count(len(both), 'config')}, last common rung; data {results.study.get('data', 'unknown')}\n"
                 f"Spearman {found.value:.2f}{reach}", fontsize="small", loc="left")  # fmt: skip
    canvas.legend(ax, len(results.methods()))
    return ax


def sample_grid(results: Results, trial: str, rung: int | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draws the stored samples of a trial at a rung (the last by default), or at the nearest that has any."""
    from matplotlib.image import imread

    ax = canvas.axes(4.2, 4.6) if ax is None else ax
    wanted = max(results.study.get("rungs") or [0]) if rung is None else rung
    found = grid(results.folder, trial, wanted)
    if found is None:
        return canvas.empty_axes(ax, f"no samples of trial {trial} are stored")
    path, rung = found
    ax.grid(False)
    ax.imshow(imread(path), cmap="gray", interpolation="nearest")
    ax.set_axis_off()
    row = results.trials().set_index("trial").loc[trial]
    words = f"{canvas.name(str(row['method']))}, config {row['config']}, seed {row['seed']}\nrung {rung:,}"
    ax.set_title(words, fontsize="small", loc="left")
    return ax
