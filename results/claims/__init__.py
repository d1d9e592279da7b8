"""Published claims as data, and what output folders say of them: `judge(folders)` -> answers, `table(answers)`."""

from ganscape.results.claims.claim import Paper, PublishedClaim
from ganscape.results.claims.judging import CLAIMS, ClaimAnswer, judge, judge_sweep
from ganscape.results.claims.table import ClaimRow, rows, shared_caveats, table, write_csv, write_markdown

__all__ = [
    "CLAIMS",
    "ClaimAnswer",
    "ClaimRow",
    "Paper",
    "PublishedClaim",
    "judge",
    "judge_sweep",
    "rows",
    "shared_caveats",
    "table",
    "write_csv",
    "write_markdown",
]
