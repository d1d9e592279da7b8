"""How the scores of a method differ between two output folders, with intervals. Lower is better, +inf for a failed run.

Where both folders trained the same configs, these are paired: the mean log ratio over configs, by Student's t. Where no
config is in both, the expected best of k configs is compared: the ratio with jackknifed errors, by Welch's t. With a
few shared configs the two are not independent and nothing is tested. Intervals are at 95 % over all methods
(Bonferroni), so that about one comparison of folders in twenty tells any method apart that does not differ
(docs/statistics.md has how often that happened in simulations).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ganscape.results import budget
from ganscape.results.claims.estimates import Estimate, best_of, difference, estimate_mean
from ganscape.results.definition import decisive_part, holes_of
from ganscape.results.frames import Results
from ganscape.results.ranking import LEAST
from ganscape.results.store import StoreError, differences
from ganscape.results.wording import join

LEVEL = 0.95  # over all methods of a comparison
LEAST_PAIRS = 6
SCORED_ALIKE = ("metric", "data", "data_fingerprint", "protocol")


class FolderContrast(NamedTuple):
    """The scores of a method in one folder over those in another.

    ratio, low, high: NaN where nothing is tested. how: what is compared, in words, or why nothing is.
    verdict: "lower" or "higher" in the second folder, "not told apart", or "" where nothing is tested.
    """

    method: str
    ratio: float
    low: float
    high: float
    how: str
    verdict: str


def check_folders(parts: Sequence[Results]) -> None:
    """Raises StoreError, which names the folders and the difference, unless they are scored alike."""
    for part in parts:
        if not part.study:
            raise StoreError(f"'{part.folder}' holds no study yet, so there is nothing to compare")
    first, names = parts[0], [str(part.folder.resolve()) for part in parts]
    if len(set(names)) < len(names):
        raise StoreError(f"'{next(part.folder for part in parts if names.count(str(part.folder.resolve())) > 1)}' "
                         "is named twice")  # fmt: skip
    for part in parts[1:]:
        one, other = ({name: results.study.get(name) for name in SCORED_ALIKE} for results in (first, part))
        if one != other:
            how = differences(other, one)
            raise StoreError(f"scores of '{first.folder}' and '{part.folder}' cannot be compared: {how}")
        ours, theirs = (_kinds(results) for results in (first, part))
        if ours != theirs:
            raise StoreError(
                f"scores of '{first.folder}' and '{part.folder}' cannot be compared: those of the first are of {ours}, "
                f"of the second of {theirs}"
            )


def _kinds(results: Results) -> str:
    """Returns which kinds of images the methods of a folder make, in words."""
    kinds = {f"completed {holes}" if holes else "whole images" for holes in holes_of(results.study).values()}
    return join(sorted(kinds)) if kinds else "whole images"


def definition_differences(one: Results, other: Results) -> str:
    """Returns how the definitions of two folders differ, in words; "" where they do not."""
    return differences(decisive_part(other.study), decisive_part(one.study))


def contrasts(one: Results, other: Results) -> list[FolderContrast]:
    """Returns one contrast for each method that both folders have: the scores in `other` over those in `one`."""
    methods = [method for method in one.methods() if method in other.methods()]
    level = 1 - (1 - LEVEL) / max(len(methods), 1)
    return [_contrast(method, one, other, level) for method in methods]


def _contrast(method: str, one: Results, other: Results, level: float) -> FolderContrast:
    try:
        estimate, how = _estimate(method, one, other)
    except StoreError as reason:
        return FolderContrast(method, math.nan, math.nan, math.nan, str(reason), "")
    low, high = estimate.interval(level)
    verdict = "lower" if high < 0 else "higher" if low > 0 else "not told apart"
    return FolderContrast(method, math.exp(estimate.value), math.exp(low), math.exp(high), how, verdict)


def _estimate(method: str, one: Results, other: Results) -> tuple[Estimate, str]:
    """Returns the log ratio and what it is of. Raises StoreError, whose words are the reason, where there is none."""
    tables = [part.searched() for part in (one, other)]
    configs = [set(table.loc[table["method"] == method, "config"]) for table in tables]
    shared = configs[0] & configs[1]
    if shared and shared != configs[0] | configs[1]:
        raise StoreError(f"not tested: {len(shared)} of its configs are in both folders, which are not independent")
    if shared:
        return _paired(method, tables)
    return _expected_best(method, one, other, tables)


def _paired(method: str, tables) -> tuple[Estimate, str]:
    """Compares the same configs in both folders, each by the mean of its seeds' logarithms, if all are finished."""
    rows = [table[table["method"] == method] for table in tables]
    if set(rows[0]["trial"]) == set(rows[1]["trial"]) and rows[0]["value"].tolist() == rows[1]["value"].tolist():
        raise StoreError("not tested: both folders hold the same trials with the same scores")
    rows = [part[~part["config"].isin(part.loc[part["value"].isna(), "config"])] for part in rows]
    means = [_logs(part).groupby(part["config"], sort=False).mean() for part in _capped(rows)]
    gaps = (means[1] - means[0].reindex(means[1].index)).dropna().to_numpy()
    if len(gaps) < LEAST_PAIRS:
        raise StoreError(f"not tested: {len(gaps)} configs are finished in both folders, fewer than {LEAST_PAIRS}")
    return estimate_mean(gaps), f"mean over {len(gaps)} configs that both folders trained"


def _expected_best(method: str, one: Results, other: Results, tables) -> tuple[Estimate, str]:
    for part in (one, other):
        if not part.exchangeable() or part.begins_with_known():
            raise StoreError("not tested: a search that learns from scores, or stops trials, is one draw")
    capped = _capped([table[table["method"] == method] for table in tables])
    scores = [budget.replicates(part, method) for part in capped]
    if min(map(len, scores)) < LEAST:
        raise StoreError(f"not tested: {min(map(len, scores))} finished configs, fewer than {LEAST}")
    if any((table <= 0).any() for table in scores):
        raise StoreError("not tested: scores are not all positive, so they have no ratio")
    k = budget.comparison_budget(min(map(len, scores)))
    first, second = (best_of(table, k) for table in scores)
    return difference(second, first), f"expected best of {k} configs"


def _capped(rows: list) -> list:
    """Returns the rows with failed trials at the worst score of both folders, so that failing more is never better."""
    values = np.concatenate([part["value"].to_numpy(dtype=np.float64) for part in rows])
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise StoreError("not tested: no trial has worked")
    return [part.assign(value=part["value"].clip(upper=finite.max())) for part in rows]


def _logs(part):
    if (part["value"] <= 0).any():
        raise StoreError("not tested: scores are not all positive, so they have no ratio")
    return np.log(part["value"])
