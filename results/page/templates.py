"""Templates, styles and scripts of the pages."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from ganscape.files import replacing
from ganscape.results.page.tables import score_cell
from ganscape.results.store import StoreError
from ganscape.results.wording import rounded

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

FOLDER = Path(__file__).parents[1] / "templates"


@functools.cache
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


def write_page(path: Path, text: str) -> Path:
    """Writes a page to a file, whole or not at all, and returns its path. Raises StoreError if that cannot be done."""
    try:
        with replacing(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"cannot write '{path}': {error.strerror or error}") from error
    return path


def source(*names: str) -> "Markup":
    """Returns the text of files that are part of a page, one after the other."""
    from markupsafe import Markup

    return Markup("".join((FOLDER / name).read_text(encoding="utf-8") for name in names))
