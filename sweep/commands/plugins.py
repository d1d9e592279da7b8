"""`--import MODULE`, an option of the commands that may need what a user's module registers."""

from typing import Annotated

import typer

Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        help="A module of yours that registers losses, searchers ...: FILE.py or a dotted name. Runs its code.",
    ),
]


def import_modules(names: list[str] | None) -> None:
    """Imports these modules, and those of installed packages that name themselves as plugins."""
    from ganscape.sweep.plugins import import_plugins

    import_plugins(names or [])
