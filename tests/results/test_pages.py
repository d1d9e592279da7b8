"""Rows are read from the pages of a file as SQLite reads them."""

import sqlite3
from contextlib import closing

import pytest

from ganscape.results.store.pages import stray_rows

VALUES = (
    None,
    0,
    1,
    -1,
    127,
    -129,
    2**15,
    2**23,
    2**31,
    2**40,
    -(2**62),
    0.1,
    -1e300,
    "",
    "Zürich",
    "x" * 10_000,
    b"\x00",
)


@pytest.mark.parametrize("size", [512, 4096, 65536])
def test_every_kind_of_value_is_read_from_its_page(tmp_path, size):
    path = tmp_path / "file"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size={size}")
        db.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, value, other TEXT)")
        for number, value in enumerate(VALUES * 20, start=1):
            db.execute("INSERT INTO things VALUES (?, ?, ?)", (number, value, "o" * number))
    rows = {rowid: values for rowid, values in stray_rows(path.read_bytes()) if len(values) == 3}
    assert rows == {number: [None, value, "o" * number] for number, value in enumerate(VALUES * 20, start=1)}


def test_what_is_no_database_has_no_rows():
    for content in (b"", b"x" * 10_000, bytes(100_000)):
        assert list(stray_rows(content)) == []
