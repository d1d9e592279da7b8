"""Writes .npy files row by row, so that an array need not fit in memory."""

from collections.abc import Iterable
from typing import IO

import numpy as np


def write_rows(stream: IO[bytes], most: int, shape: tuple[int, ...], rows: Iterable[np.ndarray]) -> int:
    """Writes a .npy file of rows, uint8 of this shape, and returns how many they were: at most `most`."""
    count = 0
    start = _write_header(stream, most, shape)
    for row in rows:
        stream.write(row.tobytes())
        count += 1
    stream.seek(0)
    assert _write_header(stream, count, shape) == start  # numpy leaves room for a first axis of any length
    stream.seek(0, 2)
    return count


def _write_header(stream: IO[bytes], count: int, shape: tuple[int, ...]) -> int:
    described = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.tell()
