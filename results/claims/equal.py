"""Claims of Lucic et al. 2018, "Are GANs Created Equal?", as data; `searches` has what they compare."""

from ganscape.results.claims.claim import Paper, PublishedClaim
from ganscape.results.claims.encoders import SCORED_STUDIES, same_order
from ganscape.results.claims.rules import ALIKE, EVERY, REVERSAL, SOME, THREE
from ganscape.results.claims.searches import (
    WIDE,
    alike,
    bad_beats_good,
    dominated,
    high_f1,
    low_f1,
    ns_below_mm,
    reordered,
    robust_to_seed,
    sensitive,
    shrinking,
    similarly_sensitive,
    tuned_beats_default,
    vae_worst,
    wide_beats_narrow,
)

PAPER = Paper(
    "equal",
    "Are GANs Created Equal? A Large-Scale Study",
    "arXiv:1711.10337",
    ("mnist", "fashion_mnist", "cifar10", "celeba"),
    ("infogan",),
    1_000_000,
    "fid",
)

BETTER, SAME = 1.1, 1.5
CLAIMS = (
    PublishedClaim(
        "equal/alike",
        "With enough tuning, most GANs reach similar scores.",
        PAPER, "abstract; Fig. 4; from memory", WIDE, ALIKE, SAME, alike, "config",
    ),
    PublishedClaim(
        "equal/shrinking",
        "The differences between GANs become smaller as the budget grows.",
        PAPER, "Fig. 4; from memory", WIDE, EVERY, 1.0, shrinking, "config",
    ),
    PublishedClaim(
        "equal/no-winner",
        "No GAN is better than all others on every data set.",
        PAPER, "abstract; from memory", WIDE, EVERY, 1.0, dominated, "config", joint="all",
    ),
    PublishedClaim(
        "equal/bad-beats-good",
        "A worse GAN with a larger budget beats a better one with a small budget.",
        PAPER, "Fig. 4; from memory", WIDE, EVERY, BETTER, bad_beats_good, "config",
    ),
    PublishedClaim(
        "equal/rank-depends-on-budget",
        "Which method is better depends on the budget.",
        PAPER, "Fig. 4; from memory", WIDE, REVERSAL, 1.0, reordered, "config",
    ),
    PublishedClaim(
        "equal/sensitive",
        "Every GAN is very sensitive to its hyperparameters: quartiles of the scores are a factor of 2 apart.",
        PAPER, "Fig. 5; from memory", WIDE, EVERY, 1.5, sensitive, "config",
    ),
    PublishedClaim(
        "equal/similarly-sensitive",
        "No GAN is much less sensitive to its hyperparameters than the others.",
        PAPER, "Fig. 5; from memory", WIDE, ALIKE, 2.0, similarly_sensitive, "config",
    ),
    PublishedClaim(
        "equal/tuning-pays",
        "The authors' settings are far behind what a search finds.",
        PAPER, "Fig. 5; from memory", WIDE, EVERY, 1.2, tuned_beats_default, "method",
    ),
    PublishedClaim(
        "equal/ns-below-mm",
        "The non-saturating loss is better than the minimax loss.",
        PAPER, "Table 3; from memory", WIDE, EVERY, BETTER, ns_below_mm, "config",
        published="MNIST 6.8 and 9.8, CIFAR10 58.5 and 72.7",
    ),
    PublishedClaim(
        "equal/vae-worst",
        "Every GAN is better than the VAE.",
        PAPER, "Table 3; from memory", WIDE, EVERY, BETTER, vae_worst, "config",
        published="MNIST 23.8 (VAE), 6.7 to 20.3; CIFAR10 155.7, 55.2 to 87.1",
    ),
    PublishedClaim(
        "equal/lsgan-seeds",
        "GANs are robust to the seed, except LSGAN.",
        PAPER, "Table 3; from memory", WIDE, EVERY, BETTER, robust_to_seed, "seed",
        published="deviation over seeds on CIFAR10: LSGAN 47.5, others 0.9 to 3.6",
    ),
    PublishedClaim(
        "equal/encoder-alike",
        "Another encoder orders the models alike: the rank correlation of their distances is above 0.8.",
        PAPER, "Fig. 2; from memory", SCORED_STUDIES, EVERY, 1.0, same_order, "model",
        published="Spearman's correlation of Inception and VGG on CelebA: 0.9",
    ),
    PublishedClaim(
        "equal/wide-finds-better",
        "Narrow ranges of another data set do not help every GAN: for some, wide ranges find better models.",
        PAPER, "Fig. 15; from memory", ("equal/narrow", *WIDE), SOME, BETTER, wide_beats_narrow, "config",
        joint="protocol",
    ),
    PublishedClaim(
        "equal/high-f1",
        "The non-saturating GAN and WGAN reach high precision and recall on triangles: an F1 above 0.8.",
        PAPER, "Fig. 6; from memory", ("equal/f1",), EVERY, 1.0, high_f1, "config",
        metric="one_minus_f1_triangles",
    ),
    PublishedClaim(
        "equal/low-f1",
        "Many methods never reach a high F1 on triangles: at least three stay below 0.5.",
        PAPER, "Fig. 6; from memory", ("equal/f1",), THREE, 1.0, low_f1, "config",
        metric="one_minus_f1_triangles",
    ),
)  # fmt: skip
