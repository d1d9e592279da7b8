"""The text of a TOML file, and the lines of its entries."""

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

from ganscape.limits import LIMITS
from ganscape.search_spaces.dimensions import StudyError


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Returns the text of a TOML file, and the tables that it says.

    Raises:
      StudyError: one line, for a file that cannot be read, is too long for a study, or is not TOML.
    """
    limit = LIMITS["study file"]
    try:
        if path.exists() and not path.is_file():
            raise StudyError(f"no study in {path}: it is no file")
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(limit.value + 1)
    except OSError as error:
        raise StudyError(f"no study in {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise StudyError(f"{path}: not TOML: {error}") from error
    if len(text) > limit.value:
        raise StudyError(f"{path}: more than {limit.value:,} {limit.reason}")
    try:
        return text, tomllib.loads(text)
    except RecursionError:
        raise StudyError(f"{path}: not TOML: tables or lists nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, and Python's own for integers of thousands of digits
        reason = str(error).partition(";")[0]
        raise StudyError(f"{path}: not TOML: {reason}") from error


def line_of(text: str, keys: tuple) -> int:
    """Returns the line, counted from 1, of the entry under these keys, or of the longest prefix of them in the text."""
    header: tuple = ()
    counts: dict[tuple, int] = {}
    best_line, best_length = 1, 0
    for number, line in enumerate(text.splitlines(), start=1):
        if table := re.match(r"\s*(\[\[?)([^\]]+)\]", line):
            header = _keys(table[2])
            if table[1] == "[[":
                counts[header] = counts.get(header, -1) + 1
                header = (*header, counts[header])
            path = header
        elif entry := re.match(r"\s*([^=#\[\]{}]+?)\s*=", line):
            path = (*header, *_keys(entry[1]))
        else:
            continue
        shared = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(keys, path, strict=False))))
        if shared > best_length:
            best_line, best_length = number, shared
    return best_line


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(bare or quoted for quoted, bare in re.findall(r'"([^"]*)"|([^\s."]+)', dotted))
