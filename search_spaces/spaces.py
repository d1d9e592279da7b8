"""Search spaces: for every method of a study, which fields are searched, where, and which settings are asked first."""

from typing import NamedTuple

import numpy as np

from search_spaces.dimensions import (
    Choice,
    Dimension,
    Fixed,
    LogUniform,
    StudyError,
    Uniform,
    Value,
    When,
)

_LEARNING_RATES = ("g_lr", "d_lr")


class Space(NamedTuple):
    """What one method may be: the settings it is made of and the fields that are searched.

    fixed: settings of every config of this space.
    dimensions: field -> Dimension of the searched fields; a When is present only under its condition.
    defaults: complete settings that are asked before any draw; they may lie outside the ranges.
    source: where the numbers come from.
    """

    fixed: dict[str, Value]
    dimensions: dict[str, Dimension]
    defaults: tuple[dict[str, Value], ...]
    source: str

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """Random settings: one uniform number of `rng` per dimension, fields in alphabetical order.

        A dimension whose condition does not hold consumes its number all the same.
        """
        return self.settings({field: self.dimensions[field].sample(rng) for field in sorted(self.dimensions)})

    def settings(self, values: dict[str, Value]) -> dict[str, Value]:
        """Complete settings of the searched `values`: the fixed ones added, those whose condition fails left out."""
        settings = self.fixed | values
        conditions = {field: each for field, each in self.dimensions.items() if isinstance(each, When)}
        while absent := [f for f, when in conditions.items() if f in settings and not when.holds(settings)]:
            for field in absent:
                del settings[field]
        return settings

    def recognise(self, settings: dict[str, Value]) -> dict[str, Value]:
        """These settings in the words of the space: the fields that it or a default sets, and no others.

        `learning_rate` is known from equal `g_lr` and `d_lr`.
        """
        names = {*self.names(), *(field for default in self.defaults for field in default)}
        if "learning_rate" in names and "learning_rate" not in settings:
            rates = [settings[field] for field in _LEARNING_RATES if field in settings]
            if len(rates) == 2 and rates[0] == rates[1]:
                settings = settings | {"learning_rate": rates[0]}
        return {field: value for field, value in settings.items() if field in names}

    def pin(self, name: str, value: Value) -> "Space":
        """This space with field `name` fixed to `value`: no longer searched, and changed in the defaults too.

        `learning_rate` stands for `g_lr` and `d_lr`: pinning it replaces both; pinning one of them leaves the other
        as it was.
        """
        pin = {name: value}
        pinned = Space(_without(self.fixed, name) | pin, _without(self.dimensions, name), (), self.source)
        defaults = [pinned.settings(_without(default, name) | pin) for default in self.defaults]
        return pinned._replace(defaults=tuple(d for i, d in enumerate(defaults) if d not in defaults[:i]))

    def drop(self, name: str) -> "Space":
        """This space without field `name`: neither fixed nor searched nor in the defaults."""
        defaults = tuple({field: value for field, value in each.items() if field != name} for each in self.defaults)
        return Space(_without(self.fixed, name), _without(self.dimensions, name), defaults, self.source)

    def names(self) -> list[str]:
        """The fields that the space sets, fixed ones first, then the searched ones in alphabetical order."""
        return [*self.fixed, *sorted(self.dimensions)]

    def describe(self) -> dict:
        """The space as JSON-able data, equal for equal spaces."""
        dimensions = {field: self.dimensions[field].describe() for field in sorted(self.dimensions)}
        defaults = [dict(sorted(default.items())) for default in self.defaults]
        return {
            "fixed": dict(sorted(self.fixed.items())),
            "dimensions": dimensions,
            "defaults": defaults,
            "source": self.source,
        }


def space(method: dict, ranges: dict[str, Dimension], default: dict, source: str) -> Space:
    """The Space of one table row: Fixed ranges become settings, `default` is asked first.

    StudyError for a condition on a field that the space does not have.
    """
    fixed = method | {field: each.value for field, each in ranges.items() if isinstance(each, Fixed)}
    searched = {field: each for field, each in ranges.items() if not isinstance(each, Fixed)}
    known = fixed.keys() | searched.keys()
    for field, each in searched.items():
        if isinstance(each, When) and each.field not in known:
            choices = ", ".join(sorted(known))
            raise StudyError(f"dimension {field!r} depends on unknown field {each.field!r}; one of: {choices}")
    return Space(fixed, searched, (fixed | default,), source)


def _without(table: dict, name: str) -> dict:
    """`table` without field `name`, an alias for two fields counted as both of them."""
    if name in _LEARNING_RATES and "learning_rate" in table:
        other = _LEARNING_RATES[1 - _LEARNING_RATES.index(name)]
        table = {(other if field == "learning_rate" else field): value for field, value in table.items()}
    gone = {name, *_LEARNING_RATES} if name == "learning_rate" else {name}
    return {field: value for field, value in table.items() if field not in gone}


# ----------------------------------------------------------------------------------------------------------------------
# EQUAL: Lucic et al. 2018, "Are GANs Created Equal? A Large-Scale Study", arXiv:1711.10337; the numbers are those of
# the released code (google/compare_gan, tag v1.0). Its boolean `discriminator_batchnorm` is the field
# `discriminator_normalization`, in the VAE the encoder's; its `lambda` is `penalty_weight`, in BEGAN `k_learning_rate`.

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
# The code's one default that differs with the ranges.
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
    # The code draws disc_iters for the VAE too, which makes an update on every batch whatever it is: fixed here, so
    # that no two configs are one.
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
        method: space(
            fixed,
            ranges.get(method, {}),
            defaults[method],
            f"arXiv:1711.10337, code v1.0: {source}",
        )
        for method, fixed in _EQUAL_METHODS.items()
    }


SPACES: dict[str, dict[str, Space]] = {
    "equal/wide": _equal(_EQUAL_WIDE, _EQUAL_DEFAULTS, "wide one-shot ranges, asked after the authors' setting"),
    "equal/narrow": _equal(
        _EQUAL_NARROW, _EQUAL_NARROW_DEFAULTS, "narrow two-shot ranges, asked after the authors' setting"
    ),
    "equal/defaults": _equal({}, _EQUAL_DEFAULTS, "the authors' setting of each method"),
}
