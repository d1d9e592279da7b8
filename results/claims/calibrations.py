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
from ganscape.results.claims.rules import EVERY, Contrast

if TYPE_CHECKING:
    import pandas as pd

LEAST_REPEATS = 5


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
    """Returns ten standard deviations over the mean of the distance between real images, for the largest sample."""
    levels = _by_level(table)
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
)  # fmt: skip
