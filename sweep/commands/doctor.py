"""`ganscape doctor`: what this machine has for a sweep. Parsing and printing only."""

from pathlib import Path
from typing import Annotated

import typer

from ganscape.sweep.commands.calibrate import Root
from ganscape.sweep.commands.encoder import WeightsFolder, look_for
from ganscape.sweep.commands.terminal import one_line_errors, print_table

app = typer.Typer()


@app.command()
def doctor(
    out: Annotated[Path, typer.Option(help="Where the output folder of a sweep would be.")] = Path("runs"),
    data_root: Root = None,
    weights: WeightsFolder = None,
) -> None:
    """Say what this machine has for a sweep, what hinders one, what to do about it. Exit code 1 if something does."""
    with one_line_errors():
        look_for(weights)
        from ganscape.sweep.doctor import examine

        findings = examine(out, data_root)
        print_table("This machine", ("", ""), [(finding.what, finding.value) for finding in findings])
        problems = [finding for finding in findings if finding.problem]
        for finding in problems:
            typer.echo(f"problem: {finding.what}: {finding.problem}; {finding.remedy}", err=True)
        if problems:
            raise typer.Exit(1)
        typer.echo("nothing hinders a sweep here")
