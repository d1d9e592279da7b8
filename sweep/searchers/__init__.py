"""Searchers: which settings to train next. They know nothing of how trials run.

For every round a new searcher is made from the space and the seed, and given all observations so far. So what it asks
is a pure function of the study and the store, and a sweep that goes on after a crash asks for the same configs.
"""

import functools
from collections.abc import Callable

from ganscape.results.definition import Facts
from ganscape.search_spaces import Space
from ganscape.sweep.searchers.contract import Observation, Searcher, Settings, best_settings, leader_settings
from ganscape.sweep.searchers.gp_bandit import GPBandit
from ganscape.sweep.searchers.optimizer import Optimizer
from ganscape.sweep.searchers.optuna_samplers import Optuna
from ganscape.sweep.searchers.sequences import Defaults, Grid, Published, Random, Sobol

__all__ = ["SEARCHERS", "SELECTORS", "Observation", "Searcher", "Settings", "facts"]

# name -> (space, seed) -> Searcher; the last number of a seed is the round's.
SEARCHERS: dict[str, Callable[[Space, tuple[int, ...]], Searcher]] = {
    "defaults": Defaults,
    "random": Random,
    "published": Published,
    "grid": Grid,
    "sobol": Sobol,
    "gp_bandit": GPBandit,
    "gp_ei": functools.partial(GPBandit, acquisition="expected_improvement"),
    "skopt": Optimizer,
    "optuna_tpe": functools.partial(Optuna, sampler="tpe"),
    "optuna_gp": functools.partial(Optuna, sampler="gp"),
}
# What trains configs again: name -> (all observations, how many) -> settings of trained configs.
SELECTORS: dict[str, Callable[[list[Observation], int], list[Settings]]] = {
    "best": best_settings,
    "leaders": leader_settings,
}


def facts_of(name: str) -> Facts:
    """Returns what a definition states of a searcher or selector."""
    searcher = SEARCHERS.get(name)
    searcher = searcher.func if isinstance(searcher, functools.partial) else searcher
    return {
        "independent": getattr(searcher, "independent", False),
        "only_defaults": getattr(searcher, "only_defaults", False),
        "confirms": name in SELECTORS,
    }
