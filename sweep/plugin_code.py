"""The source of code from outside the package, and its hash, by which a sweep knows that it has changed."""

import hashlib
from pathlib import Path
from typing import NamedTuple

SHOWN = 12  # digits of a hash that are shown


class Code(NamedTuple):
    """The code of one module from outside.

    module: its name. where: its file.
    sha256: of the file's bytes; of a package, of the names and bytes of all its .py files.
    text: the source of a single file, which workers are sent, so that it need not be on their machines; None for a
      package, which has to be installed there.
    """

    module: str
    where: str
    sha256: str
    text: str | None


def read_code(module: str, path: Path) -> Code:
    """Returns the code in a file, or in the package whose __init__.py it is. Raises OSError or UnicodeDecodeError for
    one that cannot be read."""
    if path.name == "__init__.py":
        digest = hashlib.sha256()
        for file in sorted(path.parent.rglob("*.py")):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(path.parent).as_posix()} {len(content)}\n".encode() + content)
        return Code(module, str(path.parent), digest.hexdigest(), None)
    content = path.read_bytes()
    return Code(module, str(path), hashlib.sha256(content).hexdigest(), content.decode())
