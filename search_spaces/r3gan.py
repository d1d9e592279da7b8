"""r3gan/loss: does the relativistic loss or the pair of gradient penalties stabilise R3GAN (Huang et al. 2024)?

A method is a loss with or without penalties at real and at generated images; all else is equal. Learning rates and
penalty weights are searched. The networks are those of the scale, without the paper's schedules; the preset `r3gan` has
both.

Source: arXiv:2501.05441 for loss and penalties; ranges, rates and lengths are ours.
"""

from ganscape.search_spaces.dimensions import Dimension, LogUniform, Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study

_SOURCE = "losses and penalties of arXiv:2501.05441; ranges ours"
_LOSSES = {"ns": "non_saturating", "rp": "relativistic"}
_PENALTIES = {"": "none", "_r1": "r1", "_r2": "r2", "_r1_r2": "r1+r2"}


def _method(loss: str, penalty: str) -> Space:
    ranges: dict[str, Dimension] = {"learning_rate": LogUniform(5e-5, 5e-3)}
    default: dict[str, Value] = {"learning_rate": 2e-4}
    if penalty != "none":
        ranges["penalty_weight"] = LogUniform(1e-2, 1e2)
        default["penalty_weight"] = 1.0
    return make_space({"loss": loss, "penalty": penalty}, ranges, default, _SOURCE)


SPACES: dict[str, dict[str, Space]] = {
    "r3gan/loss": {
        f"{short}{suffix}": _method(loss, penalty)
        for short, loss in _LOSSES.items()
        for suffix, penalty in _PENALTIES.items()
    },
}

_COMMON: dict[str, Value] = {
    "optimizer": "adam", "beta1": 0.0, "beta2": 0.99, "disc_iters": 1, "batch_size": 64, "z_dim": 64,
    "latent": "normal", "discriminator_normalization": "none", "generator_normalization": "none",
}  # fmt: skip
_DIGITS: dict[str, Value] = _COMMON | {"architecture": "conv8"}
_STACKED: dict[str, Value] = _COMMON | {"architecture": "infogan", "channels": 16, "hidden_per_channel": 8}
_CIFAR10: dict[str, Value] = _COMMON | {"architecture": "resnet_cifar"}

#                    data      settings  configs seeds images      interval    samples summary
_SCALES = {
    "smoke":  Scale("digits",  _DIGITS,  2,      2,     96_000,    48_000,     None,   "8x8 digits, minutes"),
    "laptop": Scale("digits",  _DIGITS,  20,     3,    480_000,   160_000,     None,   "8x8 digits, hours"),
    "stacked": Scale("stacked_mnist16_5k", _STACKED, 12, 3, 512_000, 256_000, None, "1,000 known modes, 16x16, hours"),
    "paper":  Scale("cifar10", _CIFAR10, 24,     5, 12_800_000, 1_280_000,   10_000,
                    "CIFAR10, residual pair of Kurach et al. 2019, without the networks and schedules of R3GAN"),
}  # fmt: skip

STUDIES: dict[str, Study] = {
    "r3gan/loss": Study(
        question="Is it the relativistic pairing or the two gradient penalties that stabilises R3GAN?",
        source="after Huang et al. 2024, arXiv:2501.05441",
        methods=SPACES["r3gan/loss"],
        searcher="random",
        scales=_SCALES,
    ),
}
