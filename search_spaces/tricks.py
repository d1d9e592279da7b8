"""tricks: the search over all tricks of family gan with their hyperparameters.

There are two methods, for discriminators that normalise activations or kernels. Combinations that mean nothing are
never drawn: a dimension that does not apply is left out, which switches its field off. Fields of the networks
(`architecture`, `channels`, `upsampling`, `attention`) are set by the scale, as are `z_dim` and `batch_size`, which
`packing` has to divide.
"""

from ganscape.search_spaces.conditions import Partly, Unless, When
from ganscape.search_spaces.dimensions import Choice, Dimension, LogUniform, Uniform, Value
from ganscape.search_spaces.space import Space, make_space
from ganscape.search_spaces.study import Scale, Study

_OFF = "none"
_VIRTUAL = ("virtual_batch_norm",)
_CONDITIONAL = ("conditional_batch_norm", "conditional_batch_norm+spectral_norm")
_CONDITIONINGS = ("concatenation", "projection")
_TARGETED = ("non_saturating", "minimax", "feature_matching", "least_squares", "least_squares_logits")
_PENALTIES = (
    *("wgangp", "wgangp_one_sided", "r1", "r2", "zero_centered", "dragan", "dragan_v1", "dragan_v2"),
    *("l2", "orthogonal"),
)

# Normalizations of the discriminator. mlp, infogan, dcgan and the resnets offer both groups; sndcgan, progan, sagan and
# biggan only those of kernels.
_OF_ACTIVATIONS = (*("batch_norm", "layer_norm", "switchable_norm", "virtual_batch_norm", "batch_norm+spectral_norm"),)
_OF_KERNELS = (_OFF, "spectral_norm", "weight_norm")

_RANGES: dict[str, Dimension] = {
    "loss": Choice((
        *_TARGETED,
        *("wasserstein", "hinge", "relativistic", "relativistic_average", "relativistic_average_least_squares"),
        *("relativistic_average_hinge", "kl", "reverse_kl", "pearson", "squared_hellinger", "jensen_shannon"),
        "total_variation",
    )),
    "penalty":                 Choice((_OFF, *_PENALTIES)),
    "penalty_weight":          When(LogUniform(1e-3, 1e2), "penalty", _PENALTIES),
    "penalty_every":           When(Choice((1, 4, 16)), "penalty", _PENALTIES),
    "projection":              Choice((_OFF, "weight_clipping", "singular_value_clamp")),
    "weight_clipping":         When(LogUniform(1e-3, 1.0), "projection", ("weight_clipping",)),
    "max_singular_value":      When(LogUniform(0.5, 4.0), "projection", ("singular_value_clamp",)),
    "discriminator_passes":    Unless(Choice(("separate", "joint")), "discriminator_normalization", _VIRTUAL),
    "label_smoothing":         When(Choice((_OFF, "one_sided", "one_sided_random")), "loss", _TARGETED),
    "smoothing":               When(Uniform(0.05, 0.5), "label_smoothing", ("one_sided", "one_sided_random")),
    "label_flipping":          When(Choice((_OFF, "random")), "loss", _TARGETED),
    "flip_probability":        When(LogUniform(0.005, 0.2), "label_flipping", ("random",)),
    "instance_noise":          Choice((_OFF, "constant", "linear", "exponential")),
    "noise_std":               When(LogUniform(0.01, 0.5), "instance_noise", ("constant", "linear", "exponential")),
    "noise_images":            When(LogUniform(1e4, 1e6), "instance_noise", ("linear", "exponential")),
    "augmentation":            Choice((_OFF, "color", "translation", "cutout", "diffaugment")),
    "packing":                 Unless(Choice((1, 2, 4)), "conditioning", _CONDITIONINGS),
    "batch_features":          Partly(
        Unless(
            Choice((_OFF, "minibatch_discrimination", "minibatch_stddev")), "discriminator_normalization", _VIRTUAL
        ),
        "discriminator_passes", ("separate",), of=("minibatch_stddev",),
    ),
    "discriminator_scales":    Choice((1, 2)),
    "conditioning":            Unless(
        Unless(Choice((_OFF, *_CONDITIONINGS)), "discriminator_normalization", _VIRTUAL),
        "generator_normalization", _VIRTUAL,
    ),
    "generator_normalization": Partly(
        Choice((
            *("batch_norm", _OFF, "layer_norm", "group_norm", "pixel_norm", "switchable_norm", "virtual_batch_norm"),
            *("spectral_norm", "weight_norm", "batch_norm+spectral_norm", *_CONDITIONAL),
        )),
        "conditioning", _CONDITIONINGS, of=_CONDITIONAL,
    ),
    "generator_noise":         Choice((_OFF, "gaussian", "dropout")),
    "generator_noise_std":     When(LogUniform(0.01, 1.0), "generator_noise", ("gaussian",)),
    "dropout_rate":            When(Uniform(0.05, 0.5), "generator_noise", ("dropout",)),
    "latent":                  Choice(("uniform", "normal", "truncated_normal")),
    "truncation":              When(Uniform(0.5, 3.0), "latent", ("truncated_normal",)),
    "averaging":               Choice((_OFF, "ema", "uniform")),
    "ema_decay":               When(Choice((0.9, 0.99, 0.999)), "averaging", ("ema",)),
    "historical_averaging":    Choice((_OFF, "squared_distance")),
    "historical_weight":       When(LogUniform(1e-4, 1.0), "historical_averaging", ("squared_distance",)),
    "unrolled_steps":          Choice((0, 1, 3)),
    "unrolled_lr":             When(LogUniform(1e-4, 1e-1), "unrolled_steps", (1, 3)),
    "update":                  Choice(("alternating", "simultaneous")),
    "optimizer":               Choice(("adam", "rmsprop", "rmsprop_torch", "sgd")),
    "beta1":                   When(Uniform(0.0, 0.95), "optimizer", ("adam",)),
    "beta2":                   When(Choice((0.9, 0.99, 0.999)), "optimizer", ("adam",)),
    "g_lr":                    LogUniform(1e-5, 1e-2),
    "d_lr":                    LogUniform(1e-5, 1e-2),
    "disc_iters":              Choice((1, 2, 5)),
}  # fmt: skip

# The default, tried first: all tricks off, as the baseline for whatever a draw switches on.
_PLAIN: dict[str, Value] = {
    "loss": "non_saturating", "optimizer": "adam", "beta1": 0.5, "beta2": 0.999, "g_lr": 2e-4, "d_lr": 2e-4,
    "disc_iters": 1,
}  # fmt: skip
_SOURCE = "every entry of docs/tricks.md that is no network; ranges ours, around the papers' values"


def _tricks(normalizations: tuple[str, ...]) -> Space:
    ranges = _RANGES | {"discriminator_normalization": Choice(normalizations)}
    return make_space({"family": "gan"}, ranges, _PLAIN | {"discriminator_normalization": normalizations[0]}, _SOURCE)


SPACES: dict[str, dict[str, Space]] = {
    "tricks": {"d_activations": _tricks(_OF_ACTIVATIONS), "d_kernels": _tricks(_OF_KERNELS)},
}

_COMMON: dict[str, Value] = {"batch_size": 64, "z_dim": 64}
_MLP: dict[str, Value] = _COMMON | {"architecture": "mlp"}
_PAIRS: dict[str, dict[str, Value]] = {
    "d_activations": {"architecture": "mlp"},
    "d_kernels": {"architecture": "sndcgan"},
}

#                    data       settings  configs seeds  images    interval   samples summary
_SCALES = {
    "smoke":  Scale("digits",   _MLP,     8,      1,      96_000,   48_000,    None,  "8x8 digits, minutes"),
    "laptop": Scale("mnist5k",  _MLP,     50,     2,     480_000,  160_000,    None,  "28x28 digits, hours"),
    "paper":  Scale("cifar10",  _COMMON,  200,    3,   3_200_000,  640_000,  10_000,
                    "CIFAR10; convolutions where kernels are normalised; days", own=_PAIRS),
}  # fmt: skip

STUDIES: dict[str, Study] = {
    "tricks": Study(
        question="Which tricks help, in which combination, where the discriminator normalises activations or kernels?",
        source="no paper: every trick of docs/tricks.md at once",
        methods=SPACES["tricks"],
        searcher="random",
        scales=_SCALES,
    ),
}
