"""A new folder that an export fills."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganscape.files import replacing_folder
from ganscape.results.store import StoreError


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder, which gets the name `folder` when the block ends, and is removed if it raises.

    Raises StoreError where something is at `folder` already, unless it is an empty folder, and for a disk that cannot
    be written to.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"'{folder}' exists; name a new folder")
    try:
        with replacing_folder(folder) as temporary:
            yield temporary
    except OSError as error:
        raise StoreError(f"cannot write '{folder}': {error.strerror or error}") from error
