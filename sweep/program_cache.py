"""The folder of compiled programs, which is bounded: a sweep of many structures would fill a disk."""

import contextlib
from pathlib import Path

CACHE_BYTES = 2**31


def bound_cache(folder: str | Path, most: int = CACHE_BYTES) -> int:
    """Removes the programs of a folder that were used longest ago, until it has at most `most` bytes; returns how many.

    A program that is removed is compiled again where it is needed, so nothing is lost but time. Only files that JAX
    writes are looked at. They count as used when they were read or written last, as far as the file system says.
    """
    files = []
    for path in Path(folder).glob("*-cache"):
        with contextlib.suppress(OSError):  # another sweep may remove it meanwhile
            status = path.stat()
            files.append((max(status.st_atime, status.st_mtime), status.st_size, path))
    size, removed = sum(size for _, size, _ in files), 0
    for _, bytes_of_file, path in sorted(files):
        if size <= most:
            break
        path.unlink(missing_ok=True)
        size -= bytes_of_file
        removed += 1
    return removed
