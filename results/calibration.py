"""What a distance is worth: tables of the experiments of `ganscape calibrate`, and what follows from them.

A row per score: experiment data metric setting level samples reference_samples against repeat value expected protocol.
level: the value of what was varied, named by setting; expected: what theory says of the mean, empty where it is silent.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganscape.files import replacing
from ganscape.results.definition import Definition, decisive_part
from ganscape.results.frames import Results, load
from ganscape.results.store import StoreError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

COLUMNS = [
    "experiment", "data", "metric", "setting", "level", "samples", "reference_samples", "against", "repeat", "value",
    "expected", "protocol",
]  # fmt: skip
SUMMARY = ["data", "metric", "level", "samples", "reference_samples", "repeats", "mean", "sd", "expected", "protocol"]


def write_table(rows: Iterable[dict], folder: str | Path, experiment: str) -> Path:
    """Writes rows to OUT/worth-EXPERIMENT.csv, which is whole or absent, and returns its path.

    Rows that the file holds of other data sets or metrics stay; those of the same are replaced.
    """
    import pandas as pd

    path = Path(folder) / f"worth-{experiment}.csv"
    table = pd.DataFrame(list(rows), columns=COLUMNS)
    if path.exists():
        kept = read_table(folder, experiment)
        known = set(zip(table["data"], table["metric"], table["against"], strict=True))
        stays = [pair not in known for pair in zip(kept["data"], kept["metric"], kept["against"], strict=True)]
        table = pd.concat([part for part in (kept[stays], table) if len(part)], ignore_index=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, "w") as file:
            table.to_csv(file, index=False)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def read_table(folder: str | Path, experiment: str) -> "pd.DataFrame":
    """Returns the table of an experiment in OUT. Raises StoreError if there is none or the file is not such a table."""
    import pandas as pd

    path = Path(folder) / f"worth-{experiment}.csv"
    if not path.exists():
        raise StoreError(f"no table in '{folder}': it holds no {path.name}; run `ganscape calibrate {experiment}`")
    try:
        table = pd.read_csv(path, dtype={"protocol": str})
    except (ValueError, OSError) as error:
        raise StoreError(f"{path}: not a table of `ganscape calibrate` ({error})") from error
    if list(table.columns) != COLUMNS or not pd.api.types.is_numeric_dtype(table["value"]):
        raise StoreError(f"{path}: not a table of `ganscape calibrate`; its columns are {', '.join(table.columns)}")
    return table


def saved(ax: "Axes", path: Path) -> Path:
    """Writes a figure to a PNG file and returns its path."""
    drawn = ax.get_figure(root=True)
    assert drawn is not None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, dpi=150)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error
    return path


def calibration_summary(table: "pd.DataFrame") -> "pd.DataFrame":
    """Returns one row per data set, metric and level, in the table's order, with columns SUMMARY.

    sd: over repeats, divisor repeats - 1. Raises StoreError if scores of one level have two protocols.
    """
    import pandas as pd

    rows = []
    for (data, metric, _, level), part in table.groupby(["data", "metric", "against", "level"], sort=False):
        if part["protocol"].nunique() > 1:
            raise StoreError(
                f"{metric} of {data} at {level} has scores of protocols {', '.join(set(part['protocol']))}"
            )
        first = part.iloc[0]
        spread = part["value"].std() if len(part) > 1 else np.nan
        rows.append((data, metric, level, first["samples"], first["reference_samples"], len(part),
                     part["value"].mean(), spread, first["expected"], first["protocol"]))  # fmt: skip
    return pd.DataFrame(rows, columns=SUMMARY)


def sights(table: "pd.DataFrame", better: Mapping[str, str], real: str) -> "pd.DataFrame":
    """Returns which faults each metric sees: one row per data set, metric and level except `real`.

    Columns: data metric level real score verdict; real and score are means over repeats. verdict: "seen" where every
    score of the level is worse than every one of `real`, "taken for better" where every one is better, else "not seen".
    better: "lower" or "higher" by the name of the metric.
    """
    import pandas as pd

    rows = []
    for (data, metric), part in table.groupby(["data", "metric"], sort=False):
        known = part.loc[part["level"] == real, "value"]
        for level, scores in part.set_index("level")["value"].groupby(level=0, sort=False):
            if level != real:
                low, high = (known, scores) if better[str(metric)] == "lower" else (scores, known)
                seen, reversed_ = low.max() < high.min(), high.max() < low.min()
                verdict = "seen" if seen else "taken for better" if reversed_ else "not seen"
                rows.append((data, metric, level, known.mean(), scores.mean(), verdict))
    return pd.DataFrame(rows, columns=["data", "metric", "level", "real", "score", "verdict"])


def at_infinity(means: "pd.DataFrame") -> tuple[float, float]:
    """Returns intercept and slope of the least-squares line through the means over 1/samples, weighted by samples: the
    distance for infinitely many samples, and its bias times samples. NaN for fewer than two sizes."""
    if len(means) < 2:
        return float("nan"), float("nan")
    slope, intercept = np.polyfit(1 / means["samples"], means["mean"], 1, w=means["samples"])
    return float(intercept), float(slope)


def joined(folders: Sequence[str | Path]) -> Results:
    """Returns the sweeps in these folders as one whose trials are scored by several metrics.

    What a trial learns does not depend on its metric, so the same study run once per metric trains the same models.
    Raises StoreError for fewer than two folders, studies that differ in more than the metric, or no trial in common.
    """
    if len(folders) < 2:
        raise StoreError("an agreement needs two sweeps at least: the same study, run once per metric")
    parts = [load(folder) for folder in folders]
    first = _without_metric(parts[0].study)
    for part in parts[1:]:
        other = _without_metric(part.study)
        different = [name for name in {**first, **other} if first.get(name) != other.get(name)]
        if different:
            names = f"'{folders[0]}' and '{part.folder}'"
            raise StoreError(f"{names} hold two studies: they differ in {', '.join(different)}")
    tables = [part.tables() for part in parts]
    shared = set.intersection(*(set(table["trials"]["trial"]) for table in tables))
    if not shared:
        raise StoreError(f"no trial in common: {', '.join(map(str, folders))}")
    both = {name: _of_trials(table, shared) for name, table in tables[0].items()}
    both["scores"] = _one_below_the_other([_of_trials(table["scores"], shared) for table in tables])
    both["protocols"] = _one_below_the_other([table["protocols"] for table in tables])
    both["signs"] = _of_trials(tables[0]["signs"], set())
    return Results(Path(folders[0]), both)


def _of_trials(table: dict[str, list], trials: set[str]) -> dict[str, list]:
    """Returns the rows of these trials, and all rows of a table without trials."""
    kept = [trial in trials for trial in table["trial"]] if "trial" in table else None
    return {name: list(compress(column, kept)) if kept is not None else column for name, column in table.items()}


def _one_below_the_other(tables: list[dict[str, list]]) -> dict[str, list]:
    return {name: [value for table in tables for value in table[name]] for name in tables[0]}


def _without_metric(definition: Definition) -> dict:
    return {name: value for name, value in decisive_part(definition).items() if name not in ("metric", "protocol")}
