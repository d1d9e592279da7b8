"""Claims of Lucic et al. 2018 about the Frechet distance itself, judged by the tables of `ganscape calibrate`.

Only tables of "fid" itself are about the paper's distance; other Frechet distances are judged too, with that caveat.
"""

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from ganscape.results.claims.claim import PublishedClaim
from ganscape.results.claims.equal import PAPER
from ganscape.results.claims.estimates import difference, estimate_mean, jackknife
from ganscape.results.claims.evidence import NotTestable
from ganscape.results.claims.rules import ALIKE, EVERY, Contrast

if TYPE_CHECKING:
    import pandas as pd

LEAST_REPEATS = 5
REAL, ONE_PER_CLASS = "real images", "one image per class, repeated"  # levels of `ganscape calibrate sanity`


def _by_level(table: "pd.DataFrame") -> dict[float, np.ndarray]:
    levels = {
        level: table.loc[table["level"] == level, "value"].to_numpy(dtype=np.float64)
        for level in sorted(map(float, set(table["level"])))
    }
    few = [level for level, values in levels.items() if len(values) < LEAST_REPEATS]
    if few:
        raise NotTestable(
            f"needs at least {LEAST_REPEATS} repeats of every level; {few[0]:g} has {len(levels[few[0]])}"
        )
    if any((values <= 0).any() for values in levels.values()):
        raise NotTestable("needs distances above 0: ratios of these mean nothing")
    return levels


def steady(table: "pd.DataFrame", keep_failed: bool) -> list[Contrast]:
    """Returns ten standard deviations over the mean of the distance between real images, for the largest sample: from
    the test split, as in the paper, where the table has that."""
    of_test = table[table["against"] == "test"]
    levels = _by_level(of_test if len(of_test) else table)
    size = max(levels)
    estimate = jackknife(lambda rows: math.log(10.0 * rows.std(ddof=1) / rows.mean()), [levels[size]])
    return [Contrast(f"10 deviations / mean, {size:,.0f} samples", estimate)]


def modes_show(table: "pd.DataFrame", keep_failed: bool) -> list[Contrast]:
    """Returns the ratio of the distance with one class more and with one less, for each number of classes."""
    levels = _by_level(table)
    logs = {level: estimate_mean(np.log(values)) for level, values in sorted(levels.items())}
    if len(logs) < 3:
        raise NotTestable("needs distances at three numbers of classes at least")
    return [
        Contrast(f"{more:g} classes / {fewer:g}", difference(logs[more], logs[fewer]))
        for fewer, more in itertools.pairwise(logs)
    ]


def any_partition(table: "pd.DataFrame", keep_failed: bool) -> list[Contrast]:
    """Returns the mean distance over random partitions of all images, over that of the data set's own, for the largest
    sample that was measured both ways."""
    own, random = (table[table["against"] == against] for against in ("test", "partition"))
    shared = set(own["level"]) & set(random["level"])
    if not shared:
        raise NotTestable("needs `ganscape calibrate bias` with --against test and with --against partition")
    size = max(map(float, shared))

    def log_mean(rows: np.ndarray) -> float:
        return math.log(rows.mean())

    at_size = (part[part["level"].astype(float) == size] for part in (random, own))
    means = [jackknife(log_mean, [_by_level(part)[size]]) for part in at_size]
    return [Contrast(f"random partitions / the own split, {size:,.0f} samples", difference(*means))]


def collapse_shows(table: "pd.DataFrame", keep_failed: bool) -> list[Contrast]:
    """Returns the distance of real images over that of one image per class, repeated."""
    return [_real_over_collapsed(table, ("fd_", "fid"), "a Frechet distance")]


def score_blind(table: "pd.DataFrame", keep_failed: bool) -> list[Contrast]:
    """Returns the classifier score of real images over that of one image per class, repeated."""
    return [_real_over_collapsed(table, ("classifier_score", "inception_score"), "a classifier score")]


def _real_over_collapsed(table: "pd.DataFrame", names: tuple[str, ...], kind: str) -> Contrast:
    if not str(table["metric"].iloc[0]).startswith(names):
        raise NotTestable(f"needs {kind}")
    values = {level: part["value"].to_numpy(dtype=np.float64) for level, part in table.groupby("level")}
    if ONE_PER_CLASS not in values:
        raise NotTestable("needs data with classes")
    real, collapsed = values[REAL], values[ONE_PER_CLASS]
    if min(len(collapsed), len(real)) < LEAST_REPEATS:
        raise NotTestable(f"needs at least {LEAST_REPEATS} repeats; there are {len(collapsed)}")
    if min(real.min(), collapsed.min()) <= 0:
        raise NotTestable("needs scores above 0: ratios of these mean nothing")
    logs = [estimate_mean(np.log(part)) for part in (real, collapsed)]
    return Contrast("real images / one image per class", difference(*logs))


CLAIMS = (
    PublishedClaim(
        "equal/bias-without-variance",
        "The Frechet distance of real images from real ones has a large bias and little variance: ten deviations are "
        "less than the mean.",
        PAPER, "Table 2; from memory", ("calibrate bias",), EVERY, 1.5, steady, "repeat",
        published="mean and deviation at 10,000: MNIST 1.25, 0.02; CIFAR10 5.19, 0.02",
    ),
    PublishedClaim(
        "equal/modes-show",
        "The Frechet distance falls with every class that a generator does not lose.",
        PAPER, "Fig. 1; from memory", ("calibrate modes",), EVERY, 1.0, modes_show, "repeat",
    ),
    PublishedClaim(
        "equal/any-partition",
        "Random partitions of the images into two parts give the distance that the data set's own split gives.",
        PAPER, "section 5.1; from memory", ("calibrate bias",), ALIKE, 1.1, any_partition, "repeat",
    ),
    PublishedClaim(
        "equal/collapse-shows",
        "The Frechet distance sees that a generator has one image of each class alone.",
        PAPER, "section 4; from memory", ("calibrate sanity",), EVERY, 1.0, collapse_shows, "repeat",
    ),
    PublishedClaim(
        "equal/score-blind-to-collapse",
        "The Inception score does not see that a generator has one image of each class alone.",
        PAPER, "section 4; from memory", ("calibrate sanity",), ALIKE, 1.1, score_blind, "repeat",
        metric="inception_score",
    ),
)  # fmt: skip
