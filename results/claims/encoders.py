"""What the claim of Lucic et al. 2018 about encoders compares: the orders in which two metrics put the same models."""

import itertools
import math

import numpy as np
from scipy import stats

from ganscape.results.agreement import both_measures, measures
from ganscape.results.claims.estimates import Estimate
from ganscape.results.claims.evidence import NotTestable, require
from ganscape.results.claims.rules import Contrast
from ganscape.results.frames import Results

SCORED_STUDIES = ("equal/wide", "equal/seeds", "equal/narrow")
LEAST_CORRELATION = 0.8
LEAST_MODELS = 10
NORMAL = 1e9  # degrees of freedom of Student's t that is a normal distribution


def same_order(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns how far Spearman's correlation of the scores by each two encoders is above 0.8, on Fisher's scale.

    The models are all configs of all methods that have both scores, each with its median over seeds at the last rung.
    The variance is that of Bonett and Wright 2000, doi:10.1007/BF02294183. Failed trials have no scores to compare.
    """
    require(results, SCORED_STUDIES, ())
    wide = measures(results)
    distances = [name for name in wide.columns if name.startswith(("fd_", "fid"))]
    if len(distances) < 2:
        raise NotTestable("needs Frechet distances by two encoders of the same samples: --metric fd_...,fd_...")
    return [_contrast(a, b, *both_measures(wide, a, b).to_numpy().T) for a, b in itertools.combinations(distances, 2)]


def _contrast(a: str, b: str, x: np.ndarray, y: np.ndarray) -> Contrast:
    models = len(x)
    if models < LEAST_MODELS:
        raise NotTestable(f"needs at least {LEAST_MODELS} models with {a} and {b}; there are {models}")
    correlation = float(stats.spearmanr(x, y).statistic)
    if not abs(correlation) < 1 - 1e-9:
        raise NotTestable(f"needs orders that differ: the correlation of {a} and {b} is {correlation:.3g}")
    error = math.sqrt((1 + correlation**2 / 2) / (models - 3))
    value = math.atanh(LEAST_CORRELATION) - math.atanh(correlation)
    estimate = Estimate(value, error, math.inf, models)
    return Contrast(
        f"Fisher's z of 0.8 less that of {correlation:.3f}, the rank correlation of {a} and {b}", estimate, False
    )
