"""Every row of a damaged store that is whole, in a new store."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from ganscape.results.store.database import (
    STORE,
    StoreError,
    column_names,
    columns_after,
    connect_new,
    create,
    explained,
    transaction,
)
from ganscape.results.store.pages import stray_rows
from ganscape.results.store.rows import TABLES
from ganscape.results.store.salvage import applied_migrations, connect_damaged, has_table, insert_whole, rows_between
from ganscape.results.store.schema import JSON_COLUMNS
from ganscape.results.store.soundness import TYPES, faults_of_column, missing_of_study

SMALLEST_ROW = 40  # bytes, of which the time takes 29: a file has no more rows than this allows
Row = dict[str, Any]


class Saved(NamedTuple):
    """What became of a table. rows: saved ones. lost: sentences about the others."""

    rows: int
    lost: list[str]


def save_whole_rows(
    folder: str | Path, new: str | Path, fault: Callable[[str, Mapping[str, Any]], str] = lambda table, row: ""
) -> dict[str, Saved]:
    """Writes a new store into the folder `new` with every row of that in `folder` that is whole; says what is lost.

    A row is whole if it can be read, has the columns and types of its table, JSON of the right kind and a time, belongs
    to rows that are whole, and has no `fault`.

    Args:
      fault: (table, row with JSON decoded) -> what else is wrong with the row, "" for nothing.

    Raises:
      StoreError: if nothing can be read.
    """
    folder, new = Path(folder), Path(new)
    saved = {}
    with closing(connect_damaged(folder)) as old, explained(new / STORE):
        largest = (folder / STORE).stat().st_size // SMALLEST_ROW
        log = folder / f"{STORE}-wal"
        largest += log.stat().st_size // SMALLEST_ROW if log.exists() else 0
        create(new)
        with closing(connect_new(new)) as db, transaction(db):
            migrations, content = applied_migrations(old), (folder / STORE).read_bytes()
            for table in TABLES:
                saved[table] = _save(old, db, table, content, largest, migrations, fault)
    if not any(result.rows for result in saved.values()):
        raise StoreError(f"nothing in '{folder / STORE}' can be read; only a copy helps")
    return saved


def _save(old, new, table: str, content: bytes, largest: int, migrations: tuple[str, ...], fault) -> Saved:
    known, lost = column_names(new, table), []
    if not has_table(old, table):
        return Saved(0, ["the whole table"] if table in columns_after(migrations) else [])

    def insert(row: Row) -> str:
        row = {name: value for name, value in row.items() if name in known}
        return _fault(table, row, fault) or insert_whole(new, table, row)

    unreadable: list[tuple[int, int]] = []
    inserted: set[int] = set()
    for found in _rows_of(old, table, largest):
        if isinstance(found, tuple):
            unreadable.append(found)
            continue
        number = found.pop("rowid")
        if reason := insert(found):
            lost.append(f"row {number}: {reason}")
        else:
            inserted.add(number)
    for number, row in _stray_rows(content, column_names(old, table), unreadable):
        if number not in inserted and not insert(row):
            inserted.add(number)
    for first, last in unreadable:
        held = f"row {first}" if first == last else f"what rows {first} to {last} held"
        again = sum(first <= number <= last for number in inserted)
        lost.append(held + (f", but {again:,} rows that were found on other pages" if again else ""))
    return Saved(len(inserted), lost)


def _stray_rows(content: bytes, columns: tuple[str, ...], ranges: list[tuple[int, int]]) -> Iterator[tuple[int, Row]]:
    """Rows with numbers in these ranges that may be of a table with these columns; older ones lack the last columns.

    Rows of other tables are among them, which do not have the types of this one.
    """
    numbered = columns[0] == "id"
    for number, values in stray_rows(content) if ranges else ():
        fits = 0 < len(values) <= len(columns) and (values[0] is None) == numbered
        if fits and any(first <= number <= last for first, last in ranges):
            row = dict(zip(columns, [*values, *[None] * (len(columns) - len(values))], strict=True))
            yield number, row | ({"id": number} if numbered else {})


def _rows_of(db, table: str, largest: int) -> Iterator[Row | tuple[int, int]]:
    """The rows of a table in the order in which they were added; neighbouring numbers that cannot be read as one."""
    unreadable: list[int] = []
    for found in rows_between(db, table, 1, max(1, largest)):
        if isinstance(found, tuple):
            unreadable.append(found[0])
            continue
        if unreadable:
            yield unreadable[0], unreadable[-1]
            unreadable = []
        yield found
    if unreadable:
        yield unreadable[0], unreadable[-1]


def _fault(table: str, row: Row, fault: Callable[[str, Mapping[str, Any]], str]) -> str:
    """Why a row is not whole, "" if it is."""
    decoded = dict(row)
    for name in JSON_COLUMNS:
        if name in row:
            try:
                decoded[name] = json.loads(row[name])
            except (ValueError, TypeError, RecursionError):
                return f"{name} is no JSON"
    for name, value in decoded.items():
        if name in TYPES and (what := next(faults_of_column(table, name, [value]), "")):
            return what
    if table == "environments" and "rungs" in decoded["environment"]:
        return "it is the definition of a study"
    if "definition" in decoded and (missing := missing_of_study(decoded["definition"])):
        return f"the definition has no {missing[0]}"
    try:
        return fault(table, decoded)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return " ".join(str(error).split()) or type(error).__name__
