"""Connections to the SQLite file of a store: how it is opened, refused, created, and what its errors mean to a user."""

import functools
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ganscape.errors import UserError
from ganscape.results.store import schema

STORE = "store.sqlite"
LOCK = "store.lock"
NEWBORN = "store.sqlite.new"
APPLICATION_ID = 0x47414E53  # "GANS", at byte 68 of the file
SECONDS_TO_WAIT = 30.0


class StoreError(UserError):
    """What the user of an output folder can put right; the message is one line."""


def connect_reader(path: Path) -> sqlite3.Connection:
    """Returns a connection that cannot write."""
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=SECONDS_TO_WAIT, isolation_level=None)
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        db.close()
        log = path.with_name(STORE + "-wal")
        if log.exists() and log.stat().st_size:
            raise
        # A folder on read-only media has no place for SQLite's index of the log; without a log none is needed.
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return db


def connect_writer(folder: Path) -> sqlite3.Connection:
    """Returns a connection whose commits are durable; the store is created or migrated first, and its owner noted."""
    if not (folder / STORE).exists():
        create(folder)
    path = folder / STORE
    db = sqlite3.connect(path.resolve().as_uri(), uri=True, timeout=SECONDS_TO_WAIT, isolation_level=None)
    try:
        refuse_newer(db, path)
        _prefer_wal(db)
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA fullfsync=ON")
        db.execute("PRAGMA foreign_keys=ON")
        _migrate(db)
        with transaction(db):
            insert_row(db, "owners", {"pid": os.getpid(), "host": socket.gethostname()})
    except BaseException:
        db.close()
        raise
    return db


def connect_new(folder: Path) -> sqlite3.Connection:
    """Returns a connection that writes to a store which nobody else has opened yet."""
    db = sqlite3.connect(folder / STORE, isolation_level=None)
    db.execute("PRAGMA foreign_keys=ON")
    return db


def create(folder: Path):
    """Writes an empty store under another name, then renames it: store.sqlite never exists half made."""
    for name in (NEWBORN, NEWBORN + "-journal"):
        (folder / name).unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / NEWBORN, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute("CREATE TABLE migrations (name TEXT PRIMARY KEY, recorded TEXT NOT NULL) STRICT")
        _migrate(db)
    os.replace(folder / NEWBORN, folder / STORE)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _migrate(db):
    """Applies the migrations of this version that the store has not had yet, each in a transaction of its own."""
    applied = {row["name"] for row in fetch_rows(db, "SELECT name FROM migrations")}
    for migration in schema.MIGRATIONS:
        if migration.__name__ not in applied:
            with transaction(db):
                migration(db)
                insert_row(db, "migrations", {"name": migration.__name__})


def _prefer_wal(db):
    """Lets readers go on while the writer commits, by a write-ahead log (WAL). A file system without shared memory
    cannot have one and gets a rollback journal."""
    try:
        mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            raise
        mode = "refused"
    if mode != "wal":
        db.execute("PRAGMA journal_mode=DELETE")


def refuse_foreign(folder: Path):
    """Raises StoreError for a folder of other things than a sweep; looks at names and the first 72 bytes, and writes
    nothing."""
    if not folder.exists():
        return
    names = set(os.listdir(folder))
    if STORE not in names:
        others = names - {LOCK, NEWBORN, NEWBORN + "-journal"}
        if others:
            found = f"it holds '{min(others)}' and no {STORE}"
            raise StoreError(f"'{folder}' is not an output folder: {found}; name a new or empty folder")
        return
    with open(folder / STORE, "rb") as file:
        header = file.read(72)
    if header[:16] != b"SQLite format 3\0" or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise StoreError(f"'{folder / STORE}' was not written by Ganscape; name another folder")


def refuse_newer(db, path: Path):
    """Raises StoreError for a store with a migration that this version does not know."""
    known = {migration.__name__ for migration in schema.MIGRATIONS}
    for row in fetch_rows(db, "SELECT name FROM migrations ORDER BY name"):
        if row["name"] not in known:
            raise StoreError(
                f"'{path}' was written by a newer Ganscape (migration '{row['name']}'); upgrade to open it"
            )


def fetch_rows(db, query, values=()) -> list[dict]:
    """Returns the rows of a query as dicts, with JSON columns decoded."""
    return rows_of(fetch_columns(db, query, values))


def rows_of(columns: Mapping[str, list]) -> list[dict]:
    """Returns the rows of a table, dicts, from its columns."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def fetch_columns(db, query, values=()) -> dict[str, list]:
    """Returns the rows of a query as a dict of columns, with JSON columns decoded."""
    cursor = db.execute(query, values)
    names = [column[0] for column in cursor.description]
    rows = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
    columns = {name: list(row) for name, row in zip(names, rows, strict=True)}
    decode = dict.fromkeys(schema.JSON_COLUMNS, json.loads) | {"final": bool, "kept": bool}
    return {name: [*map(decode[name], column)] if name in decode else column for name, column in columns.items()}


def apply_retries(failures: dict[str, list], retried: list[int]) -> dict[str, list]:
    """Returns the columns of failures without their ids; one that was tried again is not final."""
    ids, again = failures["id"], set(retried)
    final = [final and number not in again for number, final in zip(ids, failures["final"], strict=True)]
    return {name: column for name, column in failures.items() if name != "id"} | {"final": final}


def insert_row(db, table: str, values: dict):
    """Inserts a row with the time at which it is recorded."""
    values = values | {"recorded": datetime.now(UTC).isoformat(timespec="milliseconds")}
    places = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", values)


@contextmanager
def transaction(db):
    """Commits all statements of its block, or none if it raises."""
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk of '{path}' is full; what was acknowledged is safe, free some space and {again}",
    sqlite3.SQLITE_IOERR: "the disk failed at '{path}' ({error}); what was acknowledged is safe, {again}",
    sqlite3.SQLITE_READONLY: "'{path}' cannot be written ({error}); check its permissions",
    sqlite3.SQLITE_CANTOPEN: "'{path}' cannot be opened ({error}); check the permissions and space of its folder",
    sqlite3.SQLITE_BUSY: "'{path}' is held by another program ({error}); close it and {again}",
    sqlite3.SQLITE_CORRUPT: "'{path}' is damaged ({error}); {saved}",
    sqlite3.SQLITE_NOTADB: "'{path}' is damaged ({error}); {saved}",
}
SAVED = "ganscape repair OUT --to NEW saves every row that is whole"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raises a StoreError of one line in place of an error of SQLite that has a cause outside the program, such as a
    full disk or a damaged file. Errors that are mistakes of the program are raised as they are."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError, json.JSONDecodeError) as error:
        code = getattr(error, "sqlite_errorcode", None)
        unreadable = not isinstance(error, sqlite3.Error) or "decode" in str(error)
        sentence = SENTENCES.get(sqlite3.SQLITE_CORRUPT if unreadable else (code or 0) & 0xFF)
        if sentence is None:
            raise
        again = "give the same command to continue"
        raise StoreError(sentence.format(path=path, error=error, again=again, saved=SAVED)) from error


@contextmanager
def explained_damage(path: Path) -> Iterator[None]:
    """Raises a StoreError as `explained` does, and also for other errors: while tables are read, whatever else goes
    wrong comes from what the file holds."""
    with explained(path):
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, RecursionError) as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if isinstance(error, StoreError) or code in SENTENCES:
                raise
            raise damaged(path, " ".join(str(error).split())) from error


def damaged(path: Path, what: str) -> StoreError:
    """Returns the error for a store that holds what no version of Ganscape has written."""
    return StoreError(f"'{path}' is damaged, or was not written by Ganscape: {what}; {SAVED}")


@functools.lru_cache
def columns_after(migrations: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Returns the columns of every table of a store to which these migrations were applied."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for migration in schema.MIGRATIONS:
            if migration.__name__ in migrations:
                migration(db)
        tables = [row["name"] for row in fetch_rows(db, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: column_names(db, table) for table in tables}


def column_names(db, table: str) -> tuple[str, ...]:
    """Returns the columns of a table, none if there is no such table."""
    return tuple(row["name"] for row in fetch_rows(db, f"PRAGMA table_info({table})"))
