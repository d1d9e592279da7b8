"""Every row of a store as it is stored, and a new store of such rows."""

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ganscape.results.store.database import STORE, connect_new, create, explained, fetch_rows, transaction
from ganscape.results.store.reader import reading

# In the order in which they are written: rows refer to those of earlier tables.
TABLES = (
    *(
        "study",
        "definitions",
        "environments",
        "owners",
        "protocols",
        "trials",
        "scores",
        "failures",
        "retries",
        "signs",
    ),
    *("programs", "baselines", "generators"),
)
Tables = dict[str, list[dict[str, Any]]]


def read_rows(folder: str | Path) -> Tables:
    """Returns the rows of every table, with ids and times, JSON as text, in the order in which they were added.

    A table or column that an older version did not write is empty or absent.
    """
    with reading(folder) as db:
        db.execute("BEGIN")
        written = {row["name"] for row in fetch_rows(db, "SELECT name FROM sqlite_master WHERE type = 'table'")}
        return {table: _rows(db, table) if table in written else [] for table in TABLES}


def _rows(db, table: str) -> list[dict[str, Any]]:
    cursor = db.execute(f"SELECT * FROM {table} ORDER BY rowid")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def write_tables(folder: str | Path, tables: Mapping[str, list[dict[str, Any]]]) -> None:
    """Writes a new store of these rows into a folder that has none. Rows without an id get the next one."""
    folder = Path(folder)
    with explained(folder / STORE):
        create(folder)
        with closing(connect_new(folder)) as db, transaction(db):
            for table in TABLES:
                for row in tables.get(table, []):
                    places = ", ".join(f":{name}" for name in row)
                    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", row)


def definitions_of(tables: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Returns every definition that the study of these rows has had, the oldest first."""
    return [json.loads(row["definition"]) for table in ("study", "definitions") for row in tables[table]]
