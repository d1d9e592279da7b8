"""tricks/alone: does a trick help a plain GAN, with nothing else changed?

A method is one published trick added to `plain`, the non-saturating GAN without normalization of the discriminator. All
methods are trained with the same listed settings, so that each setting gives a pair of scores: with the trick, without.
Tricks that a study of their own has, such as penalties, normalizations and schedules, are not here, nor is `attention`,
which the networks of the small scales do not have.

Source: the papers that docs/tricks.md names; numbers that they leave open, settings and lengths are ours.
"""

import itertools

from ganscape.search_spaces.dimensions import Dimension, LogUniform, Uniform, Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study

_SOURCE = "papers of docs/tricks.md for the tricks; numbers that they leave open, settings and ranges ours"
_PLAIN: dict[str, Value] = {"loss": "non_saturating"}
_TRICKS: dict[str, dict[str, Value]] = {
    "plain": {},
    "ema": {"averaging": "ema"},  # its decay is of the scale: a short training needs a short memory
    "uniform_average": {"averaging": "uniform"},
    "historical_averaging": {"historical_averaging": "squared_distance", "historical_weight": 0.01},
    "diffaugment": {"augmentation": "diffaugment"},
    "instance_noise": {"instance_noise": "constant", "noise_std": 0.1},
    "smoothed_labels": {"label_smoothing": "one_sided", "smoothing": 0.1},
    "packing": {"packing": 2},
    "minibatch_stddev": {"batch_features": "minibatch_stddev"},
    "minibatch_discrimination": {"batch_features": "minibatch_discrimination"},
    "unrolled": {"unrolled_steps": 3, "unrolled_lr": 0.01},
    "class_projection": {"conditioning": "projection"},
    "relativistic_r1_r2": {"loss": "relativistic", "penalty": "r1+r2", "penalty_weight": 1.0},
}

_RANGES: dict[str, Dimension] = {"learning_rate": LogUniform(1e-5, 1e-2), "beta1": Uniform(0.0, 0.9)}
# The smallest scale takes the first two. They share a compiled program, because only numbers differ.
_SETTINGS: tuple[dict[str, Value], ...] = tuple(
    {"learning_rate": rate, "beta1": beta1} for beta1, rate in itertools.product((0.5, 0.0), (2e-4, 1e-3, 1e-4, 5e-4))
)


def _with_trick(trick: dict[str, Value]) -> Space:
    space = make_space(_PLAIN | trick, _RANGES, {}, _SOURCE)
    return space._replace(defaults=tuple(space.fixed | setting for setting in _SETTINGS))


SPACES: dict[str, dict[str, Space]] = {
    "tricks/alone": {method: _with_trick(trick) for method, trick in _TRICKS.items()},
}

_COMMON: dict[str, Value] = {
    "optimizer": "adam", "beta2": 0.999, "disc_iters": 1, "batch_size": 64, "z_dim": 64, "latent": "normal",
    "discriminator_normalization": "none",
}  # fmt: skip
_DIGITS: dict[str, Value] = _COMMON | {"architecture": "conv8"}
# A training of 1,600 updates would be scored by running averages (momentum 0.999) that still hold its first images.
_MNIST16: dict[str, Value] = _COMMON | {
    "architecture": "infogan", "channels": 16, "hidden_per_channel": 8, "sampling_statistics": "standing",
}  # fmt: skip
_CIFAR10: dict[str, Value] = _COMMON | {"architecture": "resnet_cifar"}
_SHORT: dict[str, dict[str, Value]] = {"ema": {"ema_decay": 0.99}}
_LONG: dict[str, dict[str, Value]] = {"ema": {"ema_decay": 0.999}}

#                     data          settings  configs seeds images      interval   samples summary
_SCALES = {
    "smoke":  Scale("digits",     _DIGITS,  2,      1,     96_000,    48_000,    None,
                    "8x8 digits, two settings, minutes", own=_SHORT),
    "laptop": Scale("mnist16_5k", _MNIST16, 8,      1,    102_400,    51_200,    None,
                    "5,000 digits of MNIST at 16x16, all settings", own=_SHORT),
    "paper":  Scale("cifar10",    _CIFAR10, 8,      3, 12_800_000, 1_280_000,  10_000,
                    "CIFAR10, residual pair, all settings on three seeds, days", own=_LONG),
}  # fmt: skip

STUDIES: dict[str, Study] = {
    "tricks/alone": Study(
        question="Does a trick help a plain GAN, with nothing else changed?",
        source="no paper: tricks of docs/tricks.md, one at a time",
        methods=SPACES["tricks/alone"],
        searcher="defaults",
        scales=_SCALES,
    ),
}
