"""Samplers of Optuna as searchers; Optuna is an optional extra."""

import importlib.util
import warnings

import numpy as np

from ganscape.search_spaces import Choice, Dimension, Space, StudyError
from ganscape.sweep.searchers.contract import Observation, Settings
from ganscape.sweep.searchers.coordinates import MARGIN, cells, fitting_data, inner
from ganscape.sweep.searchers.sequences import Sobol
from ganscape.sweep.searchers.threads import one_thread

NEEDS = {"tpe": ("optuna",), "gp": ("optuna", "torch")}


class Optuna:
    """Asks for the defaults of the space and a Sobol sequence until scores differ, then for what a sampler of Optuna
    asks.

    Every round is a new study of Optuna with all trials so far; those of the round itself count as running. Proposals
    that were asked before are replaced by the next of the Sobol sequence.

    Args:
      sampler: "tpe", a tree of Parzen estimators (Bergstra et al. 2011), all coordinates together; "gp", a Gaussian
        process with the logarithm of expected improvement.
    """

    def __init__(self, space: Space, seed: tuple[int, ...], sampler: str):
        if absent := [package for package in NEEDS[sampler] if importlib.util.find_spec(package) is None]:
            raise StudyError(
                f"searcher 'optuna_{sampler}' needs {' and '.join(absent)}, not installed here; "
                "pip install 'ganscape[optuna]'"
            )
        self.space, self.seed, self.sampler, self.sequence = space, seed, sampler, Sobol(space, seed)
        self.observations: list[Observation] = []

    def tell(self, observations: list[Observation]) -> None:
        self.observations += observations
        self.sequence.tell(observations)

    def ask(self, count: int) -> list[Settings]:
        data = fitting_data(self.space, self.observations)
        if count < 1 or data is None:
            return self.sequence.ask(count)
        import optuna

        coordinates, points, values = data

        distributions = {f: _distribution(optuna, self.space.dimensions[f]) for f in coordinates.fields}
        with one_thread(*NEEDS[self.sampler]), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study = optuna.create_study(sampler=self._sampler(optuna))
            for point, value in zip(points, values, strict=True):
                params = dict(zip(coordinates.fields, point, strict=True))
                study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=float(value)))
            trials = [study.ask(distributions) for _ in range(count)]
        proposals = [coordinates.settings([trial.params[field] for field in coordinates.fields]) for trial in trials]
        return self.sequence.complete(proposals, count)

    def _sampler(self, optuna):
        state = int(np.random.default_rng(self.seed).integers(2**31))
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if self.sampler == "gp":
            return optuna.samplers.GPSampler(seed=state, deterministic_objective=False)
        return optuna.samplers.TPESampler(seed=state, multivariate=True, constant_liar=True)


def _distribution(optuna, dimension: Dimension):
    """Returns Optuna's distribution of a dimension's coordinate."""
    count = cells(dimension)
    if count is None:
        return optuna.distributions.FloatDistribution(MARGIN, 1 - MARGIN)
    if isinstance(inner(dimension), Choice):
        return optuna.distributions.CategoricalDistribution(list(range(count)))
    return optuna.distributions.IntDistribution(0, count - 1)
