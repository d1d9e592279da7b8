"""A damaged SQLite file read as far as it goes."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ganscape.results.store import schema
from ganscape.results.store.database import STORE, StoreError, column_names, fetch_rows


def connect_damaged(folder: Path) -> sqlite3.Connection:
    """Returns a connection that reads what it can of a store, text that is not UTF-8 included.

    Raises StoreError for a file that is no database.
    """
    path = folder / STORE
    if not path.is_file():
        raise StoreError(f"no store in '{folder}': it holds no {STORE}; name the output folder of a sweep")
    reason: sqlite3.Error | None = None
    for options in ("mode=ro", "mode=ro&immutable=1"):  # the second for media without a place for an index of the log
        try:
            db = sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True, isolation_level=None)
            db.text_factory = lambda content: content.decode(errors="replace")
            db.execute("PRAGMA writable_schema=ON")  # else SQLite opens no file that is shorter than its header says
            db.execute("SELECT count(*) FROM sqlite_master")
            return db
        except sqlite3.Error as error:
            reason = error
    raise StoreError(f"nothing in '{path}' can be read ({reason}); only a copy helps") from reason


def has_table(db, table: str) -> bool:
    """Whether a damaged store has a table, as far as can be read."""
    try:
        return bool(column_names(db, table))
    except sqlite3.Error:
        return False


def applied_migrations(db) -> tuple[str, ...]:
    """Returns the migrations that a damaged store names; all of them where they cannot be read."""
    try:
        return tuple(row["name"] for row in fetch_rows(db, "SELECT name FROM migrations ORDER BY name"))
    except sqlite3.Error:
        return tuple(migration.__name__ for migration in schema.MIGRATIONS)


def rows_between(db, table: str, first: int, last: int) -> Iterator[dict | tuple[int, int]]:
    """Yields the rows of a table with these rowids, and (first, last) for the numbers of rows that cannot be read."""
    try:
        cursor = db.execute(f"SELECT rowid AS rowid, * FROM {table} WHERE rowid BETWEEN ? AND ?", (first, last))
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
    except sqlite3.Error:
        if first == last:
            yield first, last
            return
        middle = (first + last) // 2
        yield from rows_between(db, table, first, middle)
        yield from rows_between(db, table, middle + 1, last)
    else:
        yield from rows


def insert_whole(db, table: str, row: dict) -> str:
    """Inserts a row, and returns why the table refuses it, "" if it does not."""
    places = ", ".join(f":{name}" for name in row)
    try:
        db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row)
    except (sqlite3.IntegrityError, sqlite3.OperationalError, OverflowError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise
        return " ".join(str(error).split())
    return ""
