"""The figures of the page as SVG, with their captions."""

import io
import re
from functools import partial
from typing import TYPE_CHECKING

from ganscape.results import budget, comparisons, incumbents, plots, statistics
from ganscape.results import importance as importances
from ganscape.results.frames import Results
from ganscape.results.page.points import mark
from ganscape.results.page.trials import trial_numbers

if TYPE_CHECKING:
    import pandas as pd

FIGURES = {
    "budget-curves": (
        plots.budget_curves,
        "Expected best score of k configurations drawn at random from the method's space, each trained once. Every "
        "seed of a configuration belongs to a separate replicate of the whole search; the line averages the "
        "replicates. Solid: up to half of the configurations, with the 95 % jackknife-t interval of the expectation "
        "over configurations as a bar or band. Dashed: beyond, where no interval can be trusted. Dotted with open "
        "markers: the median best, while failures leave no finite expectation.",
    ),
    "score-distributions": (
        plots.score_distributions,
        "Every trial that finished, each seed a point (of many an even sample, as told at the right); point at one to "
        "see its config and seed, click for its settings and samples. Bar and box: median and quartiles of the method, "
        "a failed trial counting as worse than any score. Star: the study's default settings. "
        "The vertical position within a lane carries no meaning.",
    ),
}
SEEDS = (
    plots.seeds_versus_configs,
    "How much scores differ between seeds of one config (filled, with the 95 % interval of the deviation) and between "
    "configs (open). A difference between two configs that is not well above the seeds' deviation can be luck. "
    "Failed trials are left out here.",
)
IMPROVEMENT = (
    plots.improvement_matrix,
    "The probability that a trial of the row's method scores lower than one of the column's, both drawn from all that "
    "finished, and its 95 % interval over configs. Bold: the interval leaves out 50 %, for this pair by itself.",
)
IMPORTANCE = (
    "Bars: the share of the forest's variance over the whole space that a setting, or a pair beyond its two settings, "
    "explains (functional analysis of variance), lines: one sd between trees. Diamonds: how much worse held-out trials "
    "are predicted when the setting is shuffled."
)
INCUMBENTS = (
    plots.incumbent_curves,
    "The best score so far, in the order in which the searcher asked. Its configurations are no independent draws, and "
    "there is one search per method: no interval can be given.",
)
PRACTITIONER = (
    plots.mixed_budget_curves,
    "The best score of a practitioner who first tries settings known beforehand, in any order, and then goes on with "
    "those of the searcher, in the order in which it asked: the mean over all ways to choose among the known ones and "
    "over seeds. What the searcher asked depends on what it was told, and there is one search per method: no interval "
    "can be given.",
)
COST = (
    partial(plots.cost_curves, unit="images"),
    "The median best score against the real images that were seen, over random orders of the configurations at "
    "their recorded costs; band: 5 to 95 % of the orders, which is what one search may find and no confidence "
    "interval. Dashed: beyond half of what the method spent.",
)
TOP = (
    plots.top_distributions,
    "The best twentieth of each method's trials, failed ones counted among all. Bar: their median. How good they are "
    "depends on how much of a search space is hopeless.",
)
PAIRS_SHOWN = 28


def svg(ax, name: str) -> str:
    """Returns the figure of these Axes as an <svg> element; its ids begin with `name`, so several fit on one page."""
    from markupsafe import Markup
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        ax.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    page = buffer.getvalue()
    page = page[page.index("<svg") :]
    page = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", page)
    # The size comes from the page, the proportions from the viewBox; matplotlib's metadata names outside addresses.
    page = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", page, count=1)
    page = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", page, count=1)
    return Markup(re.sub(r"<metadata>.*?</metadata>", "", page, flags=re.DOTALL))


def main_figures(results: Results) -> list[tuple[str, str, str]]:
    """Returns name, picture and caption of each figure; the points of two of them are linked with their trials."""
    figures = dict(FIGURES)
    if results.begins_with_known():
        figures |= {"budget-curves": PRACTITIONER, "top-distributions": TOP}
    elif not results.exchangeable():
        figures["budget-curves"] = INCUMBENTS
    else:
        figures["cost-curves"] = COST
    rows_drawn = {"score-distributions": plots.points, "top-distributions": plots.top_points}
    numbers, drawn = trial_numbers(results), []
    for name, (draw, caption) in figures.items():
        ax = draw(results)
        picture = svg(ax, name)
        picture = mark(picture, rows_drawn[name](results), numbers) if name in rows_drawn else picture
        drawn.append((name, picture, caption if ax.has_data() else ""))
    return drawn


def seeds(results: Results) -> dict | None:
    """Returns seed variance and the fate of the selected best, None where no config has two finished seeds."""
    table = statistics.seed_variance(results)
    if not table["seed"].notna().any():
        return None
    kept = statistics.selection(results).set_index("method")
    rows = [row | kept.loc[row["method"]].to_dict() for row in table.to_dict("records")]
    draw, caption = SEEDS
    return {"rows": rows, "table": table, "figure": svg(draw(results), "seeds-versus-configs"), "caption": caption}


def pairs_figure(results: Results) -> dict | None:
    """Returns the probability of improvement of each pair, None for fewer than two methods with finished configs."""
    table = comparisons.pairs(results)
    if table.empty:
        return None
    shown = table.sort_values("p", kind="stable").head(PAIRS_SHOWN).to_dict("records")
    draw, caption = IMPROVEMENT
    figure = svg(draw(results), "improvement")
    return {"rows": shown, "table": table, "count": len(table), "figure": figure, "caption": caption}


def importance_figure(results: Results) -> dict:
    """Returns how much each setting explains, with its figure, None where that may not be read."""
    found = importances.importance(results)
    picture = svg(plots.importance_bars(found), "importance") if found.interpretable else None
    return {"found": found, "figure": picture, "caption": IMPORTANCE, "most": importances.MOST}


def data_tables(results: Results, *tables: tuple[str, dict | None]) -> dict[str, str]:
    """Returns the data of each figure as the text of a CSV file; tables: figures that hold theirs."""
    trials = results.searched()
    random = results.exchangeable() and not results.begins_with_known()
    curves = budget.expected_best_curves(results) if random else incumbents.of_study(results)
    spent = incumbents.by_cost_of_study(results, "best", "images") if random else {}
    columns = ["trial", "method", "config", "seed", "phase", "status", "rung", "value"]
    frames = {
        "score-distributions": trials[columns],
        "top-distributions": trials[columns],
        "budget-curves": _joined(curves),
        "cost-curves": _joined(spent),
    } | {name: figure["table"] for name, figure in tables if figure}
    return {name: frame.to_csv(index=False) for name, frame in frames.items() if len(frame)}


def _joined(curves: "dict[str, pd.DataFrame]") -> "pd.DataFrame":
    """Returns the curves of all methods below each other, with a column method."""
    import pandas as pd

    return pd.concat([curve.assign(method=method) for method, curve in curves.items()]) if curves else pd.DataFrame()
