"""Writes the tables of docs/reproduction.md from the recorded studies: `make docs`.

What stands between the marks BEGIN and END is made from the stores that the package ships; all else is written by hand.
"""

from pathlib import Path

from ganscape.results.claims import judge, write_markdown
from ganscape.results.frames import RECORDED

PAGE = Path(__file__).with_name("reproduction.md")
BEGIN, END = "<!-- made by docs/generate_claims.py from here -->", "<!-- to here -->"


def make_table() -> str:
    """Returns the claims judged by all recorded folders together, as Markdown."""
    return write_markdown(judge(sorted(path for path in RECORDED.iterdir() if path.is_dir())))


def replace_table(text: str) -> str:
    """Returns the page with its table made again."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{make_table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(replace_table(PAGE.read_text()))
