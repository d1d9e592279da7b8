"""How a claim is decided from its contrasts, each rule wrong at most 5 % of the time.

A contrast is the log of a ratio of scores, or another estimate with a sign. `holds` and `fails` are both statements
that the data force; where they force neither, the claim is undecided. docs/statistics.md has how often each rule was
wrong, and how often it decided, in simulations.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ganscape.results.claims.estimates import Estimate, Share

TAIL = 0.025
HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"


class Contrast(NamedTuple):
    """One estimate that a claim is about. label: what is compared, such as "ns_sn / ns". ratio: whether the estimate is
    the logarithm of a ratio."""

    label: str
    estimate: Estimate | Share
    ratio: bool = True


class ClaimDecision(NamedTuple):
    """What a rule says of some contrasts.

    verdict: "holds", "fails" or "undecided". telling: the contrast that decides, or is nearest to deciding. level: that
    of the interval that it is decided by. bound: the value that it has to be told from.
    """

    verdict: str
    telling: Contrast
    level: float
    bound: float


class Rule(NamedTuple):
    """A rule by name. words: what has to be seen for `holds` and for `fails`. decide: (contrasts, margin) -> Decision,
    with the margin on the log scale."""

    name: str
    words: str
    decide: Callable[[Sequence[Contrast], float], ClaimDecision]


def decide_least(contrasts: Sequence[Contrast], margin: float, least: int | None = None) -> ClaimDecision:
    """Holds if at least `least` contrasts (None: all) are below 0; fails if too many for that are above -margin.

    Partial conjunction tests (Benjamini and Heller 2008): the u-th lowest of m p-values times m - u + 1 is a p of "at
    least u"; at 2.5 % each way. A true value between -margin and 0 makes neither verdict wrong.
    """
    count = len(contrasts)
    least = count if least is None else min(least, count)
    below = sorted(contrasts, key=lambda contrast: contrast.estimate.p_below(0.0))[least - 1]
    above = sorted(contrasts, key=lambda contrast: contrast.estimate.p_above(-margin))[count - least]
    if below.estimate.p_below(0.0) * (count - least + 1) < TAIL:
        return ClaimDecision(HOLDS, below, 1 - 2 * TAIL / (count - least + 1), 0.0)
    if above.estimate.p_above(-margin) * least < TAIL:
        return ClaimDecision(FAILS, above, 1 - 2 * TAIL / least, -margin)
    if below.estimate.value < -margin / 2:
        return ClaimDecision(UNDECIDED, below, 1 - 2 * TAIL / (count - least + 1), 0.0)
    return ClaimDecision(UNDECIDED, above, 1 - 2 * TAIL / least, -margin)


def decide_not_worse(contrasts: Sequence[Contrast], margin: float) -> ClaimDecision:
    """Holds if every contrast is below margin, fails if one is above 0: `decide_least` moved by the margin."""
    moved = [contrast._replace(estimate=contrast.estimate.minus(margin)) for contrast in contrasts]
    decision = decide_least(moved, margin)
    telling = contrasts[moved.index(decision.telling)]
    return decision._replace(telling=telling, bound=decision.bound + margin)


def decide_alike(contrasts: Sequence[Contrast], margin: float) -> ClaimDecision:
    """Holds if every contrast lies within +-margin, fails if one lies beyond.

    `holds` by two one-sided tests of each contrast at 5 %, `fails` at 5 % over the number of tests.
    """

    def p_inside(contrast: Contrast) -> float:
        return max(contrast.estimate.p_below(margin), contrast.estimate.p_above(-margin))

    def p_outside(contrast: Contrast) -> float:
        return min(contrast.estimate.p_above(margin), contrast.estimate.p_below(-margin))

    widest, farthest = max(contrasts, key=p_inside), min(contrasts, key=p_outside)
    if p_inside(widest) < 2 * TAIL:
        return ClaimDecision(HOLDS, widest, 1 - 4 * TAIL, math.copysign(margin, widest.estimate.value))
    each = TAIL / len(contrasts)
    bound = math.copysign(margin, farthest.estimate.value)
    return ClaimDecision(FAILS if p_outside(farthest) < each else UNDECIDED, farthest, 1 - 2 * each, bound)


def decide_reversal(contrasts: Sequence[Contrast], margin: float) -> ClaimDecision:
    """Holds if a pair of methods changes its order, fails if every pair is shown to keep it; the margin plays no part.

    contrasts: for each pair one contrast under the first condition, then the one under the second. A pair changes its
    order where both contrasts have a sign and the signs differ (an intersection-union test), with Bonferroni's
    correction for the number of pairs.
    """
    pairs = list(zip(contrasts[::2], contrasts[1::2], strict=True))

    def p_of_signs(pair: tuple[Contrast, Contrast], same: bool) -> float:
        first, second = (contrast.estimate for contrast in pair)
        lower, upper = (
            (second.p_below(0.0), second.p_above(0.0)) if same else (second.p_above(0.0), second.p_below(0.0))
        )
        return min(max(first.p_below(0.0), lower), max(first.p_above(0.0), upper))

    nearest = min(pairs, key=lambda pair: p_of_signs(pair, same=False))
    telling = max(nearest, key=lambda contrast: _p_of_sign(contrast.estimate))
    each = TAIL / len(pairs)
    if p_of_signs(nearest, same=False) < each:
        return ClaimDecision(HOLDS, telling, 1 - 2 * each, 0.0)
    farthest = max(pairs, key=lambda pair: p_of_signs(pair, same=True))
    if p_of_signs(farthest, same=True) < TAIL:
        return ClaimDecision(
            FAILS, max(farthest, key=lambda contrast: _p_of_sign(contrast.estimate)), 1 - 2 * TAIL, 0.0
        )
    return ClaimDecision(UNDECIDED, telling, 1 - 2 * each, 0.0)


def _p_of_sign(estimate: Estimate | Share) -> float:
    return min(estimate.p_below(0.0), estimate.p_above(0.0))


EVERY = Rule("every", "holds if every ratio is below 1, fails if one is above 1 / margin", decide_least)
SOME = Rule(
    "some",
    "holds if one ratio is below 1, fails if all are above 1 / margin",
    functools.partial(decide_least, least=1),
)
THREE = Rule(
    "three",
    "holds if three ratios are below 1, fails if all but two are above 1 / margin",
    functools.partial(decide_least, least=3),
)
NOT_WORSE = Rule("not worse", "holds if every ratio is below the margin, fails if one is above 1", decide_not_worse)
ALIKE = Rule("alike", "holds if every ratio is within the margin, fails if one is beyond it", decide_alike)
REVERSAL = Rule("reversal", "holds if a pair changes its order, fails if every pair keeps it", decide_reversal)
