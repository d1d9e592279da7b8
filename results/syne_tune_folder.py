"""A sweep as tabular black boxes of Syne Tune, which simulates its schedulers on them without training.

The files of a black box are those of `syne_tune.blackbox_repository.blackbox_tabular.serialize` (Syne Tune 0.16):
hyperparameters.parquet has a row per config; objectives_evaluations.npy is [1 task, configs, seeds, rungs, objectives];
configspace.json, fidelityspace.json and metadata.json say what the axes are.
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ganscape.results.frames import Results
from ganscape.results.new_folder import new_folder
from ganscape.results.ranges import Numbers, as_searched, dimension_of, innermost, range_of
from ganscape.results.store import StoreError
from ganscape.results.tabular import Tabular

ELAPSED = "metric_elapsed_time"  # what Syne Tune calls the seconds since the start of a trial
FIDELITY = "images"


def export_syne_tune(results: Results, folder: str | Path) -> Path:
    """Writes a black box per method into a new folder, whole or not at all; returns the folder.

    A black box has the configs none of whose trials is being trained, and of each as many trials as the config with the
    fewest has. Its objectives are the study's metric, the seconds of training and evaluation, and the other metrics of
    the study; its fidelity is the number of real images. A failed trial has infinity from the rung on that it did not
    reach, a stopped one NaN.

    Raises StoreError if the folder exists, and where no config has ended.
    """
    folder, table = Path(folder), Tabular(results)
    trials = results.trials()
    unfinished = set(trials.loc[trials["status"] == "running", "config"])
    configs = {
        method: [config for config in table.configs(method) if config not in unfinished] for method in table.methods
    }
    if not any(configs.values()):
        raise StoreError(f"no config in '{results.folder}' has ended yet")
    further = _further_scores(results)
    with new_folder(folder) as temporary:
        for method, ended in configs.items():
            if ended:
                (temporary / method).mkdir()
                _write_black_box(temporary / method, table, method, ended, further)
    return folder


def _further_scores(results: Results) -> dict[str, dict[tuple[str, int, int], float]]:
    """Returns metric -> (config, seed, rung) -> value for the metrics that score the same samples as the study's."""
    found, scores = {}, results.scores()
    for metric, protocol in results.study.get("further", {}).items():
        rows = scores[(scores["metric"] == metric) & (scores["protocol"] == protocol)]
        columns = [rows[name].tolist() for name in ("config", "seed", "rung", "value")]
        found[metric] = {tuple(key): value for *key, value in zip(*columns, strict=True)}
    return found


def _write_black_box(
    folder: Path, table: Tabular, method: str, configs: list[str], further: dict[str, dict[tuple[str, int, int], float]]
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    study = table.results.study
    dimensions = study["methods"].get(method, {}).get("dimensions", {})
    settings = as_searched([table.settings(config) for config in configs], dimensions)
    columns, space, fixed = _columns(settings, dimensions)
    if not columns:  # the authors' settings alone: a black box has to have a hyperparameter
        columns, space = {"config": configs}, {"config": _domain("Categorical", "Uniform", {}, categories=configs)}
    if len(set(zip(*columns.values(), strict=True))) < len(configs):
        raise StoreError(f"two configs of {method} differ only in settings that do not apply to one of them")
    parquet.write_table(pa.table(columns), folder / "hyperparameters.parquet", compression="gzip")
    seeds = [table.seeds(config) for config in configs]
    count = min(map(len, seeds))
    evaluations = [
        [_evaluate(table, config, seed, further) for seed in of_config[:count]]
        for config, of_config in zip(configs, seeds, strict=True)
    ]
    np.save(folder / "objectives_evaluations.npy", np.array([evaluations], np.float64), allow_pickle=False)
    np.save(folder / "fidelities_values.npy", np.array(table.rungs, np.int64), allow_pickle=False)
    _write_json(folder / "configspace.json", space)
    images = _domain("Integer", "Uniform", {}, lower=table.rungs[0], upper=table.rungs[-1])
    _write_json(folder / "fidelityspace.json", {FIDELITY: images})
    metadata = {
        "objectives_names": [table.metric, ELAPSED, *further],
        "task_names": [study["data"]],
        "study": study["study"],
        "question": study["question"],
        "method": method,
        "protocol": study["protocol"],
        "configs": configs,
        "seeds": [of_config[:count] for of_config in seeds],
        "settings": fixed,
    }
    _write_json(folder / "metadata.json", metadata)


def _evaluate(
    table: Tabular, config: str, seed: int, further: dict[str, dict[tuple[str, int, int], float]]
) -> list[list[float]]:
    """Returns [rungs, objectives] of one trial."""
    curve = table.curve(config, seed)
    known = [[answer.value, answer.seconds] for answer in curve]
    known += [[math.nan, math.nan]] * (len(table.rungs) - len(curve))
    return [
        [*values, *(scores.get((config, seed, rung), math.nan) for scores in further.values())]
        for rung, values in zip(table.rungs, known, strict=True)
    ]


def _columns(
    settings: Sequence[dict[str, Any]], dimensions: dict[str, dict[str, Any]]
) -> tuple[dict[str, list], dict[str, Any], dict[str, Any]]:
    """Returns the settings that are searched or vary, as columns; the domain of each; and the settings that are fixed.

    A setting that does not apply to a config has its lowest value or its first option there: a black box has a value of
    every setting for every config.
    """
    columns, space, fixed = {}, {}, {}
    cast: Callable[[Any], Any]
    for name in dict.fromkeys(name for each in settings for name in each):
        values = [each[name] for each in settings if name in each]
        dimension = dimension_of(name, dimensions)
        searched = innermost(dimension).get("kind", "Fixed") != "Fixed"
        if not searched and len(values) == len(settings) and len(set(map(repr, values))) == 1:
            fixed[name] = values[0]
            continue
        found = range_of(dimension, values)
        if isinstance(found, Numbers):
            kind, cast, first = ("Integer", int, found.low) if found.integers else ("Float", float, found.low)
            sampler, base = ("LogUniform", {"base": math.e}) if found.logarithmic else ("Uniform", {})
            space[name] = _domain(kind, sampler, base, lower=cast(found.low), upper=cast(found.high))
        else:
            cast, first = _common_type(found.values), found.values[0]
            space[name] = _domain("Categorical", "Uniform", {}, categories=list(map(cast, found.values)))
        columns[name] = [cast(each.get(name, first)) for each in settings]
    return columns, space, fixed


def _common_type(values: Sequence[Any]) -> type:
    """Returns the type of all options, as Syne Tune demands: that of all values, float of numbers, else str."""
    types = {type(value) for value in values}
    if len(types) == 1:
        return types.pop()
    return float if types == {int, float} else str


def _domain(kind: str, sampler: str, sampler_arguments: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """Returns a domain of `syne_tune.config_space` as its `to_dict` gives it."""
    return {
        "domain_cls": kind,
        "domain_kwargs": arguments,
        "sampler_cls": sampler,
        "sampler_kwargs": sampler_arguments,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
