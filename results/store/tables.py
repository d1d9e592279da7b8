"""All tables of a store as they are, row by row, to be written elsewhere and put into a new store again."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ganscape.results.store.database import (
    STORE,
    StoreError,
    connect_reader,
    connect_writer,
    explained,
    fetch_rows,
    refuse_foreign,
    refuse_newer,
    transaction,
)

# Which process wrote a store, which version made its tables, and files that stay in the output folder.
LEFT_OUT = ("migrations", "owners", "generators")


def dump_tables(folder: str | Path) -> dict[str, dict[str, list]]:
    """Returns table -> column -> values of everything that a store has recorded, in the order in which it was, seen at
    one instant; JSON stays text. Raises StoreError when there is no store."""
    path = Path(folder) / STORE
    if not path.exists():
        raise StoreError(f"no results in '{folder}': it holds no {STORE}; name the output folder of a sweep")
    refuse_foreign(Path(folder))
    with explained(path), closing(connect_reader(path)) as db:
        refuse_newer(db, path)
        db.execute("BEGIN")
        names = [row["name"] for row in fetch_rows(db, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: _columns(db, name) for name in names if name not in LEFT_OUT}


def fill_tables(folder: str | Path, tables: Mapping[str, Mapping[str, list]]) -> None:
    """Makes a store in an empty folder with these tables.

    Raises StoreError, naming the table, for one that this version does not have, or rows that it cannot hold.
    """
    with closing(connect_writer(Path(folder))) as db, transaction(db):
        db.execute("PRAGMA defer_foreign_keys=ON")
        names = {row["name"] for row in fetch_rows(db, "SELECT name FROM sqlite_master WHERE type = 'table'")}
        for name, columns in tables.items():
            if name not in names - set(LEFT_OUT):
                raise StoreError(f"table {name!r} is none of a store: {', '.join(sorted(names - set(LEFT_OUT)))}")
            there = [row["name"] for row in fetch_rows(db, f"PRAGMA table_info({name})")]
            unknown = [column for column in columns if column not in there]
            if unknown:
                raise StoreError(f"table {name!r} has a column {unknown[0]!r}, which is none of: {', '.join(there)}")
            places = ", ".join("?" * len(columns))
            try:
                db.executemany(
                    f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})", zip(*columns.values(), strict=True)
                )
            except Exception as error:  # sqlite3's errors of a constraint or a type; the module is imported elsewhere
                raise StoreError(f"table {name!r} has rows that no store can hold: {error}") from error
        for table, _, parent, _ in db.execute("PRAGMA foreign_key_check").fetchmany(1):
            raise StoreError(f"table {table!r} has rows that no store can hold: table {parent!r} lacks what they name")


def _columns(db: Any, table: str) -> dict[str, list]:
    cursor = db.execute(f"SELECT * FROM {table} ORDER BY rowid")
    names = [column[0] for column in cursor.description]
    rows = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
    return {name: list(column) for name, column in zip(names, rows, strict=True)}
