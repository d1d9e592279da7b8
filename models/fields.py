"""The kinds of fields of a Config, and the values that each accepts."""

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

from ganscape.errors import UserError, check_name, shown
from ganscape.limits import LIMITS, check_size


class ConfigError(UserError):
    """A setting that cannot be trained; one line with the field, its value and the choices."""


class Only(NamedTuple):
    """The condition that another field, `field`, has one of `values`."""

    field: str
    values: Collection[str]

    def allows(self, value: Any) -> bool:
        """Returns whether this value of `field` satisfies the condition."""
        return value in self.values

    def requirement(self) -> str:
        """Returns the condition in words, for error messages."""
        return f"it needs {self.field} to be one of: {', '.join(self.values)}"


class Includes(NamedTuple):
    """The condition that another field, the set of names `field`, has one of `values` in it."""

    field: str
    values: Collection[str]

    def allows(self, value: Any) -> bool:
        """Returns whether this value of `field` satisfies the condition."""
        return value is not None and not set(self.values).isdisjoint(members(value))

    def requirement(self) -> str:
        """Returns the condition in words, for error messages."""
        return f"it needs {self.field} to have one of: {', '.join(self.values)}"


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


def names_of(registry, only):
    """Returns a static field for a set of entries of a registry, joined by +; its default "none" is the empty set."""
    field = structure(None, registry, only=only, when="none")
    return dataclasses.field(default=None, metadata={**field.metadata, "joined": True})


def optional(field):
    """Returns the field with None as a value of its own, which leaves the decision to a field of the whole set."""
    return dataclasses.field(default=None, metadata={**field.metadata, "optional": True})


def unless_all_own(field):
    """Returns the field, `<set>_<what>`, as one that applies unless each member has its own `<member>_<what>`."""
    return dataclasses.field(default=None, metadata={**field.metadata, "of_set": True})


def members(names: str) -> tuple[str, ...]:
    """Returns the names in the value of a set, in order; none for "none"."""
    return () if names == "none" else tuple(names.split("+"))


def slot(registry, only):
    """Returns a static field that chooses among the entries of a registry; its default "none" is off."""
    return structure(None, registry, only=only, when="none")


def positive(only, when=None):
    """Returns a field for a number above 0 that applies only where the condition `only` holds."""
    return number(None, 0.0, math.inf, open_low=True, open_high=True, only=only, when=when)


def fraction(only, when=None, open_high=False):
    """Returns a field for a number in [0, 1] that applies only where the condition `only` holds."""
    return number(None, 0.0, 1.0, open_high=open_high, only=only, when=when)


class AllBut(Collection[str]):
    """The names in a registry other than `left_out`, those included that are registered later."""

    def __init__(self, left_out: str, registry: Mapping[str, Any]):
        self.left_out, self.registry = left_out, registry

    def __contains__(self, name: object) -> bool:
        return name != self.left_out and name in self.registry

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.registry if name != self.left_out)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def check_structure(field: dataclasses.Field, value: Any) -> Any:
    """Returns the value if the static field accepts it. Raises ConfigError otherwise."""
    choices, low = field.metadata["choices"], field.metadata["low"]
    if field.metadata.get("joined"):
        return _check_names(field.name, value, choices)
    if choices is not None:
        _check_choice(field.name, value, choices)
        return value
    whole = isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < low:
        raise ConfigError(f"{field.name}={shown(value)} must be a whole number of at least {low}")
    check_size("field", int(value), ConfigError, field.name)
    return int(value)


def _check_choice(field: str, value: Any, choices) -> None:
    """Raises ConfigError unless the value is one of the choices, which are put in order for the message alone."""
    if not isinstance(value, str) or value not in choices:
        check_name(field, value, sorted(choices), ConfigError)


def _check_names(field: str, value: Any, choices) -> str:
    """Returns a set of names in the order of `choices`. Raises ConfigError for an unknown name, or one given twice."""
    names = value.split("+") if isinstance(value, str) else [value]
    for name in names:
        _check_choice(field, name, choices)
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{field}={value!r} has {name!r} twice")
    if "none" in names and len(names) > 1:
        raise ConfigError(f"{field}={value!r} has 'none' beside others")
    return "+".join(name for name in choices if name in names)


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
