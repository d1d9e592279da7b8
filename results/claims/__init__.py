"""Published claims as data, and what output folders say of them: `judge(folders)` -> answers, `table(answers)`."""

from ganscape.results.claims.claim import Paper, PublishedClaim
from ganscape.results.claims.judging import CLAIMS, Answer, judge
from ganscape.results.claims.table import Row, rows, shared_caveats, table, write_csv, write_markdown

__all__ = [
    "CLAIMS",
    "Answer",
    "Paper",
    "PublishedClaim",
    "Row",
    "judge",
    "rows",
    "shared_caveats",
    "table",
    "write_csv",
    "write_markdown",
]
