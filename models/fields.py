"""The kinds of fields that a Config has, and what each takes."""

import dataclasses
import math
from numbers import Integral, Real
from typing import Any, NamedTuple

from ganscape.errors import UserError, check_name


class ConfigError(UserError):
    """A setting that cannot be trained, in one line: the culprit, its value, the choices."""


class Only(NamedTuple):
    """A field that means something only while `field` has one of `values`."""

    field: str
    values: tuple[str, ...]

    def allows(self, value: Any) -> bool:
        """Whether this value of `field` gives it a meaning."""
        return value in self.values

    def needed(self) -> str:
        """What `field` would have to be, in words."""
        return f"it needs {self.field} to be one of: {', '.join(self.values)}"


class Above(NamedTuple):
    """A field that means something only while the whole number `field` is above `low`."""

    field: str
    low: int

    def allows(self, value: Any) -> bool:
        """Whether this value of `field` gives it a meaning."""
        return value is not None and value > self.low

    def needed(self) -> str:
        """What `field` would have to be, in words."""
        return f"it needs {self.field} above {self.low}"


def structure(default, choices=None, *, low=1, only=None, when=None, neutral="none", offered=None):
    """A field that changes the program: a name among `choices`, or a whole number of at least `low`.

    `only` and `when` as those of `number`. At `neutral` the field counts as absent from a config's identity.
    With `offered`, the architecture says in its field of that name which choices it knows; the first is the
    default and neutral, and the field is absent where there is none.
    """
    metadata = {"number": False, "choices": choices, "low": low, "only": only, "when": when}
    return dataclasses.field(default=default, metadata=metadata | {"neutral": neutral, "offered": offered})


def number(default, low, high, *, open_low=False, open_high=False, only=None, when=None):
    """A traced leaf in [low, high] (open where said). With `only`, absent (None) unless it applies;
    where it applies and is not given it becomes `when`, or is asked for if that is None."""
    interval = (low, high, open_low, open_high)
    return dataclasses.field(
        default=default,
        metadata={"number": True, "interval": interval, "only": only, "when": when, "neutral": "none"},
    )


def slot(registry, only):
    """A structure field that chooses among tricks, of which "none" is off."""
    return structure(None, registry, only=only, when="none")


def positive(only, when=None):
    """A number above 0 that means something only where `only` holds."""
    return number(None, 0.0, math.inf, open_low=True, open_high=True, only=only, when=when)


def fraction(only, when=None, open_high=False):
    """A number in [0, 1] that means something only where `only` holds."""
    return number(None, 0.0, 1.0, open_high=open_high, only=only, when=when)


def all_but_none(registry) -> tuple[str, ...]:
    """The names of a registry that are not "none"."""
    return tuple(name for name in registry if name != "none")


def check_structure(field: dataclasses.Field, value: Any) -> Any:
    """The value, if the structure field takes it; ConfigError otherwise."""
    choices, low = field.metadata["choices"], field.metadata["low"]
    if choices is not None:
        check_name(field.name, value, sorted(choices), ConfigError)
        return value
    whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < low:
        raise ConfigError(f"{field.name}={value!r} must be a whole number of at least {low}")
    return int(value)


def check_number(field: dataclasses.Field, value: Any) -> float:
    """The value as a float, if it lies in the interval of the number field; ConfigError otherwise."""
    name, (low, high, open_low, open_high) = field.name, field.metadata["interval"]
    left, right = "(" if open_low else "[", ")" if open_high else "]"
    interval = f"{left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise ConfigError(f"{name}={value!r} must be a number in {interval}")
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above:
        raise ConfigError(f"{name}={value!r} is outside {interval}")
    return float(value) + 0.0  # -0.0 is 0.0
