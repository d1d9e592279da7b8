"""`ganscape data`: what a folder of pictures or a data set holds, and one file of pictures. Parsing, printing."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.terminal import one_line_errors, print_table

if TYPE_CHECKING:
    import numpy as np

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
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder of pictures, or the name of a data set.")],
    size: Size = None,
    crop: Crop = "none",
    colour: Colour = None,
    background: Background = None,
    data_root: Root = None,
    imports: Imports = None,
) -> None:
    """Count what a folder holds: pictures, sizes, modes, classes, duplicates, and what would be left out.

    Of a data set by name, loaded as a run would: images, size and classes.
    """
    with one_line_errors():
        import_modules(imports)
        if not path.exists():
            _print_data_set(str(path), data_root)
            return
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


def _print_data_set(name: str, root: Path | None) -> None:
    """Prints what the data set of this name holds. Raises DataError, with a likely name, if there is none."""
    from ganscape.data import DATASETS, DataError, load
    from ganscape.errors import check_name

    check_name("data set", name, sorted(DATASETS), DataError, "a folder of pictures")
    dataset = load(name, root)
    rows = [
        ("what it is", DATASETS[name].summary),
        ("images", f"{len(dataset.train):,} train, {len(dataset.test):,} test"),
        ("size (height x width x channels)", "x".join(map(str, dataset.image_shape))),
        ("classes", "none" if dataset.train_labels is None else _counted(dataset.train_labels)),
        ("fingerprint", dataset.fingerprint[:12]),
    ]
    print_table(name, ("", ""), rows)


def _counted(labels: "np.ndarray") -> str:
    """Returns the number of classes, and of the images of the rarest and the commonest one."""
    import numpy as np

    counts = np.bincount(labels)
    return f"{len(counts):,}, with {counts.min():,} to {counts.max():,} train images each"


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
    """Prints how many pictures of a folder were written where; warns of pictures and classes that were left out."""
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
