"""Templates, styles and scripts of the pages."""

from pathlib import Path
from typing import TYPE_CHECKING

from ganscape.results.page.tables import score_cell
from ganscape.results.wording import rounded

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

FOLDER = Path(__file__).parents[1] / "templates"


def load_template(name: str) -> "Template":
    """Returns a template that escapes every value, and raises for a name that it is not given."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": rounded, "shown": score_cell}
    return environment.get_template(name)


def source(*names: str) -> "Markup":
    """Returns the text of files that are part of a page, one after the other."""
    from markupsafe import Markup

    return Markup("".join((FOLDER / name).read_text(encoding="utf-8") for name in names))
