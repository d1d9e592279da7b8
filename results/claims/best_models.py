"""The published distances of the best models of Kurach et al. 2019, and their comparison with a sweep's."""

import math

import numpy as np

from ganscape.results.claims.estimates import estimate_mean
from ganscape.results.claims.evidence import NotTestable, require
from ganscape.results.claims.rules import Contrast
from ganscape.results.frames import Results

LEAST_SEEDS = 3
IMAGES = 200_000 * 64
Model = tuple[str, float, float]  # method, learning rate, beta2
# FID by study and model: comments in the authors' code beside each setting. Where one setting is listed twice, with
# weights of a penalty that it does not have, the lower.
PUBLISHED: dict[str, dict[Model, float]] = {
    "landscape/best": {
        ("sndcgan", 1e-4, 0.999): 28.66,
        ("sndcgan", 2e-4, 0.999): 33.23,
        ("sndcgan_sn", 2e-4, 0.999): 25.27,
        ("sndcgan_sn", 1e-4, 0.999): 26.16,
        ("sndcgan_gp_sn", 2e-4, 0.999): 26.00,
        ("resnet", 2e-4, 0.999): 28.12,
        ("resnet", 1e-4, 0.999): 30.08,
        ("resnet_sn", 2e-4, 0.999): 22.91,
        ("resnet_gp_sn", 2e-4, 0.999): 22.73,
    },
    "landscape/best-celeba-hq": {
        ("sndcgan", 4.12e-4, 0.341): 61.15,
        ("sndcgan", 2.54e-4, 0.599): 62.96,
        ("sndcgan_sn", 2e-4, 0.9): 28.21,
        ("sndcgan_sn", 1.54e-4, 0.734): 29.92,
        ("sndcgan_gp_sn", 2e-4, 0.999): 24.67,
        ("sndcgan_gp_sn", 2e-4, 0.9): 25.22,
        ("resnet", 3.38e-5, 0.9982): 34.29,
        ("resnet", 1e-4, 0.999): 35.85,
        ("resnet_ln", 1e-4, 0.999): 30.02,
        ("resnet_gp_sn", 2e-4, 0.999): 29.04,
        ("resnet_dragan_ln", 1e-4, 0.9): 29.13,
    },
    "landscape/best-lsun": {
        ("sndcgan", 2e-4, 0.999): 163.51,
        ("sndcgan", 6.2e-5, 0.620): 167.15,
        ("sndcgan_sn", 2.64e-4, 0.966): 53.59,
        ("sndcgan_sn", 1.92e-3, 0.938): 56.71,
        ("resnet", 1.93e-5, 0.8819): 112.92,
        ("resnet_ls", 3.22e-5, 0.9904): 102.74,
        ("resnet_sn", 2.851e-4, 0.998): 42.51,
        ("resnet_ls_sn", 2e-4, 0.999): 41.60,
        ("resnet_gp_ln", 1.281e-4, 0.9792): 40.36,
    },
}
BEST_MODELS = tuple(PUBLISHED)
DATA = {"landscape/best": "cifar10", "landscape/best-celeba-hq": "celeba_hq_128", "landscape/best-lsun": "lsun_bedroom"}


def published_length(study: str, method: str) -> int:
    """Returns after how many real images the best distance of a model was taken: 100,000 updates for the small networks
    at 128 pixels, 200,000 for all others."""
    return IMAGES // 2 if study != "landscape/best" and method.startswith("sndcgan") else IMAGES


def reached(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns, for each model of the study, the ratio of its FID, a geometric mean over seeds, to the published one.

    The distance of a training is its lowest up to the published length. A published number is of one training, whose
    own deviation over seeds is not known and not counted.
    """
    require(results, BEST_MODELS, ())
    study, name = results.study, results.study["study"]
    if study["metric"] != "fid" or study["data"] != DATA[name] or study["images"] < IMAGES:
        raise NotTestable(
            f"needs {DATA[name]}, the metric fid and {IMAGES:,} images per training: --scale paper --metric fid"
        )
    trials, scores = results.trials().set_index("trial"), results.rungs()
    contrasts = []
    for (method, rate, beta2), published in PUBLISHED[name].items():
        if method not in results.methods():
            continue
        chosen = trials[(trials["method"] == method) & (trials["g_lr"] == rate) & (trials["beta2"] == beta2)]
        within = [rung for rung in scores.columns if int(rung) <= published_length(name, method)]
        lowest = scores.reindex(index=chosen.index, columns=within).to_numpy(dtype=np.float64)
        lowest = np.nanmin(lowest, axis=1, initial=np.inf)
        failed = chosen["status"].to_numpy() == "failed"
        lowest = lowest[np.isfinite(lowest) & ~failed]  # a failed training has no distance to compare
        label = f"{method} at {rate:g}" + ("" if beta2 == 0.999 else f", beta2 {beta2:g}")
        if len(lowest) < LEAST_SEEDS:
            raise NotTestable(f"needs at least {LEAST_SEEDS} seeds of each model; {label} has {len(lowest)}")
        contrasts.append(Contrast(f"{label} / {published}", estimate_mean(np.log(lowest) - math.log(published))))
    return contrasts
