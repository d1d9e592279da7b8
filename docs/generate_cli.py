"""Writes docs/cli.md from the commands themselves: `make docs`.

It reads names, help and defaults from what the command line is made of, not from a rendered help
page, so the result is the same whatever the terminal, Python and Typer.
"""

import inspect
import typing
from pathlib import Path
from typing import Any, NamedTuple

import typer.main

from ganscape.sweep.commands.cli import app

PAGE = Path(__file__).with_name("cli.md")
HEAD = """# The command line

Generated from the help texts by `make docs`; a test compares the two.

`ganscape --help` and `ganscape COMMAND --help`, or `-h`, print the same on a terminal; `ganscape --version` prints the
version. Exit codes: 0 when done, 2 for a user's mistake (one line says what is wrong, its value and the choices), 130
when interrupted. `python -m ganscape` is the same program.
"""


class Parameter(NamedTuple):
    """An argument or option of a command, as a reader of the help sees it."""

    name: str
    is_option: bool
    value: str
    default: str
    help: str


def reference() -> str:
    """Returns the text of docs/cli.md."""
    return "\n".join([HEAD, *(_section(name, command) for name, command in commands().items())])


def commands() -> dict[str, Any]:
    """Returns every command by its name on the command line; two words for commands of a group."""
    commands = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if command.hidden:
            continue
        inner = getattr(command, "commands", None)
        commands |= {name: command} if inner is None else {f"{name} {key}": value for key, value in inner.items()}
    return commands


def parameters(command) -> list[Parameter]:
    """Returns the arguments and options of a command, in the order of its help."""
    signature = inspect.signature(command.callback, eval_str=True).parameters
    return [_parameter(shown, signature[shown.name]) for shown in command.params]


def _parameter(shown, declared: inspect.Parameter) -> Parameter:
    """Returns the Parameter for one entry of the help and the function's parameter that declares it."""
    kind = typing.get_args(declared.annotation)[0]
    is_option = shown.opts[0].startswith("-")
    name = "`, `".join(shown.opts) if is_option else shown.metavar or shown.name.upper()
    value = "" if kind is bool else shown.metavar or _type_name(kind)
    default = getattr(shown, "show_default", None)
    default = default if isinstance(default, str) else _default(declared.default)
    return Parameter(name, is_option, value, default, shown.help or "")


def _type_name(kind: Any) -> str:
    """Returns the type in capitals, INT for both `int` and `int | None`."""
    plain = next((part for part in typing.get_args(kind) if part is not type(None)), kind)
    return plain.__name__.upper()


def _default(value: Any) -> str:
    if value is None or value is False or value is inspect.Parameter.empty:
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _section(name: str, command) -> str:
    all_parameters = parameters(command)
    arguments = [parameter for parameter in all_parameters if not parameter.is_option]
    options = [parameter for parameter in all_parameters if parameter.is_option]
    usage = " ".join(
        ["ganscape", name, *(argument.name for argument in arguments), *(["[OPTIONS]"] if options else [])]
    )
    lines = [f"## ganscape {name}", "", inspect.cleandoc(command.help or ""), "", f"    {usage}", ""]
    if arguments:
        lines += _table(("argument", "meaning"), [(f"`{argument.name}`", argument.help) for argument in arguments])
    if options:
        rows = [(f"`{f'{option.name} {option.value}'.strip()}`", option.default, option.help) for option in options]
        lines += _table(("option", "default", "meaning"), rows)
    return "\n".join(lines)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [header, tuple("---" for _ in header), *rows]
    return [*("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines), ""]


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
