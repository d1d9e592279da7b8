"""schedules: does a falling learning rate help, and which games does it help?

A method is a game with a schedule of both learning rates, all else being equal. The schedule ends with the training.

Source: Miyato et al. 2018 (arXiv:1802.05957), whose rates fall linearly to 0, and Huang et al. 2024 (arXiv:2501.05441),
whose rates fall along a cosine; the games as their papers set them; ranges and lengths are ours.
"""

from ganscape.search_spaces.dimensions import LogUniform, Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study

_SOURCE = "arXiv:1802.05957 and arXiv:2501.05441 for the schedules; numbers of the games' papers; ranges ours"
_GAMES: dict[str, dict[str, Value]] = {
    "ns": {
        "loss": "non_saturating", "discriminator_normalization": "none", "disc_iters": 1, "beta1": 0.5, "beta2": 0.999,
    },
    "wgan_gp": {
        "loss": "wasserstein", "penalty": "wgangp", "penalty_weight": 10.0, "discriminator_normalization": "none",
        "disc_iters": 5, "beta1": 0.0, "beta2": 0.9,
    },
    "hinge_sn": {
        "loss": "hinge", "discriminator_normalization": "spectral_norm", "disc_iters": 5, "beta1": 0.0, "beta2": 0.9,
    },
}  # fmt: skip
_FALLING = ("linear", "cosine")

SPACES: dict[str, dict[str, Space]] = {
    "schedules": {
        f"{game}_{schedule}": make_space(
            settings | {"learning_rate_schedule": schedule},
            {"learning_rate": LogUniform(5e-5, 5e-3)},
            {"learning_rate": 2e-4},
            _SOURCE,
        )
        for game, settings in _GAMES.items()
        for schedule in ("constant", *_FALLING)
    }
}

_COMMON: dict[str, Value] = {"optimizer": "adam", "batch_size": 64, "z_dim": 64, "latent": "normal"}


def _scale(
    data: str, architecture: str, configs: int, seeds: int, images: int, rungs: int, samples: int | None, summary: str
) -> Scale:
    """Returns a scale at whose end every schedule ends."""
    own: dict[str, dict[str, Value]] = {
        f"{game}_{schedule}": {"learning_rate_images": float(images)} for game in _GAMES for schedule in _FALLING
    }
    settings = _COMMON | {"architecture": architecture}
    return Scale(data, settings, configs, seeds, images, images // rungs, samples, summary, own=own)


STUDIES: dict[str, Study] = {
    "schedules": Study(
        question="Does a learning rate that falls to zero help, and is it the same for every game?",
        source="after Miyato et al. 2018, arXiv:1802.05957, and Huang et al. 2024, arXiv:2501.05441",
        methods=SPACES["schedules"],
        searcher="random",
        scales={
            "smoke": _scale("digits", "conv8", 2, 2, 96_000, 2, None, "8x8 digits, minutes"),
            "laptop": _scale("digits", "conv8", 12, 4, 480_000, 3, None, "8x8 digits, hours"),
            "paper": _scale("cifar10", "resnet_cifar", 24, 5, 12_800_000, 10, 10_000, "CIFAR10, residual pair, days"),
        },
    ),
}
