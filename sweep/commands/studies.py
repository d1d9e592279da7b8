"""`ganscape list` and `show`: the studies and data sets that there are. Parsing and printing only."""

from typing import Annotated

import typer

from ganscape.sweep.commands.plugins import Imports, import_modules
from ganscape.sweep.commands.tables import print_scales, print_spaces
from ganscape.sweep.commands.terminal import one_line_errors, print_table


def _complete(beginning: str) -> list[str]:
    """Returns the names of studies that begin so, for the completion of a shell."""
    from ganscape.search_spaces import STUDIES

    return [name for name in STUDIES if name.startswith(beginning)]


StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="Study: a name of `ganscape list`, or a .toml file.", autocompletion=_complete
    ),
]

app = typer.Typer()


@app.command("list")
def list_names(imports: Imports = None) -> None:
    """List the studies, their scales and the data sets."""
    with one_line_errors():
        from ganscape.data import DATASETS
        from ganscape.search_spaces import STUDIES

        import_modules(imports)
        rows = [
            (name, ", ".join(study.methods), ", ".join(study.scales), study.question) for name, study in STUDIES.items()
        ]
        print_table("Studies", ("study", "methods", "scales", "question"), rows)
        sets = [(name, "x".join(map(str, source.image_shape)), source.summary) for name, source in DATASETS.items()]
        print_table("Data sets", ("data", "image", "what it is"), sets)


@app.command()
def show(
    study: StudyName,
    toml: Annotated[bool, typer.Option("--toml", help="Print it as a file that `ganscape run` takes.")] = False,
    imports: Imports = None,
) -> None:
    """Show a study: its question, methods with their ranges and defaults, scales, phases, cost, sources."""
    with one_line_errors():
        from ganscape.search_spaces import write_study

        import_modules(imports)
        content = _find_study(study)
        if toml:
            typer.echo(write_study(content), nl=False)
            return
        typer.echo(f"{study}: {content.question}\nsource: {content.source}; searcher: {content.searcher}")
        print_spaces(content)
        print_scales(content)


def _find_study(name: str):
    """Returns the study of that name or file; a named one without importing what trains it."""
    if name.endswith(".toml"):
        from ganscape.sweep.plan import find_study

        return find_study(name)
    from ganscape.search_spaces import find_shipped

    return find_shipped(name)
