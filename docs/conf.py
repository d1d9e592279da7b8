"""The documentation as a site: `make site` builds docs/ and the notebooks into build/site, offline."""

import re
from pathlib import Path

import ganscape

DOCS = Path(__file__).parent
project, author, copyright = "Ganscape", "The Ganscape authors", "The Ganscape authors"
version = release = ganscape.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "Ganscape"
html_static_path: list[str] = []
exclude_patterns = ["cluster/*"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "none"  # the signatures have them
autodoc_member_order = "bysource"
highlight_language = "none"
# Notebooks are stored without output and run here, on recorded sweeps; the one that trains is shown as it is.
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS.parent / "build" / "notebooks")
nb_execution_excludepatterns = ["*quickstart*"]
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
suppress_warnings = ["misc.highlighting_failure", "toc.not_included"]  # decisions are linked from their list
LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")


def _without_links_to_code(app, docname: str, source: list[str]) -> None:
    """Shows links to files of the repository that are no pages as their path: the site does not hold the code."""
    page = Path(app.srcdir, docname)
    if docname.startswith("notebooks/"):
        return

    def shown(match: re.Match) -> str:
        text, target = match.groups()
        if target.startswith(("http://", "https://", "#")):
            return match[0]
        path = (page.parent / target.partition("#")[0]).resolve()
        if path.suffix == ".ipynb":  # docs/notebooks is a link to their folder, of which a relative link would be lost
            return f"{{doc}}`{text} </notebooks/{path.stem}>`"
        is_page = path.suffix in (".md", ".png") and path.is_relative_to(DOCS)
        return match[0] if is_page else text if text.startswith("`") else f"`{text}`"

    source[0] = LINK.sub(shown, source[0])


def setup(app) -> None:
    """Registers the above."""
    app.connect("source-read", _without_links_to_code)
