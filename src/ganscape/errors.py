"""Errors that a user can mend, and the sentence for a name that is none of the choices."""

import difflib
import math
from collections.abc import Callable, Iterable
from typing import Any

LONGEST = 60  # letters of a value that an error quotes


class UserError(ValueError):
    """A user's mistake. Its text is one line that names what is wrong, its value and the choices; the command line
    prints that line and exits with code 2."""


def check_name(
    kind: str,
    name: object,
    choices: Iterable[str],
    error: Callable[[str], Exception],
    or_else: str = "",
    before: str = "",
) -> None:
    """Raises `error` unless `name` is one of the choices: "unknown <kind> <name>", the nearest choice, all of them.

    Args:
      kind: what is chosen, in the user's words, such as "data set".
      choices: in the order in which they are listed.
      or_else: what else is accepted, put before the choices, such as "the path of your images".
      before: what stands before "unknown", such as "dimension 'g_lr' depends on ".
    """
    names = list(choices)
    if name in names:
        return
    beside = f"{or_else}, or one of" if or_else else "one of"
    raise error(f"{before}unknown {kind} {shown(name)}{suggestion(name, names)}; {beside}: {', '.join(names)}")


def suggestion(name: object, choices: Iterable[str]) -> str:
    """Returns " (did you mean <choice>?)" of the choice that is spelled most like `name`, "" where none is like it."""
    near = difflib.get_close_matches(str(name), list(choices), 1) if len(shown(name)) < LONGEST else []
    return f" (did you mean {near[0]!r}?)" if near else ""


def shown(value: Any) -> str:
    """Returns a value as it is quoted to a user: numbers of many digits rounded, long text without its middle."""
    if isinstance(value, int) and abs(value) >= 10**15:
        digits = int(value.bit_length() * math.log10(2))  # Python refuses to write integers of thousands of digits
        return f"{value:.2g}" if digits < 300 else f"{'-' if value < 0 else ''}1e{digits}"
    text = repr(value)
    half = (LONGEST - 3) // 2
    return text if len(text) <= LONGEST else f"{text[:half]}...{text[-half:]}"
