"""Config: one point of a search space, typed, validated, and a pytree of its numbers."""

import dataclasses
import difflib
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import jax

from models.architectures import ARCHITECTURES
from models.began import K_RANGES
from models.families import METHODS
from models.losses import LOSSES
from models.normalizations import NORMALIZATIONS
from models.optimizers import OPTIMIZERS
from models.penalties import PENALTIES
from models.projections import PROJECTIONS


class ConfigError(ValueError):
    """A setting that cannot be trained, in one line: the culprit, its value, the choices."""


class Only(NamedTuple):
    """A field that means something only while `field` has one of `values`."""

    field: str
    values: tuple[str, ...]

    def holds(self, config: "Config") -> bool:
        """Whether the field means something in this config."""
        return getattr(config, self.field) in self.values

    def obstacle(self, config: "Config") -> str:
        """Why it does not, in words: of a field that does not apply itself, why that does not."""
        value = getattr(config, self.field)
        above: Only | None = Config.__dataclass_fields__[self.field].metadata["only"]
        if value is None and above is not None:
            return above.obstacle(config)
        needed = f"it needs {self.field} to be one of: {', '.join(self.values)}"
        return f"{self.field}={value!r}; {needed}"


def structure(default, choices=None, *, low=1, only=None, when=None):
    """A field that changes the program: a name among `choices`, or a whole number of at least `low`.
    `only` and `when` as those of `number`."""
    return dataclasses.field(
        default=default,
        metadata={"number": False, "choices": choices, "low": low, "only": only, "when": when},
    )


def number(default, low, high, *, open_low=False, open_high=False, only=None, when=None):
    """A traced leaf in [low, high] (open where said). With `only`, absent (None) unless it applies;
    where it applies and is not given it becomes `when`, or is asked for if that is None."""
    interval = (low, high, open_low, open_high)
    return dataclasses.field(
        default=default,
        metadata={"number": True, "interval": interval, "only": only, "when": when},
    )


_GAME = Only("family", ("gan",))
_BEGAN = Only("family", ("began",))
_ADAM = Only("optimizer", ("adam",))
_PENALIZED = Only("penalty", tuple(name for name in PENALTIES if name != "none"))
_CLIPPED = Only("projection", ("weight_clipping",))


@dataclasses.dataclass(frozen=True)
class Config:
    """One point of a search space.

    *Structure* fields change the program that is compiled; *number* fields are traced leaves, so
    two configs share one compiled program exactly when `jax.tree.structure` of them is equal.

    Args:
      family: which method of training, a key of `models.METHODS`.
      architecture: the pair of networks.
      loss: the adversarial loss; this and the next two are for family gan alone.
      penalty: the discriminator's penalty, added to its loss with weight `penalty_weight` >= 0.
      projection: what happens to the discriminator's weights after each of its updates.
      k_range: only with family began: how far its balance k may go.
      discriminator_normalization: what normalises the discriminator's activations or kernels; in a
        vae the encoder's.
      optimizer: one instance for each player.
      disc_iters: discriminator updates in a cycle, which has one generator update. A vae updates
        everything on each of the batches.
      batch_size: real images in a discriminator update.
      z_dim: length of the latent vector, drawn uniformly from [-1, 1]; in a vae from N(0, 1).
      g_lr, d_lr: learning rates, > 0, in a vae of decoder and encoder. `learning_rate` sets both.
      beta1, beta2: Adam's decay rates, in [0, 1).
      penalty_weight: only with a penalty, >= 0.
      weight_clipping: only with the projection of that name, > 0: the bound on every weight.
      gamma: only with family began, in [0, 1]: the ratio of generated to real reconstruction loss
        that k keeps.
      k_learning_rate: only with family began, > 0: how far k moves at a step.

    Raises:
      ConfigError: at construction, for a value out of range or a combination that means nothing.
    """

    family: str = structure("gan", METHODS)
    architecture: str = structure("mlp", ARCHITECTURES)
    loss: str | None = structure(None, LOSSES, only=_GAME, when="non_saturating")
    penalty: str | None = structure(None, PENALTIES, only=_GAME, when="none")
    projection: str | None = structure(None, PROJECTIONS, only=_GAME, when="none")
    k_range: str | None = structure(None, K_RANGES, only=_BEGAN, when="unbounded")
    discriminator_normalization: str = structure("none", NORMALIZATIONS)
    optimizer: str = structure("adam", OPTIMIZERS)
    disc_iters: int = structure(1)
    batch_size: int = structure(64, low=2)
    z_dim: int = structure(64)
    g_lr: float = number(2e-4, 0.0, math.inf, open_low=True, open_high=True)
    d_lr: float = number(2e-4, 0.0, math.inf, open_low=True, open_high=True)
    beta1: float | None = number(None, 0.0, 1.0, open_high=True, only=_ADAM, when=0.5)
    beta2: float | None = number(None, 0.0, 1.0, open_high=True, only=_ADAM, when=0.999)
    penalty_weight: float | None = number(None, 0.0, math.inf, open_high=True, only=_PENALIZED)
    weight_clipping: float | None = number(
        None, 0.0, math.inf, open_low=True, open_high=True, only=_CLIPPED
    )
    gamma: float | None = number(None, 0.0, 1.0, only=_BEGAN, when=0.75)
    k_learning_rate: float | None = number(
        None, 0.0, math.inf, open_low=True, open_high=True, only=_BEGAN, when=1e-3
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _check(self, field, getattr(self, field.name)))
        families = ARCHITECTURES[self.architecture].families
        if self.family not in families:
            raise ConfigError(
                f"architecture {self.architecture!r} has no networks for family {self.family!r}; "
                f"one of: {', '.join(families)}"
            )
        supported = ARCHITECTURES[self.architecture].discriminator_normalizations
        if self.discriminator_normalization not in supported:
            raise ConfigError(
                f"architecture {self.architecture!r} has no discriminator_normalization "
                f"{self.discriminator_normalization!r}; one of: {', '.join(supported)}"
            )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "Config":
        """The config of these settings; the aliases of `ALIASES` are expanded.

        Raises:
          ConfigError: for an unknown field, a field set twice, or a value that __init__ refuses.
        """
        expanded: dict[str, Any] = {}
        for name, value in settings.items():
            for field, chosen in expand(name, value).items():
                if field in expanded:
                    raise ConfigError(f"{field} is set twice: {name}={value!r} sets it again")
                expanded[field] = chosen
        return cls(**expanded)

    def to_dict(self) -> dict[str, Any]:
        """Every field that applies, plain values; `from_dict` of it is this config again."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) is not None
        }

    def identity(self) -> str:
        """Sixteen hex digits of the content. A slot at "none" counts as absent, so that a field
        added later with that default leaves the identities of older configs as they are."""
        content = {name: value for name, value in self.to_dict().items() if value != "none"}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def structure(self) -> str:
        """The structure in words, equal exactly for configs that share a compiled program."""
        words = [
            f"{field.name}={value}"
            for field in dataclasses.fields(self)
            if not field.metadata["number"] and (value := getattr(self, field.name)) is not None
        ]
        return " ".join(words)


def _flatten(config: Config):
    names = [field.name for field in dataclasses.fields(config)]
    numbers = tuple(getattr(config, name) for name in names if name in NUMBERS)
    structures = tuple(getattr(config, name) for name in names if name not in NUMBERS)
    return numbers, structures


def _unflatten(structures, numbers) -> Config:
    config = object.__new__(Config)
    remaining = {True: iter(numbers), False: iter(structures)}
    for field in dataclasses.fields(Config):
        object.__setattr__(config, field.name, next(remaining[field.metadata["number"]]))
    return config


def _batch_norm_or_none(value: Any) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise ConfigError(f"discriminator_batchnorm={value!r} must be true or false")
    return {"discriminator_normalization": "batch_norm" if value else "none"}


NUMBERS = frozenset(field.name for field in dataclasses.fields(Config) if field.metadata["number"])
FIELDS = tuple(field.name for field in dataclasses.fields(Config))
ALIASES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "learning_rate": lambda value: {"g_lr": value, "d_lr": value},
    "lr": lambda value: {"g_lr": value, "d_lr": value},
    "lambda": lambda value: {"penalty_weight": value},
    "n_dis": lambda value: {"disc_iters": value},
    "discriminator_batchnorm": _batch_norm_or_none,
}
jax.tree_util.register_pytree_node(Config, _flatten, _unflatten)


def expand(name: str, value: Any) -> dict[str, Any]:
    """The fields, with their values, that this name of a field or of an alias sets.

    Raises:
      ConfigError: for any other name, and for a value that an alias cannot translate.
    """
    if name in FIELDS:
        return {name: value}
    if name in ALIASES:
        return ALIASES[name](value)
    choices = sorted([*FIELDS, *ALIASES])
    near = difflib.get_close_matches(name, choices, 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ConfigError(f"unknown config field {name!r}{hint}; one of: {', '.join(choices)}")


def check_choice(name: str, value: Any) -> None:
    """Raises ConfigError if field `name` chooses among names and this value is none of them."""
    choices = Config.__dataclass_fields__[name].metadata.get("choices")
    if choices is not None:
        _refuse_unknown(name, value, choices)


def made_inert(name: str, value: Any) -> list[str]:
    """The number fields that mean nothing once field `name` has this value."""
    conditions = {field.name: field.metadata.get("only") for field in dataclasses.fields(Config)}
    return [field for field, only in conditions.items() if only and only.field == name and value not in only.values]


def check_images(config: Config, image_shape: tuple[int, int, int]) -> None:
    """Raises ConfigError, naming the architectures that fit, if this config's does not take such images."""
    architecture = ARCHITECTURES[config.architecture]
    if not architecture.accepts(image_shape):
        fitting = [name for name, each in ARCHITECTURES.items() if each.accepts(image_shape)]
        height, width, _ = image_shape
        raise ConfigError(
            f"architecture {config.architecture!r} is for {architecture.sizes}, not {height}x{width}; "
            f"for these images one of: {', '.join(fitting) or 'none'}"
        )


def _refuse_unknown(name: str, value: Any, choices) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(f"unknown {name} {value!r}; one of: {', '.join(sorted(choices))}")


def _check(config: Config, field: dataclasses.Field, value: Any) -> Any:
    """The value that the field takes: None where it does not apply."""
    only: Only | None = field.metadata["only"]
    if only is not None and not only.holds(config):
        if value is not None:
            raise ConfigError(f"{field.name}={value!r} means nothing with {only.obstacle(config)}")
        return None
    if value is None:
        value = field.metadata["when"]
    if value is None and only is not None:
        raise ConfigError(f"{only.field}={getattr(config, only.field)!r} needs a {field.name}")
    if field.metadata["number"]:
        return _in_interval(field.name, value, *field.metadata["interval"])
    return _check_structure(field, value)


def _check_structure(field: dataclasses.Field, value: Any) -> Any:
    choices, low = field.metadata["choices"], field.metadata["low"]
    if choices is not None:
        _refuse_unknown(field.name, value, choices)
        return value
    whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < low:
        raise ConfigError(f"{field.name}={value!r} must be a whole number of at least {low}")
    return int(value)


def _in_interval(name, value, low, high, open_low, open_high) -> float:
    left, right = "(" if open_low else "[", ")" if open_high else "]"
    interval = f"{left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise ConfigError(f"{name}={value!r} must be a number in {interval}")
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above:
        raise ConfigError(f"{name}={value!r} is outside {interval}")
    return float(value) + 0.0  # -0.0 is 0.0
