"""The best models of Kurach et al. 2019 as studies, one per data set: the cheapest check of published numbers.

Settings as listed in the authors' code (google/compare_gan, tag v2.0, `best_models_sndcgan`, `best_models_resnet19` and
`best_models_resnet_cifar`). A penalty's weight that is listed without a penalty does nothing, so that rows that differ
in it alone are one setting; entry 12 of ResNet19 repeats entry 7 without its loss and is left out.
`results.claims.best_models` has the published distances.
"""

from ganscape.search_spaces.dimensions import Value
from ganscape.search_spaces.landscape import ARXIV, COMMON, EVERY, RANGES, SMALL, STEPS, WEIGHT_RANGES
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study

# learning_rate, beta1, beta2, and the weight of a method's penalty.
Numbers = tuple[float, ...]


def _models(architecture: str, disc_iters: int, *models: Numbers, **parts: str) -> Space:
    """Returns a method whose defaults are published models that differ in these numbers alone; parts: its loss, penalty
    and normalization where they are not the usual ones."""
    method: dict[str, Value] = {
        "loss": "non_saturating",
        "penalty": "none",
        "discriminator_normalization": "none",
        "architecture": architecture,
        **parts,
    }
    weight = {"penalty_weight": WEIGHT_RANGES[penalty]} if (penalty := parts.get("penalty")) else {}
    fields = ("learning_rate", "beta1", "beta2", *weight)
    defaults: list[dict[str, Value]] = [
        {**dict(zip(fields, numbers, strict=True)), "disc_iters": disc_iters} for numbers in models
    ]
    space = make_space(method, RANGES | weight, defaults[0], f"{ARXIV}, best models; ranges of table 2")
    return space._replace(defaults=tuple(method | default for default in defaults))


_SN = {"discriminator_normalization": "spectral_norm"}
_LN = {"discriminator_normalization": "layer_norm"}
_LS = {"loss": "least_squares"}
_GP, _DRAGAN = {"penalty": "wgangp"}, {"penalty": "dragan_v2"}
_SNDCGAN, _RESNET, _RESNET19 = "sndcgan", "resnet_cifar", "resnet19"

SPACES: dict[str, dict[str, Space]] = {
    "landscape/best": {
        "sndcgan":       _models(_SNDCGAN, 1, (1e-4, 0.5, 0.999), (2e-4, 0.5, 0.999)),
        "sndcgan_sn":    _models(_SNDCGAN, 1, (2e-4, 0.5, 0.999), (1e-4, 0.5, 0.999), **_SN),
        "sndcgan_gp_sn": _models(_SNDCGAN, 1, (2e-4, 0.5, 0.999, 10.0), **_SN, **_GP),
        "resnet":        _models(_RESNET, 5, (2e-4, 0.5, 0.999), (1e-4, 0.5, 0.999)),
        "resnet_sn":     _models(_RESNET, 5, (2e-4, 0.5, 0.999), **_SN),
        "resnet_gp_sn":  _models(_RESNET, 5, (2e-4, 0.5, 0.999, 1.0), **_SN, **_GP),
    },
    "landscape/best-celeba-hq": {
        "sndcgan":          _models(_SNDCGAN, 1, (4.12e-4, 0.246, 0.341), (2.54e-4, 0.222, 0.599)),
        "sndcgan_sn":       _models(_SNDCGAN, 1, (2e-4, 0.5, 0.9), (1.54e-4, 0.246, 0.734), **_SN),
        "sndcgan_gp_sn":    _models(_SNDCGAN, 1, (2e-4, 0.5, 0.999, 1.0), (2e-4, 0.5, 0.9, 1.0), **_SN, **_GP),
        "resnet":           _models(_RESNET19, 1, (3.38e-5, 0.3753, 0.9982), (1e-4, 0.5, 0.999)),
        "resnet_ln":        _models(_RESNET19, 1, (1e-4, 0.5, 0.999), **_LN),
        "resnet_gp_sn":     _models(_RESNET19, 1, (2e-4, 0.5, 0.999, 1.0), **_SN, **_GP),
        "resnet_dragan_ln": _models(_RESNET19, 5, (1e-4, 0.5, 0.9, 1.0), **_LN, **_DRAGAN),
    },
    "landscape/best-lsun": {
        "sndcgan":      _models(_SNDCGAN, 1, (2e-4, 0.5, 0.999), (6.2e-5, 0.608, 0.620)),
        "sndcgan_sn":   _models(_SNDCGAN, 1, (2.64e-4, 0.011, 0.966), (1.92e-3, 0.097, 0.938), **_SN),
        "resnet":       _models(_RESNET19, 1, (1.93e-5, 0.1947, 0.8819)),
        "resnet_ls":    _models(_RESNET19, 1, (3.22e-5, 0.585, 0.9904), **_LS),
        "resnet_sn":    _models(_RESNET19, 1, (2.851e-4, 0.1019, 0.998), **_SN),
        "resnet_ls_sn": _models(_RESNET19, 1, (2e-4, 0.5, 0.999), **_LS, **_SN),
        "resnet_gp_ln": _models(_RESNET19, 1, (1.281e-4, 0.7108, 0.9792, 0.1451), **_LN, **_GP),
    },
}  # fmt: skip


def _study(name: str, where: str, scales: dict[str, Scale]) -> Study:
    return Study(
        f"Do the best models of the study reach the distances that were published for them on {where}?",
        f"{ARXIV}, best models as listed in the authors' code",
        SPACES[name],
        "defaults",
        scales,
    )


def _at_128(data: str, samples: int) -> dict[str, Scale]:
    summary = "published protocol, 3 seeds; numbers of sndcgan are those at half the length"
    return {
        "smoke": Scale(data, SMALL, 2, 1, 640, 320, 100, "narrow networks, a few steps"),
        "laptop": Scale(data, SMALL, 2, 3, 32_000, 16_000, 500, "narrow networks, 500 steps"),
        "paper": Scale(data, COMMON, 2, 3, STEPS, EVERY, samples, summary),
    }


STUDIES: dict[str, Study] = {
    "landscape/best": _study(
        "landscape/best",
        "CIFAR10",
        {
            "smoke": Scale("cifar10", SMALL, 2, 1, 3_200, 1_600, 500, "narrow networks, 50 steps"),
            "laptop": Scale("cifar10", SMALL, 2, 3, 64_000, 16_000, 2_000, "narrow networks, 1,000 steps"),
            "paper": Scale("cifar10", COMMON, 2, 3, STEPS, EVERY, 10_000, "published protocol, 3 seeds"),
        },
    ),
    "landscape/best-celeba-hq": _study("landscape/best-celeba-hq", "CelebA-HQ", _at_128("celeba_hq_128", 3_000)),
    "landscape/best-lsun": _study("landscape/best-lsun", "LSUN bedrooms", _at_128("lsun_bedroom", 10_000)),
}
