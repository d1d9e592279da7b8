"""What all figures share: size, colours and markers of methods, axes of scores, words of the protocol."""

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from ganscape.results.frames import Results
from ganscape.results.store import StoreError, differences
from ganscape.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHOD_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F7F7F"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "*"]
RATIO_FOR_LOG_AXIS = 5.0
METHODS_INSIDE = 6  # a longer legend stands below the figure
EMPTY = 0.9  # inches high
WIDEST = 64  # characters of a line above a figure
LONGEST = 28  # characters of a method's name in a figure
NO_SCORES = "no trial has finished without failing"
RULE = {"best": "lowest rung of each trial", "last": "last rung of each trial"}


def axes(width: float, height: float) -> "Axes":
    """Returns Axes of a fresh figure of this size in inches, known to no window system."""
    from matplotlib.figure import Figure

    ax = Figure(figsize=(width, height), layout="constrained").subplots()
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def empty_axes(ax: "Axes", text: str = NO_SCORES) -> "Axes":
    """Writes on the Axes why nothing is drawn, and makes a figure that is theirs alone low. Returns them."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", wrap=True)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    figure = ax.get_figure(root=True)
    if figure is not None and len(figure.axes) == 1:
        figure.set_size_inches(figure.get_size_inches()[0], EMPTY)
    return ax


def style(results: Results, method: str) -> dict:
    """Returns the colour and marker of a method in this study."""
    place = results.methods().index(method)
    return {"color": METHOD_COLOURS[place % len(METHOD_COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def metric(results: Results) -> str:
    """Returns the study's metric with its direction."""
    return f"{results.study.get('metric', 'score')} (lower is better)"


def subtitle(results: Results, rule: str) -> str:
    """Returns protocol, data and rule, in lines that fit above a figure."""
    protocol = textwrap.fill(results.protocol_label(), WIDEST)
    return f"{protocol}\ndata {results.study.get('data', 'unknown')}; {RULE[rule]}"


def entitle(ax: "Axes", results: Results, rule: str, note: str = "") -> None:
    """Sets the title: `subtitle` and a note. Raises StoreError where these Axes hold scores of another protocol."""
    drawn = getattr(ax, "_ganscape_protocol", results.protocol())
    if drawn != results.protocol():
        raise StoreError(f"scores of two protocols do not share a figure: {differences(drawn, results.protocol())}")
    ax._ganscape_protocol = results.protocol()  # type: ignore[attr-defined]
    ax.set_title(subtitle(results, rule) + note, fontsize="small", loc="left")


def legend(ax: "Axes", entries: int, below: float = -0.18) -> None:
    """Draws the legend: inside for a few entries, below the figure for many."""
    if entries > METHODS_INSIDE:
        ax.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, below), ncols=2)
    else:
        ax.legend(frameon=False, fontsize="small")


def fit_score_axis(axis, set_scale, set_limits, values) -> None:
    """Makes an axis of scores logarithmic where they are positive and span more than a factor of five."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    low, high = values.min(), values.max()
    if low > 0 and high > RATIO_FOR_LOG_AXIS * low:
        set_scale("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(_number))
        axis.set_minor_locator(NullLocator())
        set_limits(low / 1.2, high * 1.2)
    else:
        margin = 0.08 * (high - low) or 0.06 * abs(high) or 1.0
        set_limits(low - margin, high + margin)


def fit_budget_axis(ax: "Axes", max_k: int) -> None:
    """Makes an axis of budgets show whole numbers of configurations."""
    ax.set_xlim(0.5, max_k + 0.5)
    if max_k <= 12:
        ax.set_xticks(range(1, max_k + 1))
    elif max_k > 1000:
        ax.set_xscale("log")
    else:
        ax.locator_params(axis="x", integer=True)


def separate_thousands(axis) -> None:
    """Makes an axis write its numbers with separators, 1,250,000, and not as powers or with a factor at its end."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(_number))


def _number(value: float, _) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 and value == round(value) else f"{value:g}"


def name(words: str) -> str:
    """Returns a method's name as a figure can hold it: a long one cut, and none of its signs read as mathematics."""
    short = words if len(words) <= LONGEST else words[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return short.replace("$", r"\$")


def extent(configs: int, seeds: int) -> str:
    return f"{count(configs, 'config')}, {count(seeds, 'seed')}"
