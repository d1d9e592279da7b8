"""The answers as one table: what the command, the report, the docs and the notebooks show."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ganscape.files import replacing
from ganscape.results.claims.judging import ClaimAnswer
from ganscape.results.store import StoreError

if TYPE_CHECKING:
    import pandas as pd

MOST_LOG = 700.0  # exp of more overflows


class ClaimRow(NamedTuple):
    """One answer in words and numbers.

    compared, value, low, high, level: the estimate that decides, or is nearest to deciding, and the interval that it is
    decided by; as a ratio of scores where it is one. unit, units: what the evidence is counted in, and how much there
    is. caveats: joined by "; ".
    """

    claim: str
    sentence: str
    source: str
    data: str
    verdict: str
    compared: str
    value: float
    low: float
    high: float
    level: float
    unit: str
    units: int
    margin: float
    published: str
    needed: str
    caveats: str

    def estimate(self) -> str:
        """Returns the estimate in words, such as "ns_sn / ns: 0.64 (0.45 to 0.92)", "" where there is none."""
        value, low, high = (f"{float(f'{number:.2g}'):g}" for number in (self.value, self.low, self.high))
        return f"{self.compared}: {value} ({low} to {high})" if self.compared else ""

    def evidence(self) -> str:
        """Returns how much evidence there is, such as "12 settings"."""
        return f"{self.units:,} {self.unit}s" if self.units else ""


def rows(answers: Iterable[ClaimAnswer]) -> list[ClaimRow]:
    """Returns one row per answer, in their order."""
    return [_row(answer) for answer in answers]


def table(answers: Iterable[ClaimAnswer]) -> "pd.DataFrame":
    """Returns the rows of answers as a frame with the columns of `Row`."""
    import pandas as pd

    return pd.DataFrame(rows(answers), columns=list(ClaimRow._fields))


def write_csv(answers: Iterable[ClaimAnswer], path: Path) -> Path:
    """Writes the rows of answers to a .csv file, whole or not at all, and returns its path."""
    try:
        with replacing(path, "w") as file:
            table(answers).to_csv(file, index=False)
    except OSError as error:
        raise StoreError(f"cannot write '{path}': {error.strerror or error}") from error
    return path


def shared_caveats(answers: Iterable[ClaimAnswer]) -> list[str]:
    """Returns the caveats that all answers of claims that were judged have in common."""
    judged = [answer.caveats for answer in answers if answer.decision is not None]
    return [caveat for caveat in judged[0] if all(caveat in caveats for caveats in judged)] if judged else []


def write_markdown(answers: Sequence[ClaimAnswer]) -> str:
    """Returns the rows of answers as a table of Markdown, for docs, and below it how each data set differs from the
    papers' protocols."""
    groups: dict[tuple[str, str], list[ClaimAnswer]] = {}
    for answer in answers:
        if answer.decision is not None:
            groups.setdefault((answer.claim.paper.title, answer.data), []).append(answer)
    shared = {key: shared_caveats(group) for key, group in groups.items()}
    lines = ["| claim | says | data | verdict | estimate | evidence | to decide it |", "|---|---|---|---|---|---|---|"]
    for answer, row in zip(answers, rows(answers), strict=True):
        known = shared.get((answer.claim.paper.title, answer.data), [])
        notes = [row.needed, *(caveat for caveat in answer.caveats if caveat not in known)]
        cells = (row.claim, row.sentence, row.data, row.verdict, row.estimate(), row.evidence())
        lines.append(f"| {' | '.join(cells)} | {'; '.join(filter(None, notes))} |")
    lines.append("")
    lines += [f"- {title}, {data}: {'; '.join(caveats)}." for (title, data), caveats in shared.items() if caveats]
    return "\n".join(lines) + "\n"


def _row(answer: ClaimAnswer) -> ClaimRow:
    claim, decision = answer.claim, answer.decision
    compared, value, low, high, level, units = "", math.nan, math.nan, math.nan, math.nan, 0
    if decision is not None:
        telling, level = decision.telling, decision.level
        numbers = telling.estimate.value, *telling.estimate.interval(level)
        value, low, high = (math.exp(min(number, MOST_LOG)) if telling.ratio else number for number in numbers)
        compared, units = telling.label, telling.estimate.units
    source = f"{claim.paper.link}, {claim.where}"
    return ClaimRow(claim.name, claim.sentence, source, answer.data, answer.verdict, compared, value, low, high, level,
               claim.unit, units, claim.margin, claim.published, answer.needed, "; ".join(answer.caveats))  # fmt: skip
