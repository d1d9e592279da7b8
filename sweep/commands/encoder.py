"""`ganscape encoder`, and the option that says where weights are. Parsing and printing only."""

import os
from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.terminal import one_line_errors, print_table

WeightsFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder of weights files of encoders.", show_default="$GANSCAPE_WEIGHTS or ~/.cache/ganscape/weights"
    ),
]

app = typer.Typer(no_args_is_help=True, help="The encoders that metrics use, and weights for them.")


@app.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights: a .pth, .npz or .safetensors file.")],
    to: Annotated[Path, typer.Option(help="The .safetensors file to write.")],
) -> None:
    """Convert weights of an encoder's network, without running code that a .pth file may hold."""
    with one_line_errors():
        from ganscape.metrics.encoders.conversion import convert as convert_weights

        written = convert_weights(file, to)
        typer.echo(f"{to}: {written.network.name}, {written.origin}; sha256 of the tensors {written.file.sha256}")


@app.command()
def info(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="An encoder, or a weights file.", show_default="all encoders"),
    ] = None,
    weights: WeightsFolder = None,
    imports: Imports = None,
) -> None:
    """Show the encoders, where their weights are and where to get them, or what a weights file holds."""
    with one_line_errors():
        look_for(weights)
        import_modules(imports)
        from ganscape.metrics.encoders.conversion import encoder_facts, encoder_rows, file_facts, is_file

        if name is None:
            print_table("Encoders", ("encoder", "features", "weights"), encoder_rows())
        else:
            print_table(name, ("", ""), file_facts(Path(name)) if is_file(name) else encoder_facts(name))


def look_for(weights: Path | None) -> None:
    """Makes encoders look for their weights in a folder, in this process and in workers that it starts."""
    if weights is not None:
        os.environ["GANSCAPE_WEIGHTS"] = str(weights.absolute())
