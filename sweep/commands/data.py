"""`ganscape data`: what a folder of pictures holds, and one file made of it. Parsing and printing only."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganscape.sweep.commands.terminal import one_line_errors, print_table

if TYPE_CHECKING:
    from ganscape.data.preparing import Prepared

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="Folder of pictures.")]
Size = Annotated[int | None, typer.Option(help="Side of the square that pictures are resized to, in pixels.")]
Crop = Annotated[str, typer.Option(help="center: the largest square in the middle; or none.")]
Colour = Annotated[
    str | None, typer.Option(help="gray or rgb.", show_default="rgb if any picture is coloured, else gray")
]
Background = Annotated[
    str | None, typer.Option(help="Colour under transparent pixels.", show_default="such pictures are left out")
]
SHOWN = 5

app = typer.Typer(no_args_is_help=True, help="Look at your own pictures, and make them alike.")


@app.command()
def info(
    path: Folder, size: Size = None, crop: Crop = "none", colour: Colour = None, background: Background = None
) -> None:
    """Count what a folder holds: pictures, sizes, modes, classes, duplicates, and what would be left out."""
    with one_line_errors():
        from ganscape.data.pictures import Rules
        from ganscape.data.preparing import survey

        found = survey(path, Rules(size, crop, colour, background))
        sizes = Counter({f"{height}x{width}": count for (height, width), count in found.sizes.items()})
        rows = [
            ("pictures", f"{found.files:,}"),
            ("sizes (height x width)", _most_common(sizes)),
            ("modes", _most_common(found.modes)),
            ("splits", _most_common(found.splits) or "none: every fifth picture is for testing"),
            ("classes", _most_common(found.classes) or "none: no folder for each class"),
            ("other files", _most_common(found.others) or "none"),
            ("copies of other files", _duplicates(found.duplicates)),
            ("left out", _listed(found.refused)),
        ]
        print_table(str(path), ("", ""), rows)


@app.command()
def prepare(
    path: Folder,
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="The .npz or .npy file to write, or a folder for images beyond memory.")
    ],
    size: Annotated[int, typer.Option(help="Side of the square that pictures are resized to, in pixels.")],
    crop: Crop = "center",
    colour: Colour = None,
    background: Background = None,
) -> None:
    """Write a folder of pictures to one file or folder, all of one size, for `ganscape run --data FILE`."""
    with one_line_errors():
        from ganscape.data.pictures import Rules
        from ganscape.data.preparing import prepare_pictures

        made = prepare_pictures(path, to, Rules(size, crop, colour, background))
        print_prepared(to, made)


def print_prepared(to: Path, made: "Prepared") -> None:
    """Prints what became of a folder of pictures, and warns of those that were left out and of classes that were not
    kept."""
    shape = "x".join(map(str, made.image_shape))
    classes = f", {len(made.classes)} classes: {', '.join(made.classes)}" if made.classes else ""
    typer.echo(f"{to}: {made.kept:,} pictures of {shape}{classes}")
    if made.refused:
        typer.echo(f"warning: left out {_listed(made.refused)}", err=True)
    if made.unlabelled:
        typer.echo(f"warning: {made.unlabelled}", err=True)


def _most_common(counts: Counter[Any]) -> str:
    shown = ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(SHOWN))
    return shown + (f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else "")


def _duplicates(groups: list[list[Path]]) -> str:
    if not groups:
        return "none"
    copies = sum(len(group) - 1 for group in groups)
    return f"{copies:,}, such as {groups[0][1]} of {groups[0][0]}"


def _listed(lines: list[str]) -> str:
    if not lines:
        return "none"
    rest = f"; and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
    return f"{len(lines):,}: {'; '.join(lines[:SHOWN])}{rest}"
