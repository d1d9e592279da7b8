"""The best models of Kurach et al. 2019 on CIFAR10 as a study: the cheapest check of published numbers.

Settings as listed in the authors' code (google/compare_gan, tag v2.0, `best_models_sndcgan` and
`best_models_resnet_cifar`). A penalty's weight that is listed without a penalty does nothing, so that rows that differ
in it alone are one setting. `results.claims.best_models` has the published distances.
"""

from ganscape.search_spaces.dimensions import Value
from ganscape.search_spaces.landscape import ARXIV, COMMON, EVERY, RANGES, SMALL, STEPS, WEIGHT_RANGES
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study

_BETAS: dict[str, Value] = {"beta1": 0.5, "beta2": 0.999}


def _models(
    architecture: str, normalization: str, disc_iters: int, *rates: float, weight: float | None = None
) -> Space:
    """Returns a method whose defaults are models that differ in the learning rate alone; weight: of a WGAN-GP
    penalty."""
    method: dict[str, Value] = {
        "loss": "non_saturating",
        "penalty": "none" if weight is None else "wgangp",
        "discriminator_normalization": normalization,
        "architecture": architecture,
    }
    penalised = {} if weight is None else {"penalty_weight": WEIGHT_RANGES["wgangp"]}
    rest = _BETAS | {"disc_iters": disc_iters} | ({} if weight is None else {"penalty_weight": weight})
    defaults: list[dict[str, Value]] = [{"learning_rate": rate, **rest} for rate in rates]
    space = make_space(method, RANGES | penalised, defaults[0], f"{ARXIV}, best models; ranges of table 2")
    return space._replace(defaults=tuple(method | default for default in defaults))


SPACES: dict[str, dict[str, Space]] = {
    "landscape/best": {
        "sndcgan":       _models("sndcgan", "none", 1, 1e-4, 2e-4),
        "sndcgan_sn":    _models("sndcgan", "spectral_norm", 1, 2e-4, 1e-4),
        "sndcgan_gp_sn": _models("sndcgan", "spectral_norm", 1, 2e-4, weight=10.0),
        "resnet":        _models("resnet_cifar", "none", 5, 2e-4, 1e-4),
        "resnet_sn":     _models("resnet_cifar", "spectral_norm", 5, 2e-4),
        "resnet_gp_sn":  _models("resnet_cifar", "spectral_norm", 5, 2e-4, weight=1.0),
    }
}  # fmt: skip

STUDIES: dict[str, Study] = {
    "landscape/best": Study(
        "Do the best models of the study reach the distances that were published for them on CIFAR10?",
        f"{ARXIV}, best models as listed in the authors' code",
        SPACES["landscape/best"],
        "defaults",
        {
            "smoke": Scale("cifar10", SMALL, 2, 1, 3_200, 1_600, 500, "narrow networks, 50 steps"),
            "laptop": Scale("cifar10", SMALL, 2, 3, 64_000, 16_000, 2_000, "narrow networks, 1,000 steps"),
            "paper": Scale("cifar10", COMMON, 2, 3, STEPS, EVERY, 10_000, "published protocol, 3 seeds"),
        },
    )
}
