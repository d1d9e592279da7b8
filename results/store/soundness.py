"""Whether what a store holds can have been written by Ganscape: tables, columns, types, references, times."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ganscape.results.store.database import STORE, column_names, columns_after, damaged, fetch_rows

NUMBER, TEXT = (int, float), (str,)
TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("definition", "environment", "description", "settings"), (dict,)),
    **dict.fromkeys(("value", "seconds", "cpu_seconds"), NUMBER),
    **dict.fromkeys(("trial", "config", "method", "structure", "metric", "protocol", "fingerprint"), TEXT),
    **dict.fromkeys(("cause", "quantity", "kind", "source", "message", "detail", "command", "recorded"), TEXT),
    **dict.fromkeys(("id", "round", "seed", "images", "attempt", "bytes", "compiled", "loaded", "lanes"), (int,)),
    **dict.fromkeys(("draw", "failure", "kept", "final", "rung", "step", "phase_round"), (int,)),
    "phase": TEXT,
}
OPTIONAL = {
    ("failures", "rung"),
    ("failures", "step"),
    *(("signs", "cause"), ("scores", "cpu_seconds")),
    ("trials", "phase"),
    ("trials", "phase_round"),
}
# Column of a table -> the table and column that has all of its values.
REFERENCES = {
    **{(table, "trial"): ("trials", "trial") for table in ("scores", "failures", "signs", "generators")},
    **{(table, "protocol"): ("protocols", "fingerprint") for table in ("scores", "baselines")},
    ("retries", "failure"): ("failures", "id"),
}
# Columns whose values are names of folders: another store's must not lead out of its own.
FOLDERS = {("trials", "trial"), ("trials", "method")}
STUDY: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("study", "question", "source", "scale", "data", "data_fingerprint", "metric", "protocol"), TEXT),
    **dict.fromkeys(("searcher", "scheduler"), TEXT),
    **dict.fromkeys(("seed", "seeds", "configs", "rounds", "images"), (int,)),
    **dict.fromkeys(("methods", "settings", "further"), (dict,)),
    **dict.fromkeys(("rungs", "image_shape", "phases"), (list, tuple)),
}
# What a definition has in every version: to look at results, and to train anything.
TO_READ = ("study", "data", "seeds", "configs", "methods", "rungs", "metric", "protocol")
TO_TRAIN = (*TO_READ, "data_fingerprint", "image_shape", "seed", "images", "settings")
# Entries of JSON columns that others compute with.
ENTRIES: dict[str, dict[str, tuple[type, ...]]] = {
    "description": dict.fromkeys(("samples", "reference_samples", "draw"), (int,)),
    "environment": {"versions": (dict,)},
}
PHASE = {"name": TEXT, "searcher": TEXT, "configs": (int,), "seeds": (int,), "rounds": (int,)}


def check_schema(db, path: Path) -> None:
    """Raises StoreError if a table or column is missing that the migrations of a store have made."""
    migrations = tuple(row["name"] for row in fetch_rows(db, "SELECT name FROM migrations ORDER BY name"))
    for table, columns in columns_after(migrations).items():
        there = column_names(db, table)
        if not there:
            raise damaged(path, f"table {table} is missing")
        if missing := [name for name in columns if name not in there]:
            raise damaged(path, f"table {table} has no column {missing[0]}")


def check_values(path: Path, tables: Mapping[str, Mapping[str, list]]) -> None:
    """Raises StoreError, naming the first one, for values that no sweep writes, and for rows that belong to none.

    tables: columns by name, JSON decoded.
    """
    for table, columns in tables.items():
        for name, column in columns.items():
            for what in itertools.chain(faults_of_column(table, name, column), _strays(table, name, column, tables)):
                raise damaged(path, what)


def check_settings(db, path: Path) -> None:
    """Raises StoreError for settings of a trial that are no JSON object, none of which is kept in memory."""
    for kind, settings in db.execute("SELECT json_type(settings), settings FROM trials"):
        if kind != "object":
            raise damaged(path, f"settings of a row of trials is {settings[:40]!r}")


def faults_of_column(table: str, name: str, column: Sequence[Any]) -> Iterator[str]:
    """Yields what is wrong with values of a column, JSON decoded, one line each."""
    expected = {*TYPES[name], bool, *([type(None)] if (table, name) in OPTIONAL else [])}
    if not {*map(type, column)} <= expected:
        value = next(value for value in column if type(value) not in expected)
        yield f"{name} of a row of {table} is {str(value)[:40]!r}"
    elif name == "recorded":
        yield from (f"the time of a row of {table} is {value[:40]!r}" for value in column if not is_time(value))
    elif (table, name) in FOLDERS:
        yield from (f"{name} {value[:40]!r} of a row of {table} cannot be the name of a folder" for value in column
                    if not is_folder_name(value))  # fmt: skip
    elif name == "definition":
        yield from (what for value in column for what in _faults_of_study(value))
    elif name in ENTRIES:
        yield from (f"{what} of a row of {table}" for value in column for what in _mistyped(value, ENTRIES[name]))


def _strays(table: str, name: str, column: list, tables: Mapping[str, Mapping[str, list]]) -> Iterator[str]:
    """Yields which values of a column refer to rows that are not there."""
    if (table, name) in REFERENCES:
        target, key = REFERENCES[table, name]
        known = set(tables[target][key])
        strays = (value for value in column if value not in known)
        yield from (f"a row of {table} has {name} {str(stray)[:40]!r}, which is none of {target}" for stray in strays)


def check_complete(folder: str | Path, definition: Mapping[str, Any], names: Sequence[str] = TO_TRAIN) -> None:
    """Raises StoreError for a definition that lacks one of these entries."""
    if missing := missing_of_study(definition, names):
        raise damaged(Path(folder) / STORE, f"the definition of the study has no {missing[0]}")


def is_folder_name(text: str) -> bool:
    """Whether a folder of this name lies in the folder where it is looked for."""
    return text.isprintable() and "/" not in text and text.strip() not in ("", ".", "..") and len(text) < 200


def is_time(text: Any) -> bool:
    """Whether this is a time as stores write it."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except (TypeError, ValueError):
        return False


def missing_of_study(definition: Mapping[str, Any], names: Sequence[str] = TO_READ) -> list[str]:
    """Returns which of these entries a definition lacks."""
    return [name for name in names if name not in definition]


def _faults_of_study(definition: Mapping[str, Any]) -> Iterator[str]:
    """Yields what a definition has that no version of Ganscape has written, one line each."""
    yield from _mistyped(definition, STUDY)
    for phase in definition.get("phases", ()) if isinstance(definition.get("phases", ()), list | tuple) else ():
        if not isinstance(phase, dict):
            yield f"a phase is {str(phase)[:40]!r}"
        else:
            yield from (f"a phase has no {name}" for name in PHASE if name not in phase)
            yield from _mistyped(phase, PHASE | {"methods": (list,), "settings": (dict,)})
    if isinstance(definition.get("methods"), dict):
        yield from (f"method {name} is {str(space)[:40]!r}" for name, space in definition["methods"].items()
                    if not isinstance(space, dict))  # fmt: skip
    rungs = definition.get("rungs", [1])
    if isinstance(rungs, list | tuple) and (not rungs or any(type(rung) is not int for rung in rungs)):
        yield f"rungs is {str(rungs)[:40]!r}"


def _mistyped(values: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> Iterator[str]:
    for name, expected in types.items():
        if name in values and (not isinstance(values[name], expected) or isinstance(values[name], bool)):
            yield f"{name} is {str(values[name])[:40]!r}"
