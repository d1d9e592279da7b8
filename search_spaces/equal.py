"""EQUAL: search spaces and studies of Lucic et al. 2018, "Are GANs Created Equal? A Large-Scale Study"."""

from ganscape.search_spaces.conditions import When
from ganscape.search_spaces.dimensions import Choice, Dimension, Fixed, LogUniform, Uniform, Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Phase, Scale, Study

# ----------------------------------------------------------------------------------------------------------------------
# arXiv:1711.10337; the numbers are those of the released code (google/compare_gan, tag v1.0). Its boolean
# `discriminator_batchnorm` is the field `discriminator_normalization`, in the VAE the encoder's; its `lambda` is
# `penalty_weight`, in BEGAN `k_learning_rate`.

_BN, _NONE = "batch_norm", "none"

_EQUAL_METHODS = {
    "mm_gan":  {"loss": "minimax",        "penalty": "none",      "projection": "none"},
    "ns_gan":  {"loss": "non_saturating", "penalty": "none",      "projection": "none"},
    "lsgan":   {"loss": "least_squares",  "penalty": "none",      "projection": "none"},
    "wgan":    {"loss": "wasserstein",    "penalty": "none",      "projection": "weight_clipping"},
    "wgan_gp": {"loss": "wasserstein",    "penalty": "wgangp",    "projection": "none"},
    "dragan":  {"loss": "non_saturating", "penalty": "dragan_v1", "projection": "none"},
    "began":   {"family": "began"},
    "vae":     {"family": "vae"},
}  # fmt: skip

# The authors' setting of each method, the same for every data set.
_EQUAL_DEFAULTS = {
    method: {"beta1": beta1, "learning_rate": rate, "disc_iters": iters, "discriminator_normalization": norm} | extra
    for method, beta1, rate, iters, norm, extra in (
        ("mm_gan",  0.0, 5e-5, 1, _BN,   {}),
        ("ns_gan",  0.0, 5e-5, 1, _BN,   {}),
        ("lsgan",   0.5, 2e-4, 1, _BN,   {}),
        ("wgan",    0.5, 5e-5, 5, _BN,   {"weight_clipping": 0.01}),
        ("wgan_gp", 0.5, 1e-4, 5, _NONE, {"penalty_weight": 10.0}),
        ("dragan",  0.5, 1e-4, 1, _BN,   {"penalty_weight": 10.0}),
        ("began",   0.5, 1e-4, 5, _NONE, {"gamma": 0.75, "k_learning_rate": 1e-3}),
        ("vae",     0.5, 5e-5, 1, _BN,   {}),
    )
}  # fmt: skip
# The only default of the released code that differs between wide and narrow ranges.
_EQUAL_NARROW_DEFAULTS = _EQUAL_DEFAULTS | {"vae": _EQUAL_DEFAULTS["vae"] | {"discriminator_normalization": _NONE}}


def _clipping(low: float, high: float) -> dict[str, Dimension]:
    return {"weight_clipping": When(LogUniform(low, high), "projection", ("weight_clipping",))}


def _weight(low: float, high: float) -> dict[str, Dimension]:
    return {"penalty_weight": When(LogUniform(low, high), "penalty", ("wgangp", "dragan_v1"))}


_WIDE: dict[str, Dimension] = {
    "beta1": Uniform(0.0, 1.0),
    "learning_rate": LogUniform(1e-5, 1e-2),
    "disc_iters": Choice((1, 5)),
    "discriminator_normalization": Choice((_BN, _NONE)),
}
_NARROW: dict[str, Dimension] = {
    "beta1": Fixed(0.5),
    "learning_rate": LogUniform(1e-4, 1e-3),
    "disc_iters": Fixed(1),
    "discriminator_normalization": Choice((_BN, _NONE)),
}
_EQUAL_WIDE = {
    "mm_gan":  _WIDE,
    "ns_gan":  _WIDE,
    "lsgan":   _WIDE,
    "wgan":    _WIDE | _clipping(1e-3, 1.0),
    "wgan_gp": _WIDE | _weight(1e-1, 1e2),
    "dragan":  _WIDE | _weight(1e-1, 1e2),
    "began":   _WIDE | {"gamma": Uniform(0.0, 1.0), "k_learning_rate": LogUniform(1e-4, 1e-2)},
    # The released code draws disc_iters for the VAE too, where it has no effect. It is fixed here, so that no two
    # configs are equivalent.
    "vae":     _WIDE | {"disc_iters": Fixed(1)},
}  # fmt: skip
_EQUAL_NARROW = {
    "mm_gan":  _NARROW,
    "ns_gan":  _NARROW,
    "lsgan":   _NARROW,
    "wgan":    _NARROW | _clipping(1e-2, 1.0),
    "wgan_gp": _NARROW | _weight(1e-1, 1e1) | {"discriminator_normalization": Fixed(_NONE)},
    "dragan":  _NARROW | _weight(1e-1, 1e1) | {"discriminator_normalization": Fixed(_NONE)},
    "began":   _NARROW | {"gamma": Uniform(0.6, 0.9), "k_learning_rate": Fixed(1e-3)},
    "vae":     _NARROW,
}  # fmt: skip


def _equal(ranges: dict[str, dict], defaults: dict[str, dict], source: str) -> dict[str, Space]:
    return {
        method: make_space(
            fixed,
            ranges.get(method, {}),
            defaults[method],
            f"arXiv:1711.10337, code v1.0: {source}",
        )
        for method, fixed in _EQUAL_METHODS.items()
    }


def _with_optimizer(fixed: dict[str, Value], *absent: str) -> Space:
    """Returns WGAN's wide space with `fixed` settings added, without the `absent` fields, which then mean nothing."""
    wgan = _EQUAL_METHODS["wgan"] | fixed
    ranges = {field: dimension for field, dimension in _EQUAL_WIDE["wgan"].items() if field not in absent}
    default = {field: value for field, value in _EQUAL_DEFAULTS["wgan"].items() if field not in absent}
    return make_space(wgan, ranges, default, "arXiv:1711.10337, code v1.0: WGAN's wide sets with each optimizer")


SPACES: dict[str, dict[str, Space]] = {
    "equal/wide": _equal(_EQUAL_WIDE, _EQUAL_DEFAULTS, "wide one-shot ranges, asked after the authors' setting"),
    "equal/narrow": _equal(
        _EQUAL_NARROW, _EQUAL_NARROW_DEFAULTS, "narrow two-shot ranges, asked after the authors' setting"
    ),
    "equal/defaults": _equal({}, _EQUAL_DEFAULTS, "the authors' setting of each method"),
    "equal/optimizer": {
        "wgan_adam": _with_optimizer({"optimizer": "adam", "beta2": 0.999}),
        "wgan_rmsprop": _with_optimizer({"optimizer": "rmsprop"}, "beta1"),
    },
}

# ----------------------------------------------------------------------------------------------------------------------
# A step is one discriminator update on 64 images; the published budget of 20 epochs counts 50,000 images each, so
# 15,625 steps, evaluated every 3,906 steps and at the end. On CIFAR10 it is 100 epochs; on CelebA 40 epochs of 162,000
# images, evaluated every 5 epochs.

_PAPER = "arXiv:1711.10337"
_COMMON: dict[str, Value] = {"optimizer": "adam", "beta2": 0.999, "batch_size": 64, "z_dim": 64}
_MLP: dict[str, Value] = _COMMON | {"architecture": "mlp"}
_INFOGAN: dict[str, Value] = _COMMON | {"architecture": "infogan"}
# The pair of the study with a quarter of its channels and an eighth of its hidden units, for images of 16x16. Its batch
# norm has momentum 0.999; a training of 1,600 updates would be scored by averages that still hold its first images.
_SMALL: dict[str, Value] = _INFOGAN | {"channels": 16, "hidden_per_channel": 8, "sampling_statistics": "standing"}
_SHORT = ("mnist", "fashion_mnist", "squares", "triangles")
_FACES = ("celeba", "celeba_test")
_IMAGES = {"cifar10": 78_125 * 64} | dict.fromkeys(_SHORT, 15_625 * 64) | dict.fromkeys(_FACES, 101_250 * 64)
_INTERVAL = dict.fromkeys(("cifar10", *_SHORT), 3_906 * 64) | dict.fromkeys(_FACES, 12_656 * 64)

#                data      settings  configs seeds  images     interval   samples  summary
_WIDE_SCALES = {
    "smoke":  Scale("digits", _MLP,     4,   2,     160_000,    40_000,    None,   "8x8 digits, about four minutes"),
    "laptop": Scale("digits", _MLP,     25,  3,   1_000_000,   200_000,    None,   "8x8 digits, about an hour"),
    "hour":   Scale("mnist16", _SMALL,  25,  1,     102_400,    51_200,   5_000,   "16x16 MNIST, about an hour"),
    "overnight": Scale("mnist16", _SMALL, 100, 1,  512_000,   102_400,   5_000,   "16x16 MNIST, about ten hours"),
    "paper":  Scale("mnist",  _INFOGAN, 100, 1,     _IMAGES, _INTERVAL,  10_000,   "published protocol: 100 configs"),
}  # fmt: skip
_NARROW_SCALES = {
    "smoke":  Scale("digits", _MLP,     4,   2,     160_000,    40_000,    None,   "8x8 digits, a few minutes"),
    "laptop": Scale("digits", _MLP,     25,  3,   1_000_000,   200_000,    None,   "8x8 digits, about an hour"),
    "hour":   Scale("mnist16", _SMALL,  25,  1,     102_400,    51_200,   5_000,   "16x16 MNIST, about an hour"),
    "overnight": Scale("mnist16", _SMALL, 50, 1,   512_000,   102_400,   5_000,   "16x16 MNIST, about five hours"),
    "paper":  Scale("mnist",  _INFOGAN, 50,  1,     _IMAGES, _INTERVAL,  10_000,   "published protocol: 50 configs"),
}  # fmt: skip
_DEFAULTS_SCALES = {
    "smoke":  Scale("digits", _MLP,     1,   8,     160_000,    40_000,    None,   "8x8 digits, a few minutes"),
    "laptop": Scale("digits", _MLP,     1,   50,  1_000_000,   200_000,    None,   "8x8 digits, under an hour"),
    "paper":  Scale("mnist",  _INFOGAN, 1,   50,    _IMAGES, _INTERVAL,  10_000,   "published length, 50 seeds"),
}  # fmt: skip
# The protocol of the Gaussian-process search in Kurach et al. 2019, arXiv:1807.04720: 12 rounds of 10.
_BANDIT_SCALES = {
    "smoke":  Scale("digits", _MLP,     12,  1,     160_000,    40_000,    None,   "8x8 digits, a few minutes", 3),
    "laptop": Scale("digits", _MLP,     50,  1,   1_000_000,   200_000,    None,   "8x8 digits, half an hour", 5),
    "paper":  Scale("mnist",  _INFOGAN, 120, 1,     _IMAGES, _INTERVAL,  10_000,   "12 rounds of 10", 12),
}  # fmt: skip
_SEEDS_SCALES = {
    "smoke":  _WIDE_SCALES["smoke"]._replace(seeds=1, phases=(Phase("confirm", "best", 1, 5),)),
    "laptop": _WIDE_SCALES["laptop"]._replace(seeds=1, phases=(Phase("confirm", "best", 1, 50),)),
    "hour":   _WIDE_SCALES["hour"]._replace(phases=(Phase("confirm", "best", 1, 10),)),
    "overnight": _WIDE_SCALES["overnight"]._replace(phases=(Phase("confirm", "best", 1, 50),)),
    "paper":  _WIDE_SCALES["paper"]._replace(phases=(Phase("confirm", "best", 1, 50),)),
}  # fmt: skip
# Section 6: the wide sets on triangles, scored by the F1 of 1,024 images.
_F1_SCALES = {
    "smoke":  Scale("triangles", _MLP,  2,   1,      64_000,    32_000,      64,   "triangles, a quarter of an hour"),
    "laptop": Scale("triangles", _MLP,  25,  1,   1_024_000,   512_000,     256,   "triangles, a few hours"),
    "hour":   Scale("triangles", _SMALL, 5,  1,     256_000,   256_000,     256,   "triangles, about an hour"),
    "overnight": Scale("triangles", _SMALL, 25, 1, 512_000,   256_000,     256,   "triangles, about eight hours"),
    "paper":  Scale("triangles", _INFOGAN, 100, 1, _IMAGES, _INTERVAL,    1_024,   "published protocol: 100 configs"),
}  # fmt: skip
_NO_OPTIMIZER: dict[str, Value] = {"batch_size": 64, "z_dim": 64}
_OPTIMIZER_SCALES = {
    "smoke":  _WIDE_SCALES["smoke"]._replace(settings=_NO_OPTIMIZER | {"architecture": "mlp"}),
    "laptop": _WIDE_SCALES["laptop"]._replace(settings=_NO_OPTIMIZER | {"architecture": "mlp"}),
    "paper":  _WIDE_SCALES["paper"]._replace(data="cifar10", settings=_NO_OPTIMIZER | {"architecture": "infogan"}),
}  # fmt: skip
_GANS = ("mm_gan", "ns_gan", "lsgan", "wgan", "wgan_gp", "dragan")

STUDIES: dict[str, Study] = {
    "equal/wide": Study(
        question="Which GAN is best when each may try the same number of configs of a wide space?",
        source=f"{_PAPER}, wide one-shot search",
        methods=SPACES["equal/wide"],
        searcher="random",
        scales=_WIDE_SCALES,
    ),
    "equal/narrow": Study(
        question="Which GAN is best when each may try the same number of configs of a narrow, hand-picked space?",
        source=f"{_PAPER}, narrow two-shot search",
        methods=SPACES["equal/narrow"],
        searcher="random",
        scales=_NARROW_SCALES,
    ),
    "equal/defaults": Study(
        question="How good is each GAN with its authors' settings, and how much of that is the seed?",
        source=f"{_PAPER}, default settings of each method, repeated over seeds",
        methods=SPACES["equal/defaults"],
        searcher="defaults",
        scales=_DEFAULTS_SCALES,
    ),
    "equal/seeds": Study(
        question="How good is the best config of each GAN on fresh seeds, and how much do they scatter?",
        source=f"{_PAPER}, wide one-shot search, then the best of each method again with 50 seeds",
        methods=SPACES["equal/wide"],
        searcher="random",
        scales=_SEEDS_SCALES,
    ),
    "equal/optimizer": Study(
        question="Does WGAN do better with RMSProp, as its authors have it, or with Adam, on the same sets of numbers?",
        source=f"{_PAPER}, code v1.0, experiment adam_vs_rmsprop",
        methods=SPACES["equal/optimizer"],
        searcher="published",
        scales=_OPTIMIZER_SCALES,
    ),
    "equal/f1": Study(
        question="Which GAN finds all triangles, and nothing else, when each may try the same number of configs?",
        source=f"{_PAPER}, section 6, wide one-shot search on triangles",
        methods=SPACES["equal/wide"],
        searcher="random",
        scales=_F1_SCALES,
        metrics={"triangles": "one_minus_f1_triangles", "squares": "one_minus_f1_squares"},
    ),
    "equal/bandit": Study(
        question="Which GAN is best when a Gaussian process chooses where in the wide space each one tries?",
        source=f"{_PAPER}, wide ranges; searched in rounds as in arXiv:1807.04720",
        methods={method: SPACES["equal/wide"][method] for method in _GANS},
        searcher="gp_bandit",
        scales=_BANDIT_SCALES,
    ),
}
