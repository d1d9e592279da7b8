"""Claims of Kurach et al. 2019, "A Large-Scale Study on Regularization and Normalization in GANs", as data.

Most compare methods on the fixed settings of table 1, which they share: the unit is a setting.
"""

import itertools
import math

import numpy as np

from ganscape.results.claims.best_models import BEST_MODELS, reached
from ganscape.results.claims.claim import Paper, PublishedClaim
from ganscape.results.claims.estimates import estimate_mean
from ganscape.results.claims.evidence import (
    SETTING,
    NotTestable,
    SettingScores,
    log_ratios,
    require,
    scores_of_fixed_settings,
)
from ganscape.results.claims.rules import ALIKE, EVERY, NOT_WORSE, Contrast
from ganscape.results.costs import measured_time
from ganscape.results.frames import Results

PAPER = Paper(
    "landscape",
    "A Large-Scale Study on Regularization and Normalization in GANs",
    "arXiv:1807.04720",
    ("celeba_hq_128", "lsun_bedroom", "cifar10"),
    ("resnet19", "sndcgan", "resnet_cifar"),
    6_400_000,
    "fid",
)
REG_NORM, LOSS = ("landscape/reg-norm",), ("landscape/loss",)
ARCHITECTURE, COMBINED = ("landscape/architecture",), ("landscape/combined",)
ONE, FIVE = 1, 5


def _settings(results: Results, studies: tuple[str, ...], methods: tuple[str, ...], keep_failed: bool) -> SettingScores:
    require(results, studies, methods)
    return scores_of_fixed_settings(results, methods, keep_failed=keep_failed)


def _contrast(settings: SettingScores, a: str, b: str, disc_iters: int | None = None) -> Contrast:
    ratios = log_ratios(settings, a, b, disc_iters)
    updates = f", {disc_iters}:1 updates" if disc_iters else ""
    return Contrast(f"{a} / {b}{updates}", estimate_mean(ratios))


def _compare(studies: tuple[str, ...], *pairs: tuple[str, str], disc_iters: int | None = None):
    """Returns the function that gives one contrast per pair of methods, over the settings that they share."""
    methods = tuple(dict.fromkeys(itertools.chain(*pairs)))

    def contrasts(results: Results, keep_failed: bool) -> list[Contrast]:
        settings = _settings(results, studies, methods, keep_failed)
        return [_contrast(settings, a, b, disc_iters) for a, b in pairs]

    return contrasts


def penalty_wants_updates(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns how much more a gradient penalty helps at five updates than at one, other settings being equal."""
    settings = _settings(results, REG_NORM, ("ns_gp", "ns"), keep_failed)
    ratio = {}
    for key in settings.by_method["ns_gp"]:
        if key in settings.by_method["ns"]:
            gp, none = (np.log(settings.by_method[method][key]).mean() for method in ("ns_gp", "ns"))
            ratio[key] = gp - none
    gains = [ratio[(*key[:3], FIVE)] - ratio[key] for key in ratio if key[3] == ONE and (*key[:3], FIVE) in ratio]
    if len(gains) < 3:
        raise NotTestable(f"needs at least 3 settings with both 1 and 5 updates; there are {len(gains)}")
    return [Contrast("(ns_gp / ns at 5:1) / (ns_gp / ns at 1:1)", estimate_mean(gains))]


def penalty_wants_length(results: Results, keep_failed: bool) -> list[Contrast]:
    """How much more the second half of the training lowers the score with a gradient penalty than with spectral
    normalization: of each, the last score over that at half the length, at settings that both share.

    A trial without both scores has no such ratio and is left out, whatever `keep_failed` says.
    """
    require(results, REG_NORM, ("ns_gp", "ns_sn"))
    scores, length = results.rungs(), max(results.study["rungs"])
    half = [rung for rung in scores.columns if 2 * rung == length]
    if not half:
        raise NotTestable(f"needs scores at half of the {length:,} images")
    gains = (scores[length] / scores[half[0]]).dropna().map(math.log)
    trials = results.trials().set_index("trial")
    by_setting = gains.groupby([trials[name].reindex(gains.index) for name in ("method", *SETTING)]).mean()
    gp, sn = (by_setting.get(method) for method in ("ns_gp", "ns_sn"))
    both = [] if gp is None or sn is None else (gp - sn).dropna().to_numpy(dtype=np.float64)
    if len(both) < 3:
        raise NotTestable(f"needs at least 3 settings that ns_gp and ns_sn share; there are {len(both)}")
    return [Contrast("(ns_gp / ns_sn at the end) / (the same at half the length)", estimate_mean(both))]


def penalty_costs(results: Results, keep_failed: bool) -> list[Contrast]:
    """Returns the ratio of seconds per image, with a penalty over without, divided by 2: of CPU seconds where they were
    measured.

    Trials that train side by side share their seconds, so that the unit is the ratio of updates, whose trials do.
    """
    require(results, REG_NORM, ("ns", "ns_gp"))
    costs = results.costs().set_index("trial")
    kind, column = measured_time(costs)
    pace = (costs[column] / costs["images"]).map(math.log)
    trials = results.trials().set_index("trial")
    updates = trials["disc_iters"]
    median = pace.groupby([trials["method"], updates]).median()
    ratios = [median["ns_gp", iters] - median["ns", iters] - math.log(2.0) for iters in sorted(updates.unique())]
    if len(ratios) < 2:
        raise NotTestable("needs settings with 1 and with 5 updates")
    return [Contrast(f"(ns_gp / ns) / 2, {kind} seconds per image", estimate_mean(ratios))]


BETTER = 1.1
CLAIMS = (
    PublishedClaim(
        "landscape/sn-helps",
        "Spectral normalization of the discriminator helps.",
        PAPER, "section 3.1, Fig. 2", REG_NORM, EVERY, BETTER, _compare(REG_NORM, ("ns_sn", "ns")), "setting",
    ),
    PublishedClaim(
        "landscape/sn-helps-at-5",
        "Spectral normalization helps with five updates of the discriminator, too.",
        PAPER, "section 3.1, Fig. 2", REG_NORM, EVERY, BETTER,
        _compare(REG_NORM, ("ns_sn", "ns"), disc_iters=FIVE), "setting",
    ),
    PublishedClaim(
        "landscape/bn-hurts",
        "Batch normalization of the discriminator hurts.",
        PAPER, "section 3.1, Fig. 2", REG_NORM, EVERY, BETTER, _compare(REG_NORM, ("ns", "ns_bn")), "setting",
    ),
    PublishedClaim(
        "landscape/gp-helps",
        "A gradient penalty helps.",
        PAPER, "section 3.1, Fig. 2", REG_NORM, EVERY, BETTER, _compare(REG_NORM, ("ns_gp", "ns")), "setting",
    ),
    PublishedClaim(
        "landscape/gp-helps-at-5",
        "A gradient penalty helps with five updates of the discriminator.",
        PAPER, "section 3.1, Fig. 2", REG_NORM, EVERY, BETTER,
        _compare(REG_NORM, ("ns_gp", "ns"), disc_iters=FIVE), "setting",
    ),
    PublishedClaim(
        "landscape/gp-wants-updates",
        "A gradient penalty helps more with five updates of the discriminator than with one.",
        PAPER, "section 3.1", REG_NORM, EVERY, BETTER, penalty_wants_updates, "setting",
    ),
    PublishedClaim(
        "landscape/sn-beats-gp",
        "Spectral normalization is better than a gradient penalty at the same settings.",
        PAPER, "section 3.1, Fig. 2", REG_NORM, EVERY, BETTER, _compare(REG_NORM, ("ns_sn", "ns_gp")), "setting",
    ),
    PublishedClaim(
        "landscape/sn-beats-rest",
        "Spectral normalization is better than every other normalization and penalty.",
        PAPER, "section 3.1, Fig. 2", REG_NORM, EVERY, BETTER,
        _compare(REG_NORM, *(("ns_sn", other) for other in ("ns_bn", "ns_ln", "ns_gp", "ns_dragan", "ns_l2"))),
        "setting",
    ),
    PublishedClaim(
        "landscape/gp-costs-twice",
        "A gradient penalty doubles the time of training.",
        PAPER, "section 3.1", REG_NORM, ALIKE, 1.25, penalty_costs, "update ratio",
    ),
    PublishedClaim(
        "landscape/gp-wants-length",
        "A longer training helps more with a gradient penalty than with spectral normalization.",
        PAPER, "section 3.1; 100,000 steps more", REG_NORM, EVERY, BETTER, penalty_wants_length, "setting",
    ),
    PublishedClaim(
        "landscape/both-not-worse",
        "A gradient penalty with spectral or layer normalization is not worse than either alone.",
        PAPER, "section 3.1, Fig. 3", COMBINED, NOT_WORSE, BETTER,
        _compare(
            COMBINED, *((f"ns_gp_{norm}", alone) for norm in ("sn", "ln") for alone in ("ns_gp", f"ns_{norm}"))
        ),
        "setting",
    ),
    PublishedClaim(
        "landscape/ns-robust",
        "With spectral normalization or a gradient penalty, the non-saturating loss is not worse than the others.",
        PAPER, "section 3.2, Fig. 1", LOSS, NOT_WORSE, BETTER,
        _compare(LOSS, *((f"ns_{way}", f"{other}_{way}") for way in ("sn", "gp") for other in ("w", "ls"))), "setting",
    ),
    PublishedClaim(
        "landscape/sn-helps-losses",
        "Spectral normalization helps every loss.",
        PAPER, "section 3.2, Fig. 1", LOSS, EVERY, BETTER,
        _compare(LOSS, *((f"{loss}_sn", loss) for loss in ("ns", "w", "ls"))), "setting",
    ),
    PublishedClaim(
        "landscape/gp-helps-losses",
        "A gradient penalty helps every loss.",
        PAPER, "section 3.2, Fig. 1", LOSS, EVERY, BETTER,
        _compare(LOSS, *((f"{loss}_gp", loss) for loss in ("ns", "w", "ls"))), "setting",
    ),
    PublishedClaim(
        "landscape/sn-on-both-architectures",
        "Spectral normalization helps networks with and without residual blocks.",
        PAPER, "section 3.3, Fig. 4", ARCHITECTURE, EVERY, BETTER,
        _compare(ARCHITECTURE, ("resnet_sn", "resnet"), ("sndcgan_sn", "sndcgan")), "setting",
    ),
    PublishedClaim(
        "landscape/small-nets-need-no-gp",
        "Networks without residual blocks do not need a gradient penalty.",
        PAPER, "section 3.3, Fig. 4", ARCHITECTURE, NOT_WORSE, BETTER,
        _compare(ARCHITECTURE, ("sndcgan", "sndcgan_gp")), "setting",
    ),
    PublishedClaim(
        "landscape/best-models",
        "The best models reach the distances that were published for them.",
        PAPER, "best models in the authors' code", BEST_MODELS, ALIKE, 1.25, reached, "seed",
        published="CIFAR10: sndcgan 28.66, with SN 25.27; resnet_cifar 28.12, with SN 22.91, with GP and SN 22.73. "
        "CelebA-HQ: sndcgan with GP and SN 24.67. LSUN bedrooms: resnet19 with GP and LN 40.36",
    ),
)  # fmt: skip
