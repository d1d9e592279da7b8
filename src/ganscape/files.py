"""Files and folders that are written whole or not at all."""

import fcntl
import functools
import glob
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PART = ".part"  # how the name of a file ends while it is being written
logger = logging.getLogger(__name__)


@contextmanager
def replacing(path: str | Path, mode: str = "wb") -> Iterator[IO]:
    """Yields a file to write to, which takes the place of `path` when the block ends, and leaves `path` alone if it
    raises.

    The content is on the disk before the name changes. Permissions are those that a new file gets (umask). What a
    killed process left half written of the same path is removed.

    mode: "wb" for bytes or "w" for text in UTF-8.
    """
    path = Path(path)
    _remove_leftovers(path)
    descriptor, temporary = _locked_part(path)
    try:
        with os.fdopen(descriptor, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, path)  # before the file is closed and with it unlocked
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """A folder to write to, which gets the name `path` when the block ends, and is removed if it raises.

    There must be nothing at `path`, or an empty folder. Permissions are those that a new folder gets (umask).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def keeping(what: str, folder: str | Path) -> Iterator[None]:
    """Lets a block write to a cache, and goes on without it where it cannot: one warning in the log for each folder.

    what: a plural, such as "features of reference images", of what is computed again the next time.
    """
    try:
        yield
    except OSError as error:
        _warn_once(what, str(folder), error.strerror or str(error))


@functools.cache
def _warn_once(what: str, folder: str, reason: str) -> None:
    logger.warning("%s cannot be kept in %s (%s): they are computed again each time", what, folder, reason)


def _locked_part(path: Path) -> tuple[int, str]:
    """Creates a file beside `path` that is locked as long as it is open; returns its descriptor and name."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
        with suppress(OSError):  # a file system without locks: nothing that is left there is removed either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)  # another process took it for a leftover before it was locked


def _remove_leftovers(path: Path) -> None:
    """Removes what earlier processes left half written of `path`: parts that nobody holds a lock of."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
        with suppress(OSError), open(part, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
