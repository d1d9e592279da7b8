"""LANDSCAPE: Kurach et al. 2019, "A Large-Scale Study on Regularization and Normalization in GANs": spaces, studies.

A method combines a loss, a normalization of the discriminator, a penalty and an architecture. It is trained first with
the fixed settings of the paper's table 1, five seeds each; then a bandit searches the ranges of its table 2, once with
one discriminator update per cycle and once with five. Methods without a penalty have 12 fixed settings instead of 24,
because the paper's grid over the penalty weight does nothing there.

Source: arXiv:1807.04720, the numbers of tables 1 and 2 as recalled and checked against its text (24 settings, 12 rounds
of 10, 240 more) and the released code (google/compare_gan, tag v2.0).
"""

import itertools

from ganscape.search_spaces.dimensions import Choice, Dimension, LogUniform, Uniform, Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Phase, Scale, Study, Variant

ARXIV = "arXiv:1807.04720"
_FIXED = "fixed settings of table 1, ranges of table 2"

# Table 1: a setting combines one entry of each of these.
_RATES = (2e-4, 1e-4, 1e-3)
_WEIGHTS = (1.0, 10.0)
_BETAS_AND_ITERS = ((0.5, 0.999, 1), (0.5, 0.9, 5), (0.5, 0.999, 5), (0.9, 0.999, 5))

# Table 2.
RANGES: dict[str, Dimension] = {
    "learning_rate": LogUniform(1e-5, 1e-2),
    "beta1": Uniform(0.0, 1.0),
    "beta2": Uniform(0.0, 1.0),
    "disc_iters": Choice((1, 5)),
}
WEIGHT_RANGES = {
    "wgangp": LogUniform(1e-1, 1e2),
    "dragan_v2": LogUniform(1e-1, 1e2),
    "l2": LogUniform(1e-4, 1e1),
}


def fixed_settings(penalty: str) -> list[dict[str, Value]]:
    """Returns the fixed settings of a method with this penalty: 24, or 12 for "none"."""
    weights = [{}] if penalty == "none" else [{"penalty_weight": weight} for weight in _WEIGHTS]
    return [
        {"learning_rate": rate, **weight, "beta1": beta1, "beta2": beta2, "disc_iters": iters}
        for rate, weight, (beta1, beta2, iters) in itertools.product(_RATES, weights, _BETAS_AND_ITERS)
    ]


def _slice(loss: str, normalization: str, penalty: str, architecture: str | None = None) -> Space:
    method: dict[str, Value] = {"loss": loss, "penalty": penalty, "discriminator_normalization": normalization}
    if architecture is not None:
        method["architecture"] = architecture
    weight = {"penalty_weight": WEIGHT_RANGES[penalty]} if penalty in WEIGHT_RANGES else {}
    defaults = fixed_settings(penalty)
    space = make_space(method, RANGES | weight, defaults[0], f"{ARXIV}, {_FIXED}")
    return space._replace(defaults=tuple(method | default for default in defaults))


_NONE, _BN, _LN, _SN = "none", "batch_norm", "layer_norm", "spectral_norm"
_NS, _WASSERSTEIN, _LS = "non_saturating", "wasserstein", "least_squares"
_GP, _DRAGAN, _L2 = "wgangp", "dragan_v2", "l2"
_RESNET, _SNDCGAN = "resnet_cifar", "sndcgan"

SPACES: dict[str, dict[str, Space]] = {
    "landscape/reg-norm": {
        "ns":        _slice(_NS, _NONE, _NONE),
        "ns_bn":     _slice(_NS, _BN,   _NONE),
        "ns_ln":     _slice(_NS, _LN,   _NONE),
        "ns_sn":     _slice(_NS, _SN,   _NONE),
        "ns_gp":     _slice(_NS, _NONE, _GP),
        "ns_dragan": _slice(_NS, _NONE, _DRAGAN),
        "ns_l2":     _slice(_NS, _NONE, _L2),
    },
    "landscape/loss": {
        f"{short}{suffix}": _slice(loss, normalization, penalty)
        for short, loss in (("ns", _NS), ("w", _WASSERSTEIN), ("ls", _LS))
        for suffix, normalization, penalty in (("", _NONE, _NONE), ("_sn", _SN, _NONE), ("_gp", _NONE, _GP))
    },
    # The paper names GP with SN and with LN, and its best models have DRAGAN with LN. It does not say which of the
    # other pairs it ran, so all nine are here.
    "landscape/both": {
        f"ns_{penalty}_{norm}": _slice(_NS, normalization, name)
        for penalty, name in (("gp", _GP), ("dragan", _DRAGAN), ("l2", _L2))
        for norm, normalization in (("sn", _SN), ("ln", _LN), ("bn", _BN))
    },
    # Singles and both together in one study, so that their settings pair.
    "landscape/combined": {
        "ns":       _slice(_NS, _NONE, _NONE),
        "ns_sn":    _slice(_NS, _SN,   _NONE),
        "ns_ln":    _slice(_NS, _LN,   _NONE),
        "ns_gp":    _slice(_NS, _NONE, _GP),
        "ns_gp_sn": _slice(_NS, _SN,   _GP),
        "ns_gp_ln": _slice(_NS, _LN,   _GP),
    },
    "landscape/architecture": {
        f"{short}{suffix}": _slice(_NS, normalization, penalty, architecture)
        for short, architecture in (("resnet", _RESNET), ("sndcgan", _SNDCGAN))
        for suffix, normalization, penalty in (("", _NONE, _NONE), ("_gp", _NONE, _GP), ("_sn", _SN, _NONE))
    },
    "landscape/cifar10": {
        f"{short}{suffix}": _slice(_NS, normalization, penalty, architecture)
        for short, architecture in (("resnet", _RESNET), ("sndcgan", _SNDCGAN))
        for suffix, normalization, penalty in (("_sn", _SN, _NONE), ("_gp_sn", _SN, _GP))
    },
}  # fmt: skip

# A step is one discriminator update on 64 images: 200,000 of them on CIFAR10 and 100,000 on images of 128x128, scored
# every 20,000 by as many images as the test split has. At 128x128 the residual pair is ResNet19.
COMMON: dict[str, Value] = {"optimizer": "adam", "batch_size": 64, "z_dim": 128}
_DIGITS: dict[str, Value] = COMMON | {"architecture": "conv8"}
SMALL: dict[str, Value] = COMMON | {"channels": 8}
# A training of 1,600 updates would be scored by running averages (momentum 0.999) that still hold its first images.
_MNIST16: dict[str, Value] = COMMON | {
    "architecture": "infogan",
    "channels": 16,
    "hidden_per_channel": 8,
    "sampling_statistics": "standing",
}
_PUBLISHED: dict[str, Value] = COMMON | {"architecture": _RESNET}
STEPS, EVERY = 200_000 * 64, 20_000 * 64
_AT_128 = {
    data: Variant(100_000 * 64, EVERY, samples, {_RESNET: "resnet19"})
    for data, samples in (("celeba_hq_128", 3_000), ("lsun_bedroom", 10_000), ("lsun_bedroom_300k", 10_000))
}


def _bandits(configs: int, rounds: int) -> tuple[Phase, ...]:
    """Returns two bandit phases, with one and with five discriminator updates per cycle."""
    return tuple(Phase(f"bandit_{n}", "gp_bandit", configs, 1, rounds, {"disc_iters": n}) for n in (1, 5))


def _draws(configs: int) -> tuple[Phase, ...]:
    return (Phase("draws", "random", configs, 1),)


#                     data       settings    configs seeds images   interval samples summary
_ON_DIGITS = {
    "smoke":  Scale("digits",  _DIGITS,    2,  1,    96_000,  48_000,  None, "8x8 digits, minutes", 1, _bandits(3, 1)),
    "laptop": Scale("digits",  _DIGITS,    24, 2,   480_000, 160_000,  None, "8x8 digits, hours", 1, _bandits(20, 4)),
    "hour":   Scale("mnist16", _MNIST16,   24, 1,   102_400,  51_200, 5_000,
                    "16x16 MNIST, half an hour, listed settings alone"),
    "overnight": Scale("mnist16", _MNIST16, 24, 3,  512_000, 102_400, 5_000,
                       "16x16 MNIST, about five hours, listed settings on three seeds"),
    "paper":  Scale("cifar10", _PUBLISHED, 24, 5,    STEPS,  EVERY, 10_000,
                    "published protocol; on CIFAR10, celeba_hq_128, lsun_bedroom", 1, _bandits(120, 12),
                    variants=_AT_128),
}  # fmt: skip
_BOTH = {
    "smoke":  _ON_DIGITS["smoke"]._replace(configs=4, phases=_draws(4)),
    "laptop": _ON_DIGITS["laptop"]._replace(phases=_draws(24)),
    "hour":   _ON_DIGITS["hour"]._replace(summary="16x16 MNIST, about an hour", phases=_draws(12)),
    "overnight": _ON_DIGITS["overnight"]._replace(summary="16x16 MNIST, about five hours", seeds=1, phases=_draws(12)),
    "paper":  _ON_DIGITS["paper"]._replace(phases=_draws(24)),
}  # fmt: skip
_ON_CIFAR10 = {
    "smoke":  Scale("cifar10", SMALL,     2,  1,     3_200,   1_600,   500, "narrow networks, 50 steps", 1,
                    _bandits(3, 1)),
    "laptop": Scale("cifar10", SMALL,     24, 1,    64_000,  16_000, 2_000, "narrow networks, 1,000 steps", 1,
                    _bandits(10, 2)),
    "paper":  Scale("cifar10", COMMON,    24, 5,    STEPS,  EVERY, 10_000, "published protocol", 1,
                    _bandits(120, 12)),
}  # fmt: skip
_ARCHITECTURES = {**_ON_CIFAR10, "paper": _ON_CIFAR10["paper"]._replace(variants=_AT_128)}


def _study(name: str, question: str, section: str, scales: dict[str, Scale]) -> Study:
    return Study(question, f"{ARXIV}, {section}", SPACES[name], "defaults", scales)


STUDIES: dict[str, Study] = {
    "landscape/reg-norm": _study(
        "landscape/reg-norm",
        "Which normalization or penalty of the discriminator helps most, each with its own best settings?",
        "section 3.1; on CELEBA-HQ and LSUN there, with ResNet19",
        _ON_DIGITS,
    ),
    "landscape/loss": _study(
        "landscape/loss",
        "Does the loss matter once spectral normalization or a gradient penalty is there?",
        "section 3.2; on CELEBA-HQ and LSUN there, with ResNet19",
        _ON_DIGITS,
    ),
    "landscape/both": _study(
        "landscape/both",
        "Does a penalty help further where the discriminator is normalised?",
        "section 3.1, both at once: 24 fixed and 24 random settings; on CELEBA-HQ and LSUN there, with ResNet19",
        _BOTH,
    ),
    "landscape/combined": _study(
        "landscape/combined",
        "Is a gradient penalty together with a normalization at least as good as either alone?",
        "section 3.1, both at once, beside each alone; on CELEBA-HQ and LSUN there, with ResNet19",
        _ON_DIGITS,
    ),
    "landscape/architecture": _study(
        "landscape/architecture",
        "Do normalization and penalty help networks with and without residual blocks alike?",
        "section 3.3; on CELEBA-HQ and LSUN there, with ResNet19 as the residual pair",
        _ARCHITECTURES,
    ),
    "landscape/cifar10": _study(
        "landscape/cifar10",
        "How good are spectrally normalised networks on CIFAR10, with and without a gradient penalty?",
        "reproduction of Miyato et al. 2018 on CIFAR10",
        _ON_CIFAR10,
    ),
}
