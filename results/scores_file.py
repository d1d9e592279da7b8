"""Every score with the settings of its trial, as one table in a file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ganscape.errors import check_name
from ganscape.files import replacing
from ganscape.results.columns import SCORES, TRIAL
from ganscape.results.frames import Results
from ganscape.results.store import NO_STUDY, StoreError

if TYPE_CHECKING:
    import pandas as pd


def export(results: Results, path) -> Path:
    """Writes every score with the settings of its trial to a .csv or .parquet file, whole or not at all. One that is
    there is replaced.

    Columns: those of `scores`, then round, status, rungs and one per setting. Floats keep every bit. A trial without
    any score has one row with an empty value, so that failures are not lost on the way.
    """
    path = Path(path)
    before = f"cannot export to '{path.name}': "
    check_name("kind of file", path.suffix, WRITERS, StoreError, before=before)
    if not results.study:
        raise StoreError(f"nothing to export: '{results.folder}' holds {NO_STUDY}")
    trials = results.trials()
    collide = [name for name in trials.columns if name in SCORES and name not in TRIAL]
    trials = trials.rename(columns={name: f"setting_{name}" for name in collide})
    scores = results.scores().drop(columns=TRIAL[1:]).astype({"images": "Int64", "attempt": "Int64"})
    table = trials.merge(scores, on="trial", how="left")
    table = table[SCORES + [name for name in table.columns if name not in SCORES]]
    mode, write = WRITERS[path.suffix]
    try:
        with replacing(path, mode) as file:
            write(table, file)
    except OSError as error:
        raise StoreError(f"cannot write '{path}': {error.strerror or error}") from error
    return path


def _write_csv(table: "pd.DataFrame", file: IO) -> None:
    table.to_csv(file, index=False)


def _write_parquet(table: "pd.DataFrame", file: IO) -> None:
    # A setting that is a number in one trial and a word in another has no type in parquet: it is written as JSON.
    for name in [name for name in table.columns if table[name].dtype.kind == "O"]:
        kinds = {type(value) for value in table[name].dropna()}
        if len(kinds) > 1 or kinds & {list, dict}:
            table[name] = table[name].map(json.dumps, na_action="ignore")
    table.to_parquet(file, index=False)


# suffix -> how the file is opened, and what writes it
WRITERS: dict[str, tuple[str, Callable[["pd.DataFrame", IO], None]]] = {
    ".csv": ("w", _write_csv),
    ".parquet": ("wb", _write_parquet),
}
