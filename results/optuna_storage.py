"""A sweep as a storage file of Optuna, one study per method, for optuna-dashboard and Optuna's analyses."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganscape.files import part_folder
from ganscape.results.frames import Results
from ganscape.results.ranges import Options, dimension_of, range_of
from ganscape.results.store import StoreError

if TYPE_CHECKING:
    import optuna
    import pandas as pd


def export_optuna(results: Results, path: str | Path) -> Path:
    """Writes an SQLite file that Optuna reads as `sqlite:///PATH`, whole or not at all; returns its path.

    A study is a method, called STUDY/METHOD. A trial is a config: its value is the median over seeds of the lowest
    scores, its intermediate values are the medians at each rung by images, its user attributes the config's id, seeds
    and scores. A config half of whose trials failed is a failed trial; one that is being trained is left out.

    Raises StoreError if the file exists, if Optuna is not installed, and where no config has ended.
    """
    try:
        import optuna
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise StoreError("--as optuna needs Optuna: pip install ganscape[optuna]") from None
    path = Path(path)
    if path.exists():
        raise StoreError(f"'{path}' exists; name a new file")
    trials = results.per_trial().merge(results.trials()[["trial", "round"]], on="trial")
    ended = trials.groupby(["method", "config"])["value"].transform(lambda values: values.notna().all())
    trials = trials[ended]
    if trials.empty:
        raise StoreError(f"no config in '{results.folder}' has ended yet")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with part_folder(path) as folder:
            file = folder / "storage.db"
            storage = optuna.storages.RDBStorage(f"sqlite:///{file}")
            for method, rows in trials.groupby("method", sort=False):
                _write_study(storage, results, str(method), rows)
            storage.engine.dispose()
            os.replace(file, path)
    except OSError as error:
        raise StoreError(f"cannot write '{path}': {error.strerror or error}") from error
    except (StorageInternalError, SQLAlchemyError) as error:  # SQLite's, wrapped twice
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise StoreError(f"cannot write '{path}': {cause}") from error
    return path


def _write_study(storage: Any, results: Results, method: str, rows: "pd.DataFrame") -> None:
    import optuna

    study = optuna.create_study(storage=storage, study_name=f"{results.study['study']}/{method}", direction="minimize")
    study.set_user_attr("metric", results.protocol_label())
    study.set_user_attr("question", results.study["question"])
    searched = results.study["methods"].get(method, {}).get("dimensions", {})
    configs = list(rows.groupby("config", sort=False))
    settings = {str(config): results.settings(str(config)) for config, _ in configs}
    distributions = {
        name: _distribution(dimension_of(name, searched), [each[name] for each in settings.values() if name in each])
        for name in dict.fromkeys(name for each in settings.values() for name in each)
    }
    scores = results.scores()
    scores = scores[scores["metric"] == results.study["metric"]]
    for config, seeds in configs:
        value = float(seeds["value"].median())
        at_rungs = scores[(scores["config"] == config) & (scores["method"] == method)].groupby("rung")["value"].median()
        parameters = settings[str(config)]
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.COMPLETE if math.isfinite(value) else optuna.trial.TrialState.FAIL,
                value=value if math.isfinite(value) else None,
                params=parameters,
                distributions={name: distributions[name] for name in parameters},
                user_attrs={
                    "config": str(config),
                    "seeds": [int(seed) for seed in seeds["seed"]],
                    "scores": [float(score) if math.isfinite(score) else None for score in seeds["value"]],
                },
                intermediate_values=dict(zip(at_rungs.index.tolist(), at_rungs.tolist(), strict=True)),
            )
        )


def _distribution(dimension: dict[str, Any], values: list[Any]) -> "optuna.distributions.BaseDistribution":
    """Returns the range of a setting of these values as a distribution of Optuna."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found = range_of(dimension, values)
    if isinstance(found, Options):
        return CategoricalDistribution(list(found.values))
    if found.integers:
        return IntDistribution(int(found.low), int(found.high))
    return FloatDistribution(float(found.low), float(found.high), log=found.logarithmic)
