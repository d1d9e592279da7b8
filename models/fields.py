"""The kinds of fields of a Config, and the values that each accepts."""

import dataclasses
import math
from numbers import Integral, Real
from typing import Any, NamedTuple

from ganscape.errors import UserError, check_name, shown
from ganscape.limits import LIMITS, check_size


class ConfigError(UserError):
    """A setting that cannot be trained; one line with the field, its value and the choices."""


class Only(NamedTuple):
    """The condition that another field, `field`, has one of `values`."""

    field: str
    values: tuple[str, ...]

    def allows(self, value: Any) -> bool:
        """Returns whether this value of `field` satisfies the condition."""
        return value in self.values

    def requirement(self) -> str:
        """Returns the condition in words, for error messages."""
        return f"it needs {self.field} to be one of: {', '.join(self.values)}"


class Above(NamedTuple):
    """The condition that another field, the whole number `field`, is above `low`."""

    field: str
    low: int

    def allows(self, value: Any) -> bool:
        """Returns whether this value of `field` satisfies the condition."""
        return value is not None and value > self.low

    def requirement(self) -> str:
        """Returns the condition in words, for error messages."""
        return f"it needs {self.field} above {self.low}"


def structure(default, choices=None, *, low=1, only=None, when=None, neutral="none", offered=None):
    """Returns a static field, which changes the compiled program: one of `choices`, or a whole number >= `low`.

    only, when: as in `number`.
    neutral: the value at which the field does not enter a config's identity.
    offered: the attribute of the architecture that lists its choices; the first is the default and neutral, and the
      field is None if the list is empty.
    """
    metadata = {"number": False, "choices": choices, "low": low, "only": only, "when": when}
    return dataclasses.field(default=default, metadata=metadata | {"neutral": neutral, "offered": offered})


def number(default, low, high, *, open_low=False, open_high=False, only=None, when=None):
    """Returns a field that is a traced leaf in [low, high].

    open_low, open_high: whether the bound itself is excluded.
    only: condition under which the field applies; else it is None.
    when: the default where it applies; None makes it mandatory there.
    """
    interval = (low, high, open_low, open_high)
    return dataclasses.field(
        default=default,
        metadata={"number": True, "interval": interval, "only": only, "when": when, "neutral": "none"},
    )


def slot(registry, only):
    """Returns a static field that chooses among the entries of a registry; its default "none" is off."""
    return structure(None, registry, only=only, when="none")


def positive(only, when=None):
    """Returns a field for a number above 0 that applies only where the condition `only` holds."""
    return number(None, 0.0, math.inf, open_low=True, open_high=True, only=only, when=when)


def fraction(only, when=None, open_high=False):
    """Returns a field for a number in [0, 1] that applies only where the condition `only` holds."""
    return number(None, 0.0, 1.0, open_high=open_high, only=only, when=when)


def all_but_none(registry) -> tuple[str, ...]:
    """Returns the names in a registry other than "none"."""
    return tuple(name for name in registry if name != "none")


def check_structure(field: dataclasses.Field, value: Any) -> Any:
    """Returns the value if the static field accepts it. Raises ConfigError otherwise."""
    choices, low = field.metadata["choices"], field.metadata["low"]
    if choices is not None:
        check_name(field.name, value, sorted(choices), ConfigError)
        return value
    whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < low:
        raise ConfigError(f"{field.name}={shown(value)} must be a whole number of at least {low}")
    check_size("field", int(value), ConfigError, field.name)
    return int(value)


def check_number(field: dataclasses.Field, value: Any) -> float:
    """Returns the value as a float if it lies in the interval of the field. Raises ConfigError otherwise."""
    name, (low, high, open_low, open_high) = field.name, field.metadata["interval"]
    left, right = "(" if open_low else "[", ")" if open_high else "]"
    interval = f"{left}{low:g}, {high:g}{right}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigError(f"{name}={shown(value)} must be a number in {interval}")
    largest = LIMITS["number"]
    # Before anything makes a float of it, which may be too large for one.
    if high == math.inf and largest.value < value < math.inf:  # type: ignore[operator]
        raise ConfigError(f"{name}={shown(value)} is more than {largest.value:g}: {largest.reason}")
    if math.isnan(value):
        raise ConfigError(f"{name}={value!r} must be a number in {interval}")
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above:
        raise ConfigError(f"{name}={shown(value)} is outside {interval}")
    return float(value) + 0.0  # turns -0.0 into 0.0, so that both have one identity
