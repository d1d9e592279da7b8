"""Files and folders that are written whole or not at all.

While one is written it is called `.NAME.*.part` and locked. What a killed process leaves under such a name is removed
by the next that writes NAME.
"""

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

PART = ".part"  # how the name of a file or folder ends while it is being written
logger = logging.getLogger(__name__)


@contextmanager
def replacing(path: str | Path, mode: str = "wb", durable: bool = True) -> Iterator[IO]:
    """Yields a file to write to, which takes the place of `path` when the block ends, and leaves `path` alone if it
    raises.

    Permissions are those that a new file gets (umask). An OSError of the disk names `path`.

    mode: "wb" for bytes or "w" for text in UTF-8. durable: waits until the content is on the disk; without that a loss
    of power, though no kill, may leave an empty file.
    """
    path = Path(path)
    with _naming(path):
        _remove_leftovers(path)
        descriptor, temporary = _locked_part(path)
        try:
            with os.fdopen(descriptor, mode, encoding=None if "b" in mode else "utf-8") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o666 & ~_umask())
                os.replace(temporary, path)  # before the file is closed and with it unlocked
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Yields a folder to write to, which gets the name `path` when the block ends, and is removed if it raises.

    There must be nothing at `path`, or an empty folder. Permissions are those that a new folder gets (umask). An
    OSError of the disk names `path`.
    """
    path = Path(path)
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with part_folder(path) as temporary:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        temporary.replace(path)


@contextmanager
def part_folder(path: str | Path) -> Iterator[Path]:
    """Yields a folder beside `path`, on the same disk, for what is to become `path`; removes what is left in it when
    the block ends. An OSError of the disk names `path`."""
    path = Path(path)
    with _naming(path):
        _remove_leftovers(path)
        descriptor, temporary = _locked_part(path, folder=True)
        try:
            yield Path(temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            os.close(descriptor)


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Makes an OSError that names no file, or the temporary one, name the one that the user knows."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and (error.filename is None or str(error.filename).endswith(PART)):
            raise OSError(error.errno, error.strerror, str(path)) from error
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


def _locked_part(path: Path, folder: bool = False) -> tuple[int, str]:
    """Creates a file or folder beside `path` that is locked as long as it is open; returns its descriptor and name."""
    while True:
        prefix = f".{path.name}."
        if folder:
            name = tempfile.mkdtemp(PART, prefix, path.parent)
            descriptor = os.open(name, os.O_RDONLY)
        else:
            descriptor, name = tempfile.mkstemp(PART, prefix, path.parent)
        with suppress(OSError):  # a file system without locks: nothing that is left there is removed either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.exists(name):
            return descriptor, name
        os.close(descriptor)  # another process took it for a leftover before it was locked


def _remove_leftovers(path: Path) -> None:
    """Removes what earlier processes left half written of `path`: parts that nobody holds a lock of."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
        with suppress(OSError):
            descriptor = os.open(part, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(part) if part.is_dir() else part.unlink()
            finally:
                os.close(descriptor)
