"""Reading an output folder, also while a sweep writes to it."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from ganscape.garbage import uncollected
from ganscape.results.store import schema
from ganscape.results.store.database import (
    LOCK,
    STORE,
    StoreError,
    apply_retries,
    column_names,
    connect_reader,
    explained,
    explained_damage,
    fetch_columns,
    fetch_rows,
    refuse_foreign,
    refuse_newer,
    rows_of,
)
from ganscape.results.store.growth import place_trials, unite
from ganscape.results.store.soundness import check_complete, check_schema, check_settings, check_values

FACTS = ("study", "definitions", "environments", "protocols")
NO_STUDY = f"no study yet (a sweep that has just begun, or a copy without its {STORE}-wal)"


def read(folder) -> dict[str, list[dict]]:
    """Returns every table of an output folder as a list of rows, dicts by column, all of one instant.

    A running sweep is not disturbed. A table that the version which wrote the store did not have is empty.

    Returns:
      table -> rows; the tables are study, environments, protocols, trials, scores, failures, retries, signs, programs,
      baselines, generators and definitions.

    Raises:
      StoreError: if there is no store, or it is foreign, newer or damaged.
    """
    return {table: rows_of(columns) for table, columns in read_columns(folder).items()}


def read_facts(folder) -> dict[str, list[dict]]:
    """Returns those tables of `read` that have few rows however many trials there are: study, definitions, environments
    and protocols. Rows of the others are neither read nor checked."""
    with snapshot(folder) as db:
        tables = checked(db, Path(folder) / STORE, {name: schema.QUERIES[name] for name in FACTS})
        _place(tables)
        return {table: rows_of(columns) for table, columns in tables.items()}


def read_columns(folder) -> dict[str, dict[str, list]]:
    """Returns the tables of `read`, each as a dict of columns: faster where there are many rows."""
    with snapshot(folder) as db:
        tables = checked(db, Path(folder) / STORE, schema.QUERIES)
        _place(tables)
        tables["failures"] = apply_retries(tables["failures"], tables["retries"]["failure"])
        return tables


@contextmanager
def snapshot(folder) -> Iterator[Any]:
    """Yields a connection to the store of OUT which sees it as it is now, until the block ends."""
    path = Path(folder) / STORE
    with reading(folder) as db, explained_damage(path), uncollected():
        db.execute("BEGIN")
        check_schema(db, path)
        yield db


def checked(db, path: Path, queries: Mapping[str, str]) -> dict[str, dict[str, list]]:
    """Returns table -> the columns that its query selects; StoreError for values that no sweep writes."""
    written = {row["name"] for row in fetch_rows(db, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    tables = {
        table: _fetch_known(db, table, query) if table in written else {name: [] for name in _named(query)}
        for table, query in queries.items()
    }
    check_values(path, tables)
    return tables


def _fetch_known(db, table: str, query: str) -> dict[str, list]:
    """Returns the columns that a query selects; those that the table of an older version lacks are None throughout."""
    there = column_names(db, table)
    for name in _named(query):
        if name not in there:
            query = query.replace(f" {name},", f" NULL AS {name},", 1)
    return fetch_columns(db, query)


def _place(tables: dict[str, dict[str, list]]) -> None:
    """Makes the newest definition that of the study, and says of its trials which phase and round of it they are."""
    definitions = [*tables["study"]["definition"], *tables["definitions"]["definition"]]
    if not definitions:
        return
    tables["study"]["definition"] = definitions[-1:]
    if "trials" not in tables:
        return
    tables["trials"] = place_trials(tables["trials"], definitions)


def rows_written(folder) -> tuple[int, ...]:
    """Returns the numbers of rows of the tables that grow, by which a reader sees that something was committed.

    Raises StoreError as `read` does.
    """
    with reading(folder) as db, explained_damage(Path(folder) / STORE):
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in ("study", "protocols"))
        last = ", ".join(f"(SELECT ifnull(max(id), 0) FROM {table})" for table in schema.GROWING)
        return db.execute(f"SELECT {counts}, {last}").fetchone()


def kept_generators(rows: list[dict]) -> list[dict]:
    """Returns the rows of table generators that hold now: the last one of each trial and rung, if it says kept."""
    last: dict[tuple[str, int], dict] = {}
    for row in rows:
        last.pop((row["trial"], row["rung"]), None)
        last[row["trial"], row["rung"]] = row
    return [row for row in last.values() if row["kept"]]


def is_written(folder) -> bool:
    """Returns whether a process holds the lock of OUT, that is, whether a sweep runs there now."""
    try:
        with open(Path(folder) / LOCK, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no lock file, or a file system without locks: no sweep of ours runs there
        return False
    return False


@contextmanager
def unwritten(folder) -> Iterator[None]:
    """Keeps every writer out of OUT while the block lasts. Raises StoreError if one is there."""
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(open(Path(folder) / LOCK, "rb"))
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"a sweep runs in '{folder}'; wait for it or stop it") from error
        except OSError:  # no lock file, as in a copy, or a file system without locks
            pass
        yield


def check(folder, definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the definition of the study that OUT will have when it is asked for this one: the two united, if it holds
    one already. Writes nothing, and does not look at rows of trials: `check_rows` does.

    Raises StoreError if OUT is foreign or holds another study.
    """
    if (Path(folder) / STORE).exists():
        if study := read_facts(folder)["study"]:
            check_complete(folder, study[0]["definition"])
            return unite(folder, study[0]["definition"], definition)
    else:
        refuse_foreign(Path(folder))
    return definition


def check_rows(folder) -> None:
    """Raises StoreError if OUT holds a store with a damaged row in any table."""
    path = Path(folder) / STORE
    if path.exists():
        with snapshot(folder) as db:
            _place(checked(db, path, {**schema.QUERIES, "trials": schema.WITHOUT_SETTINGS}))
            check_settings(db, path)


@contextmanager
def reading(folder):
    """Yields a connection to the store of OUT that cannot write, and closes it.

    Raises StoreError if OUT has no store, or one that is foreign, newer or damaged.
    """
    path = Path(folder) / STORE
    if not path.exists():
        raise StoreError(f"no results in '{folder}': it holds no {STORE}; name the output folder of a sweep")
    refuse_foreign(Path(folder))
    with explained(path), closing(connect_reader(path)) as db:
        with explained_damage(path):
            refuse_newer(db, path)
        yield db


def _named(query) -> list[str]:
    """Returns the names of the columns that a query of `schema.QUERIES` selects."""
    return query.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
