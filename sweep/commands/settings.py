"""What a user writes on the command line, as values: `--set NAME=VALUE`, and paths."""

import json
from pathlib import Path
from typing import Any

from ganscape.errors import UserError, shown
from ganscape.limits import check_path

# Options of `ganscape run` that are easily taken for settings.
OPTIONS = (
    "methods",
    "data",
    "scale",
    "searcher",
    "scheduler",
    "executor",
    "workers",
    "lanes",
    "seeds",
    "seed",
    "metric",
)


def parse_settings(assignments: list[str]) -> dict[str, Any]:
    """Returns name -> value of "NAME=VALUE" texts: a number, true or false as in JSON, and text otherwise.

    Raises UserError for other texts, a name that is set twice or is that of an option, and a value that is a list, a
    table or null.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--set {shown(assignment)} must be NAME=VALUE, such as --set batch_size=32")
        if name in OPTIONS:
            raise UserError(f"--set {shown(assignment)}: {name} is an option of its own, --{name} {text}")
        value = _value(name, text)
        if name in settings:
            raise UserError(f"--set {shown(name)} is given twice: {shown(settings[name])} and {shown(value)}")
        settings[name] = value
    return settings


def _value(name: str, text: str) -> bool | int | float | str:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    except (RecursionError, ValueError):  # nested too deep; an integer of thousands of digits
        raise UserError(f"--set {shown(name)}: {shown(text)} is no number that a field may have") from None
    if not isinstance(value, bool | int | float | str):
        raise UserError(f"--set {shown(name)}={shown(text)} must be one value: a number, text, true or false")
    return value


def expand_user(path: str) -> str:
    """Returns the path with the home folder for a "~" at its beginning, which shells leave alone in --data=~/x."""
    return str(Path(path).expanduser()) if path.startswith("~") else path


def check_paths(**paths: str | Path | None) -> None:
    """Raises UserError for an option of these names whose value cannot be meant as a path; None is not given."""
    for option, path in paths.items():
        if path is not None:
            check_path(f"--{option.replace('_', '-')}", path)
