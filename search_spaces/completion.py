"""completion: which losses complete images with holes best, and what do gates, a second network and dropout add?

A method is a set of losses of the generator, or the usual one, `gan_l1`, with one change of the generator. The game is
hinge with a spectrally normalised discriminator; learning rates and weights are searched. Scores are those of completed
images of the test split.

Source: Yu et al. 2019 (arXiv:1806.03589) for the game, the masks and the gated convolutions; Isola et al. 2017
(arXiv:1611.07004) for the game beside L1 and for dropout; Johnson et al. 2016 (arXiv:1603.08155) for perceptual and
style losses and total variation; Yu et al. 2018 (arXiv:1801.07892) for two networks. Ranges and lengths are ours.
"""

from ganscape.search_spaces.dimensions import Dimension, LogUniform, Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study

_SOURCE = "arXiv:1806.03589, arXiv:1611.07004, arXiv:1603.08155 for the losses; ranges and defaults ours"
_WEIGHTS: dict[str, tuple[Dimension, Value]] = {
    "l1": (LogUniform(1.0, 100.0), 10.0),
    "perceptual": (LogUniform(0.1, 10.0), 1.0),
    "style": (LogUniform(1.0, 1000.0), 100.0),
}


def _method(losses: tuple[str, ...], **fixed: Value) -> Space:
    """Returns the space of a method with these pair losses."""
    ranges: dict[str, Dimension] = {"learning_rate": LogUniform(1e-4, 1e-2)}
    default: dict[str, Value] = {"learning_rate": 1e-3}
    for name in losses:
        ranges[f"{name}_weight"], default[f"{name}_weight"] = _WEIGHTS[name]
    if fixed.get("generator_penalty") == "total_variation":
        ranges["generator_penalty_weight"], default["generator_penalty_weight"] = LogUniform(1e-3, 1.0), 0.1
    settings: dict[str, Value] = {"family": "completion", "loss": "hinge", "pair_loss": "+".join(losses) or "none"}
    return make_space(settings | fixed, ranges, default, _SOURCE)


SPACES: dict[str, dict[str, Space]] = {
    "completion": {
        "l1": _method(("l1",), adversarial_weight=0.0),
        "gan": _method(()),
        "gan_l1": _method(("l1",)),
        "gan_perceptual": _method(("l1", "perceptual")),
        "gan_style": _method(("l1", "style")),
        "gan_all": _method(("l1", "perceptual", "style"), generator_penalty="total_variation"),
        "plain_convolutions": _method(("l1",), convolution="plain"),
        "two_networks": _method(("l1",), refinements=1),
        "dropout": _method(("l1",), generator_noise="dropout"),
    }
}

_COMMON: dict[str, Value] = {
    "mask": "irregular", "mask_share": 0.25, "architecture": "inpainting",
    "discriminator_normalization": "spectral_norm", "optimizer": "adam", "beta1": 0.5, "beta2": 0.999, "disc_iters": 1,
    "batch_size": 64,
}  # fmt: skip

#                    data          settings                     configs seeds images     interval   samples summary
_SCALES = {
    "smoke":  Scale("digits",      _COMMON | {"channels": 4},   1,      3,    32_000,    16_000,    None,
                    "8x8 digits, minutes"),
    "laptop": Scale("mnist16_5k",  _COMMON | {"channels": 16},  6,      3,    192_000,   64_000,    None,
                    "MNIST at 16x16, hours"),
    "paper":  Scale("celeba",      _COMMON | {"channels": 48},  24,     5,    6_400_000, 1_600_000, 10_000,
                    "faces of 64x64, days"),
}  # fmt: skip

STUDIES: dict[str, Study] = {
    "completion": Study(
        question="Which losses complete images with holes best, and what do gates, a second network and dropout add?",
        source="after Yu et al. 2019, arXiv:1806.03589; Isola et al. 2017, arXiv:1611.07004; arXiv:1603.08155",
        methods=SPACES["completion"],
        searcher="random",
        scales=_SCALES,
    ),
}
