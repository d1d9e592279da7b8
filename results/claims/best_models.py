"""The published distances of the best models of Kurach et al. 2019 on CIFAR10, and their comparison with a sweep's."""

import math

import numpy as np

from ganscape.results.claims.estimates import estimate_mean
from ganscape.results.claims.evidence import NotTestable, require
from ganscape.results.claims.rules import Contrast
from ganscape.results.frames import Results

BEST_MODELS = ("landscape/best",)
LEAST_SEEDS = 3
IMAGES = 200_000 * 64
# FID by method and learning rate: comments in the authors' code beside each setting. Where one setting is listed twice,
# with weights of a penalty that it does not have, the lower.
PUBLISHED = {
    ("sndcgan", 1e-4): 28.66,
    ("sndcgan", 2e-4): 33.23,
    ("sndcgan_sn", 2e-4): 25.27,
    ("sndcgan_sn", 1e-4): 26.16,
    ("sndcgan_gp_sn", 2e-4): 26.00,
    ("resnet", 2e-4): 28.12,
    ("resnet", 1e-4): 30.08,
    ("resnet_sn", 2e-4): 22.91,
    ("resnet_gp_sn", 2e-4): 22.73,
}


def reached(results: Results, keep_failed: bool) -> list[Contrast]:
    """The ratio of the geometric mean over seeds and the published FID, for each model of the study.

    A published number is of one training, whose own deviation over seeds is not known and not counted.
    """
    require(results, BEST_MODELS, ())
    study = results.study
    if study["metric"] != "fid" or study["data"] != "cifar10" or study["images"] < IMAGES:
        raise NotTestable(
            f"needs CIFAR10, the metric fid and {IMAGES:,} images per training: --scale paper --metric fid"
        )
    trials = results.searched("best")
    rates = trials["config"].map(lambda config: results.settings(config)["g_lr"])
    contrasts = []
    for (method, rate), published in PUBLISHED.items():
        scores = trials.loc[(trials["method"] == method) & (rates == rate), "value"].to_numpy(dtype=np.float64)
        scores = scores[np.isfinite(scores)]  # a failed training has no distance to compare
        if method in results.methods() and len(scores) < LEAST_SEEDS:
            raise NotTestable(
                f"needs at least {LEAST_SEEDS} seeds of each model; {method} at {rate:g} has {len(scores)}"
            )
        if method in results.methods():
            estimate = estimate_mean(np.log(scores) - math.log(published))
            contrasts.append(Contrast(f"{method} at {rate:g} / {published}", estimate))
    return contrasts
