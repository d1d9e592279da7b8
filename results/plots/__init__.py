"""Results -> matplotlib Axes. Every function takes `ax=None`, returns the Axes it drew on and saves nothing.

A method keeps its colour and marker in every figure of a study; markers tell methods apart in grey and for the
colour-blind (Okabe and Ito's palette without yellow). STUDIES_FIGURES names those of the published studies.
"""

from ganscape.results.plots.budgets import (
    budget_curves,
    cost_curves,
    incumbent_curves,
    lucic_budget_curves,
    mixed_budget_curves,
)
from ganscape.results.plots.canvas import style
from ganscape.results.plots.comparisons import improvement_matrix, performance_profiles
from ganscape.results.plots.distributions import (
    points,
    score_distributions,
    seeds_versus_configs,
    top_distributions,
    top_points,
)
from ganscape.results.plots.metrics import encoder_scatter, sample_grid
from ganscape.results.plots.settings import importance_bars, parallel_coordinates, slices

__all__ = [
    "STUDIES_FIGURES",
    "budget_curves",
    "cost_curves",
    "encoder_scatter",
    "importance_bars",
    "improvement_matrix",
    "incumbent_curves",
    "lucic_budget_curves",
    "mixed_budget_curves",
    "parallel_coordinates",
    "performance_profiles",
    "points",
    "sample_grid",
    "score_distributions",
    "seeds_versus_configs",
    "slices",
    "style",
    "top_distributions",
    "top_points",
]

STUDIES_FIGURES = {
    "equal/figure_4": lucic_budget_curves,  # of equal/wide
    "equal/figure_5": score_distributions,  # of equal/wide
    "equal/figure_6": lucic_budget_curves,  # of equal/f1, as 1 - F1
    "equal/figure_15": score_distributions,  # of equal/narrow
    "landscape/figures_1_to_4_top": top_distributions,
    "landscape/figures_1_to_4_bottom": mixed_budget_curves,
}
