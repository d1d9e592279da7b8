"""The figures of the two papers, drawn from a sweep's scores: which study belongs to which, and what each shows."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ganscape.results import plots
from ganscape.results.frames import Results
from ganscape.results.page.figures import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PaperFigure(NamedTuple):
    """A figure of a paper. number: such as "Fig. 4". caption: what is drawn, and what the paper's has in its place."""

    number: str
    draw: Callable[[Results], "Axes"]
    caption: str


def _budget_curves(results: Results) -> "Axes":
    """The curve of a practitioner who tries the listed settings first, where a searcher goes on after them."""
    return (plots.mixed_budget_curves if results.begins_with_known() else plots.budget_curves)(results)


BUDGET = PaperFigure(
    "Fig. 4",
    plots.lucic_budget_curves,
    "The lowest score of k configurations: mean and deviation over bootstrap resamples, computed exactly. The paper "
    "draws 5,000 resamples of 100 configurations on each of four data sets.",
)
SPREAD = PaperFigure(
    "Fig. 5",
    plots.score_distributions,
    "Scores of all configurations of the wide ranges; star: the authors' setting. The paper has 100 of each method.",
)
TOP = (
    plots.top_distributions,
    "The best twentieth of each method's trials, failed ones counted among all. The paper has 360 trials of each.",
)
EFFORT = (
    _budget_curves,
    "The lowest score of k settings. The paper averages over 1,000 practitioners who try the fixed settings and go on "
    "with those of the bandit.",
)
LANDSCAPE = ("landscape/loss", "landscape/reg-norm", "landscape/both", "landscape/architecture")  # Figs. 1 to 4
FIGURES: dict[str, tuple[PaperFigure, ...]] = {
    "equal/wide": (BUDGET, SPREAD),
    "equal/seeds": (
        BUDGET,
        SPREAD,
        PaperFigure(
            "Table 3",
            plots.seeds_versus_configs,
            "Deviation between seeds of one configuration, and between configurations. The paper has 50 seeds of each "
            "method's best.",
        ),
    ),
    "equal/narrow": (
        SPREAD._replace(
            number="Fig. 15",
            caption="Scores of all configurations of the narrow ranges, which the paper chose on Fashion-MNIST.",
        ),
    ),
    "equal/f1": (
        BUDGET._replace(
            number="Fig. 6",
            caption="The lowest 1 - F1 of k configurations; the paper draws the highest F1.",
        ),
    ),
} | {
    study: tuple(
        PaperFigure(f"Fig. {number}, {row}", *figure) for row, figure in (("first row", TOP), ("second row", EFFORT))
    )
    for number, study in enumerate(
        ("landscape/loss", "landscape/reg-norm", "landscape/both", "landscape/architecture"), 1
    )
}


def paper_figures(results: Results) -> list[dict[str, str]]:
    """Returns number, caption and SVG of each figure of a paper that this study's scores can fill."""
    study = results.study.get("study", "")
    drawn = []
    for index, figure in enumerate(FIGURES.get(study, ())):
        ax = figure.draw(results)
        if ax.has_data():
            picture = svg(ax, f"{study.replace('/', '-')}-{index}")
            drawn.append({"number": figure.number, "caption": figure.caption, "picture": picture})
    return drawn
