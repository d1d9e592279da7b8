"""What a distance is worth: figures of the tables of `results.calibration`."""

from typing import TYPE_CHECKING

import numpy as np

from ganscape.results.calibration import at_infinity, calibration_summary
from ganscape.results.plots import canvas

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def bias(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Draws mean and standard deviation of real images against real ones over 1/samples, with the line through them and
    the bias that is expected to first order. A metric that spans other magnitudes than the rest is named apart on the
    logarithmic axes."""
    ax = canvas.axes(5.6, 4.0) if ax is None else ax
    for place, ((data, metric), part) in enumerate(_groups(table)):
        means, look = calibration_summary(part), _look(place)
        at, error = 1 / means["samples"], means["sd"].fillna(0)
        intercept, _ = at_infinity(means)
        label = f"{metric} of {data}; at infinity {intercept:.2g}"
        ax.errorbar(at, means["mean"], yerr=error, linestyle="none", capsize=2, markersize=5, label=label, **look)
        if means["expected"].notna().any():
            ax.plot(at, means["expected"], color=look["color"], linewidth=1, alpha=0.7)
    ax.set_xscale("log")
    if (calibration_summary(table)["mean"] > 0).all():
        ax.set_yscale("log")
    ax.set_xlabel("1 / samples")
    ax.set_ylabel("score of real images against real ones")
    words = f"mean and sd over {_repeats(table)} draws; lines: expected of a Gaussian, to first order"
    ax.set_title(words, fontsize="small", loc="left")
    ax.legend(frameon=False, fontsize="small")
    return ax


def modes(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Draws mean and standard deviation of the score over the number of classes that are kept."""
    ax = canvas.axes(5.6, 4.0) if ax is None else ax
    for place, ((data, metric), part) in enumerate(_groups(table)):
        means = calibration_summary(part)
        level, error = means["level"].astype(int), means["sd"].fillna(0)
        ax.errorbar(
            level, means["mean"], yerr=error, capsize=2, markersize=5, label=f"{metric} of {data}", **_look(place)
        )
    canvas.fit_score_axis(ax.yaxis, ax.set_yscale, ax.set_ylim, calibration_summary(table)["mean"])
    ax.set_xlabel("classes kept")
    ax.set_ylabel("score against all classes")
    sizes = f"{table['samples'].iloc[0]:,} images against {table['reference_samples'].iloc[0]:,}"
    ax.set_title(f"{sizes}; mean and sd over {_repeats(table)} draws", fontsize="small", loc="left")
    canvas.legend(ax, len(_groups(table)))
    return ax


def levels(table: "pd.DataFrame", ax: "Axes | None" = None) -> "Axes":
    """Draws mean and standard deviation of the score at levels that are words, or of each data set: one bar each."""
    means = calibration_summary(table)
    ax = canvas.axes(6.4, 1.4 + 0.34 * len(means)) if ax is None else ax
    names = [f"{row.data}, {row.metric}: {row.level}" for row in means.itertuples()]
    place = np.arange(len(means))
    ax.barh(place, means["mean"], 0.62, color="#9ecae1", xerr=means["sd"].fillna(0))
    ax.set_yticks(place, names)
    ax.set_ylim(len(means) - 0.4, -0.6)
    ax.set_xlabel("score")
    ax.set_title(f"mean and sd over {_repeats(table)} draws", fontsize="small", loc="left")
    return ax


def _groups(table: "pd.DataFrame") -> list:
    return list(table.groupby(["data", "metric"], sort=False))


def _look(place: int) -> dict:
    return {
        "color": canvas.METHOD_COLOURS[place % len(canvas.METHOD_COLOURS)],
        "marker": canvas.MARKERS[place % len(canvas.MARKERS)],
    }


def _repeats(table: "pd.DataFrame") -> str:
    return f"{table['repeat'].max() + 1:,}"


FIGURES = {"bias": bias, "modes": modes, "floor": levels, "rules": levels}
