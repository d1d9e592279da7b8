"""A model of what configs between those of a table would score, with the error that it has on configs unknown to it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ganscape.results.ranges import fields_of
from ganscape.results.store import StoreError
from ganscape.results.tabular import Tabular

TREES, FOLDS, FEWEST = 200, 5, 10
WIDE = 20.0  # largest over smallest value of a setting from which on its logarithm is taken


class Error(NamedTuple):
    """How far predictions are off for configs that the model has not seen, by cross-validation over configs.

    log_rmse: root mean square of the differences of natural logarithms of scores. rank_correlation: Spearman's, of
    predicted and true medians. baseline: the log_rmse of predicting the mean for every config.
    """

    log_rmse: float
    rank_correlation: float
    baseline: float


class Surrogate:
    """Extremely randomised trees (Geurts et al. 2006) on the logarithm of a method's median scores at one rung.

    A config half of whose trials failed counts as the worst that worked. `error` says what predictions are worth: a
    surrogate whose log_rmse is near the baseline knows nothing. `noise` is the deviation between seeds of one config,
    of logarithms, where configs were trained with several; 0 otherwise.
    """

    def __init__(self, table: Tabular, method: str, rung: int | None = None, seed: int = 0):
        """Raises StoreError for a method with fewer than FEWEST configs, or none that worked."""
        configs = table.configs(method)
        if len(configs) < FEWEST:
            raise StoreError(f"{len(configs)} configs of {method} are too few for a surrogate; it needs {FEWEST}")
        values = [[table.ask(config, rung, each).value for each in table.seeds(config)] for config in configs]
        medians = np.array([np.median(trials) for trials in values])
        if not np.isfinite(medians).any():
            raise StoreError(f"no config of {method} worked; there is nothing to predict")
        worst = medians[np.isfinite(medians)].max()
        targets = np.log(np.where(np.isfinite(medians), medians, worst))
        settings = [fields_of(table.settings(config)) for config in configs]
        self.method, self.seed = method, seed
        self._columns = _columns(settings)
        self._always = {name for name, *_ in self._columns if all(name in each for each in settings)}
        points = np.array([self._encode(each) for each in settings])
        self._model = self._fit(points, targets)
        self.error = self._cross_validate(points, targets)
        spreads = [np.var(np.log(trials), ddof=1) for trials in values if len(trials) > 1 and np.isfinite(trials).all()]
        self.noise = float(np.sqrt(np.mean(spreads))) if spreads else 0.0

    def predict(self, settings: dict[str, Any]) -> float:
        """Returns the score that a config with these settings would have, a median over seeds.

        Raises StoreError for settings without a field that varies in the table and that every config of it has.
        """
        return self.predict_all([settings])[0]

    def predict_all(self, settings: Sequence[dict[str, Any]]) -> list[float]:
        """Returns the scores of several configs, which takes little longer than that of one."""
        points = np.array([self._encode(each) for each in settings])
        return [float(value) for value in np.exp(self._model.predict(points))]

    def __repr__(self) -> str:
        error = self.error
        return (
            f"Surrogate({self.method!r}: log error {error.log_rmse:.3f} on unknown configs, {error.baseline:.3f} for "
            f"the mean; rank correlation {error.rank_correlation:.2f})"
        )

    def _encode(self, settings: dict[str, Any]) -> list[float]:
        settings = fields_of(settings)
        if missing := sorted(self._always - set(settings)):
            raise StoreError(f"the settings lack {', '.join(missing)}, on which scores of {self.method} depend")
        return [_number(settings.get(name), choice, logarithm) for name, choice, logarithm in self._columns]

    def _fit(self, points: np.ndarray, targets: np.ndarray) -> Any:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(TREES, random_state=self.seed, n_jobs=1).fit(points, targets)

    def _cross_validate(self, points: np.ndarray, targets: np.ndarray) -> Error:
        from scipy.stats import spearmanr
        from sklearn.model_selection import KFold

        predicted, means = np.empty_like(targets), np.empty_like(targets)
        for train, test in KFold(min(FOLDS, len(targets)), shuffle=True, random_state=self.seed).split(points):
            predicted[test] = self._fit(points[train], targets[train]).predict(points[test])
            means[test] = targets[train].mean()
        rank = spearmanr(predicted, targets).statistic if np.ptp(targets) > 0 and np.ptp(predicted) > 0 else np.nan
        errors = [float(np.sqrt(np.mean((each - targets) ** 2))) for each in (predicted, means)]
        return Error(errors[0], float(rank), errors[1])


def _columns(settings: list[dict[str, Any]]) -> list[tuple[str, Any, bool]]:
    """Returns (setting, choice or None, whether its logarithm is taken) for every input of the model: a number is one
    input, a setting of words one per word, one that never varies none."""
    columns: list[tuple[str, Any, bool]] = []
    for name in sorted({name for each in settings for name in each}):
        values = [each.get(name) for each in settings]
        if len(set(map(repr, values))) == 1:
            continue
        present = [value for value in values if value is not None]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
            columns.append((name, None, min(present) > 0 and max(present) / min(present) > WIDE))
        else:
            columns += [(name, choice, False) for choice in sorted(set(present), key=repr)]
    return columns


def _number(value: Any, choice: Any, logarithm: bool) -> float:
    if choice is not None:
        return float(value == choice)
    if value is None:  # a field that does not apply: far from every value that it may have
        return -100.0
    return float(np.log(value)) if logarithm else float(value)
