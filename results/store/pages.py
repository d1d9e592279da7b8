"""Rows read from the pages of an SQLite file one by one, where the pages that lead to them are lost.

The format is that of https://www.sqlite.org/fileformat2.html, sections 1.3 and 1.6 (pages), 1.6 (cells and overflow)
and 2.1 (records).
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

LEAF = 13  # the type of a page that holds rows of a table
NULL, ZERO, ONE, REAL, FIRST_BLOB = 0, 8, 9, 7, 12  # serial types of values
INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
HEADER = 100  # bytes at the start of the first page


class StrayRow(NamedTuple):
    """A row on some page.

    rowid: its number in a table that is not known here. values: in the order of its columns; None for the column that
    is the number itself.
    """

    rowid: int
    values: list[Any]


def stray_rows(content: bytes) -> Iterator[StrayRow]:
    """Yields every row that can be read from a page of rows in a file, of whatever table; pages that are left over from
    before included."""
    size = int.from_bytes(content[16:18], "big")
    size = 65536 if size == 1 else size
    if size < 512:
        return
    usable = size - content[20]
    for start in range(0, len(content) - size + 1, size):
        header = start + (HEADER if start == 0 else 0)
        if content[header] != LEAF:
            continue
        count = int.from_bytes(content[header + 3 : header + 5], "big")
        for index in range(min(count, size // 2)):
            at = header + 8 + 2 * index
            cell = start + int.from_bytes(content[at : at + 2], "big")
            try:
                length, payload = _varint(content, cell)
                rowid, payload = _varint(content, payload)
                yield StrayRow(rowid, _values(_payload(content, payload, length, size, usable)))
            except (IndexError, ValueError, struct.error):
                continue


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Returns the number of one to nine bytes at a place, and the place after it."""
    number = 0
    for index in range(9):
        byte = content[at + index]
        if index == 8:
            return (number << 8) | byte, at + 9
        number = (number << 7) | (byte & 127)
        if byte < 128:
            return number, at + index + 1
    raise ValueError("a number has at most nine bytes")


def _payload(content: bytes, at: int, length: int, size: int, usable: int) -> bytes:
    """Returns the record of a cell, with the parts that lie on further pages."""
    if length > len(content):
        raise ValueError("a record is not longer than its file")
    most = usable - 35
    least = (usable - 12) * 32 // 255 - 23
    fitting = least + (length - least) % (usable - 4)
    local = length if length <= most else fitting if fitting <= most else least
    parts, left = [content[at : at + local]], length - local
    page = int.from_bytes(content[at + local : at + local + 4], "big") if left else 0
    while left > 0:
        start = (page - 1) * size
        if start < size or start + size > len(content):
            raise ValueError("a record goes on beyond its file")
        parts.append(content[start + 4 : start + 4 + min(left, usable - 4)])
        left -= usable - 4
        page = int.from_bytes(content[start : start + 4], "big")
    return b"".join(parts)


def _values(record: bytes) -> list[Any]:
    end, at = _varint(record, 0)
    kinds = []
    while at < end:
        kind, at = _varint(record, at)
        kinds.append(kind)
    values: list[Any] = []
    for kind in kinds:
        if kind in (NULL, ZERO, ONE):
            values.append({NULL: None, ZERO: 0, ONE: 1}[kind])
        elif kind in INTEGER_BYTES:
            values.append(int.from_bytes(record[at : at + INTEGER_BYTES[kind]], "big", signed=True))
            at += INTEGER_BYTES[kind]
        elif kind == REAL:
            values.append(struct.unpack(">d", record[at : at + 8])[0])
            at += 8
        elif kind >= FIRST_BLOB:
            length = (kind - FIRST_BLOB) // 2
            value = record[at : at + length]
            values.append(value.decode() if kind % 2 else value)
            at += length
        else:
            raise ValueError(f"{kind} is no type of a value")
    if at != len(record):
        raise ValueError("a record ends with its last value")
    return values
