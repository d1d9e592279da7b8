"""Every trial of a sweep as JSON for the script of the page: its table, dialogs and interactive figures."""

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ganscape.results.frames import Results
from ganscape.results.plots.canvas import style
from ganscape.results.samples import all_grids, data_url

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

EMBEDDED = 1_000_000  # bytes of pictures within a page; the others are looked for beside it
DIGITS = 6  # of scores and diagnostics; settings keep every digit


def trials_json(results: Results, shared: dict[str, str], tables: dict[str, str], folder: str) -> "Markup":
    """Returns the trials as columns; shared: the settings that are the same in all of them, as words.

    tables: data of figures as text, by the figure's name, which are passed on. folder: of the sweep, for commands.

    study folder metric methods colours phases rungs, shared;
    trials: id config seed status phase value rung images seconds cpu_seconds, one entry per trial in the order asked,
    config and phase as numbers; scores: a list per trial, one entry per rung, null where there is none; diagnostics:
    the same by name of quantity; configs: id method and settings by name; failures: words by trial number; grids: rungs
    with a picture by trial number; pictures: data URLs of some of them by trial number; generators: of the kept ones by
    trial number the rung, the file below the folder and its bytes.
    """
    from markupsafe import Markup

    facts = {
        "study": str(results.study.get("study", results.folder.name)),
        "folder": folder,
        "metric": str(results.study.get("metric", "score")),
        "methods": results.methods(),
        "colours": [style(results, method)["color"] for method in results.methods()],
        "rungs": list(results.study.get("rungs") or []),
        "shared": shared,
        "tables": tables,
    } | _trials(results, set(shared))  # fmt: skip
    return Markup(json.dumps(facts, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))


def trial_numbers(results: Results) -> dict[str, int]:
    """Returns the number of each trial in `trials_json`."""
    return {trial: number for number, trial in enumerate(results.progress_of_trials()["trial"])}


def _trials(results: Results, shared: set[str]) -> dict[str, Any]:
    asked, scored = results.progress_of_trials(), results.per_trial()
    lowest = results.lowest().set_index("trial")
    spent = results.scores().groupby("trial")[["images", "seconds", "cpu_seconds"]].max().reindex(asked["trial"])
    configs = asked.drop_duplicates("config").reset_index(drop=True)
    phases = list(dict.fromkeys(asked["phase"]))
    number = {config: i for i, config in enumerate(configs["config"])}
    running = asked["status"].eq("running")
    value = scored["value"].mask(running, asked["trial"].map(lowest["value"]))
    rung = scored["rung"].astype("float64").mask(running, asked["trial"].map(lowest["rung"].astype("float64")))
    places = trial_numbers(results)
    grids = {places[trial]: rungs for trial, rungs in all_grids(results.folder).items() if trial in places}
    return {
        "phases": phases,
        "trials": {
            "id": asked["trial"].tolist(),
            "config": [number[config] for config in asked["config"]],
            "seed": asked["seed"].tolist(),
            "status": asked["status"].tolist(),
            "phase": [phases.index(phase) for phase in asked["phase"]],
            "value": _numbers(value),
            "rung": _numbers(rung, whole=True),
            "images": _numbers(spent["images"], whole=True),
            "seconds": _numbers(spent["seconds"], digits=4),
            "cpu_seconds": _numbers(spent["cpu_seconds"], digits=4),
        },
        "scores": _by_rung(results.rungs().reindex(asked["trial"]), results),
        "diagnostics": _diagnostics(results, places),
        "configs": {
            "id": configs["config"].tolist(),
            "method": [results.methods().index(method) for method in configs["method"]],
            "settings": _settings(results, configs["config"], shared),
        },
        "failures": _failures(results, places),
        "grids": grids,
        "pictures": _pictures(results, scored, places, grids),
        "generators": _generators(results, places),
    }


def _settings(results: Results, configs, shared: set[str]) -> dict[str, list]:
    """The settings that differ, each with one entry per config, null where a config does not have it."""
    asked = [results.settings(config) for config in configs]
    names = dict.fromkeys(name for settings in asked for name in settings if name not in shared)
    return {name: [_plain(settings.get(name)) for settings in asked] for name in names}


def _plain(value):
    """Returns a setting as JSON has it: numbers and words stay, everything else becomes words."""
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def _by_rung(table: "pd.DataFrame", results: Results) -> list[list]:
    rungs = results.study.get("rungs") or [*map(int, table.columns)]
    numbers = iter(_numbers(table.reindex(columns=rungs).to_numpy().ravel()))
    return [[*itertools.islice(numbers, len(rungs))] for _ in range(len(table))]


def _diagnostics(results: Results, places: dict[str, int]) -> dict[str, list]:
    """Returns for every quantity one list over rungs per trial, null for a trial that has none."""
    values, rungs = results.signs(), list(results.study.get("rungs") or [])
    columns: dict[str, list] = {}
    for quantity, group in values.groupby("quantity", sort=False):
        column: list = [None] * len(places)
        table = group.pivot_table(index="trial", columns="rung", values="value", aggfunc="last")
        table = table.reindex(columns=rungs)
        for trial, row in zip(table.index, table.to_numpy(), strict=True):
            column[places[trial]] = _numbers(row, digits=4)
        columns[str(quantity)] = column
    return columns


def _failures(results: Results, places: dict[str, int]) -> dict[int, str]:
    rows = results.failures().query("final").to_dict("records")
    words = {}
    for row in rows:
        where = f" at step {row['step']:,}" if isinstance(row["step"], int) else ""
        words[places[row["trial"]]] = f"{row['cause']}{where}: {row['message']}"
    return words


def _generators(results: Results, places: dict[str, int]) -> dict[int, list]:
    """Returns [rung, file below the folder, bytes] of every generator that is kept."""
    kept = zip(*(results.generators()[name] for name in ("trial", "rung", "bytes")), strict=True)
    return {
        places[trial]: [int(rung), f"generators/{trial}/{rung}.safetensors", int(size)] for trial, rung, size in kept
    }


def _pictures(results: Results, scored: "pd.DataFrame", places: dict[str, int], grids: dict) -> dict[int, list]:
    """Returns [rung, data URL] of the best trial of each method, then of the second best, as many as fit."""
    ranked = scored[np.isfinite(scored["value"])].sort_values("value", kind="stable")
    ranked = ranked.assign(rank=ranked.groupby("method").cumcount()).sort_values(["rank", "value"], kind="stable")
    embedded, left = {}, EMBEDDED
    for trial, rung in zip(ranked["trial"], ranked["rung"], strict=True):
        if not (stored := grids.get(places[trial])):
            continue
        nearest = min(stored, key=lambda at: abs(at - rung))
        path = results.folder / "samples" / trial / f"{nearest}.png"
        size = path.stat().st_size
        if size > left:
            break
        embedded[places[trial]] = [nearest, data_url(path)]
        left -= size
    return embedded


def _numbers(values, digits: int = DIGITS, whole: bool = False) -> list:
    """Returns numbers of so many digits; null for NaN, "failed" for infinity."""
    return [_number(value, digits, whole) for value in np.asarray(values, dtype=np.float64).tolist()]


def _number(value: float, digits: int, whole: bool):
    if value != value:
        return None
    if math.isinf(value):
        return "failed"
    return int(value) if whole else float(f"{value:.{digits}g}")
