"""How do methods compare that were trained with the same listed settings? Each setting gives a pair of scores."""

import math
from typing import TYPE_CHECKING

from ganscape.results.claims.estimates import Estimate, estimate_mean
from ganscape.results.claims.evidence import NotTestable, log_ratios, scores_of_fixed_settings
from ganscape.results.comparisons import holm
from ganscape.results.frames import Results
from ganscape.results.wording import count, join

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["method", "settings", "ratio", "low", "high", "p"]
LEVEL = 0.95


def ratios_at_equal_settings(results: Results) -> "pd.DataFrame":
    """Returns how much higher each method scores than the first one, with the settings that both were trained with.

    Columns method settings ratio low high p p_holm. settings: how many. ratio: geometric mean over these of the score
    of the method over that of the first, seeds averaged on the log scale; low, high: Student's 95 % interval over
    settings. p: of a ratio of 1, two-sided; p_holm: corrected for all rows. A failed trial has the worst score of the
    folder. Empty where a search drew configs or a scheduler stopped trials, and for scores that are not above 0; a
    method that shares fewer than 3 settings with the first has no row.
    """
    import pandas as pd

    rows = []
    if results.exchangeable() and all(phase["only_defaults"] for phase in results.search()):
        first, *others = results.methods()
        for method in others:
            try:
                scores = scores_of_fixed_settings(results, (method, first), keep_failed=True)
                estimate = estimate_mean(log_ratios(scores, method, first))
            except NotTestable:
                continue
            ends = (estimate.value, *estimate.interval(LEVEL))
            rows.append((method, estimate.units, *map(math.exp, ends), _two_sided_p(estimate)))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_holm=holm(table["p"]))


def describe_ratios(table: "pd.DataFrame", first: str) -> str:
    """Returns which methods are told from the first one by `ratios_at_equal_settings`, corrected for their number."""
    told = table[table["p_holm"] < 1 - LEVEL]
    if told.empty:
        return f"At equal settings no method is told from {first}."
    parts = [
        f"{join(list(side['method']))} {verb} {word} than {first}"
        for side, word in ((told[told["ratio"] < 1], "lower"), (told[told["ratio"] > 1], "higher"))
        if len(side)
        for verb in ["scores" if len(side) == 1 else "score"]
    ]
    rest = len(table) - len(told)
    others = f"; {count(rest, 'method')} {'is' if rest == 1 else 'are'} not told from it" if rest else ""
    return f"At equal settings {' and '.join(parts)}{others}."


def _two_sided_p(estimate: Estimate) -> float:
    return 2 * min(estimate.p_below(0.0), estimate.p_above(0.0))
