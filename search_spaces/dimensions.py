"""Dimensions: the set of values that a search may give one field of a config.

Every dimension can draw a random value, list a grid of values, map values to [0, 1] and back, and tell whether it
contains a value. Values are plain Python floats, ints, bools or strings, so they can be written as JSON.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ganscape.errors import UserError

Value = float | int | bool | str


class StudyError(UserError):
    """An invalid study, scale, space or dimension; one line with the culprit, its value and the choices."""


@dataclass(frozen=True)
class Dimension(ABC):
    """Base class of dimensions; subclasses define the map to and from [0, 1].

    The names of these classes and of their fields are stored in the definitions of studies (`describe`): renaming one
    would make recorded studies unknown.
    """

    @abstractmethod
    def grid(self, n: int) -> list:
        """Returns n distinct values spread over the dimension, or all of them if it has fewer."""

    @abstractmethod
    def to_unit(self, value: Any) -> float:
        """Returns the position of `value` in [0, 1]. Raises StudyError if the dimension does not contain it."""

    @abstractmethod
    def from_unit(self, u: float) -> Any:
        """Returns the value at position u in [0, 1]."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Returns whether the dimension contains `value`."""

    def sample(self, rng: np.random.Generator) -> Value:
        """Returns a random value, drawn with exactly one uniform number of `rng` whatever the dimension."""
        return self.from_unit(rng.random())

    def describe(self) -> dict:
        """Returns the dimension as JSON-serializable data: its class name as `kind`, and its fields."""
        plain = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return {"kind": type(self).__name__} | plain


@dataclass(frozen=True)
class Uniform(Dimension):
    """Floats in [low, high], drawn uniformly."""

    low: float
    high: float

    def __post_init__(self):
        _check_range(self)

    def grid(self, n: int) -> list[float]:
        """Returns n evenly spaced values including both ends; the middle for n = 1."""
        return [self.from_unit(u) for u in _unit_grid(n)]

    def to_unit(self, value: float) -> float:
        """Returns the position of `value` in [0, 1]. Raises StudyError outside the range."""
        check_member(self, value)
        return (value - self.low) / (self.high - self.low)

    def from_unit(self, u: float) -> float:
        """Returns the value at position u in [0, 1]."""
        _check_unit(self, u)
        return _clip(self, self.low * (1 - u) + self.high * u)

    def contains(self, value: Any) -> bool:
        return _is_number(value) and self.low <= value <= self.high


@dataclass(frozen=True)
class LogUniform(Dimension):
    """Floats in [low, high], drawn uniformly on the logarithmic scale; low > 0."""

    low: float
    high: float

    def __post_init__(self):
        _check_range(self)
        if self.low <= 0:
            raise StudyError(f"{self}: low {self.low} of a logarithmic range must be positive")
        if math.log(self.low) == math.log(self.high):
            raise StudyError(f"{self}: the logarithms of {self.low} and {self.high} are equal; use Fixed")

    def grid(self, n: int) -> list[float]:
        """Returns n values with equal ratios including both ends; the geometric middle for n = 1."""
        return [self.from_unit(u) for u in _unit_grid(n)]

    def to_unit(self, value: float) -> float:
        """Returns the position of log `value` in [0, 1]. Raises StudyError outside the range."""
        check_member(self, value)
        return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))

    def from_unit(self, u: float) -> float:
        """Returns the value at position u in [0, 1] of the logarithmic scale."""
        _check_unit(self, u)
        if u in (0, 1):
            return float(self.high if u else self.low)
        return _clip(self, math.exp(math.log(self.low) * (1 - u) + math.log(self.high) * u))

    def contains(self, value: Any) -> bool:
        return _is_number(value) and self.low <= value <= self.high


@dataclass(frozen=True)
class Integer(Dimension):
    """Integers low, low + 1, ..., high, drawn with equal probability."""

    low: int
    high: int

    def __post_init__(self):
        _check_range(self)
        if not (isinstance(self.low, int) and isinstance(self.high, int)):
            raise StudyError(f"{self}: both ends of a range of integers must be integers")

    def grid(self, n: int) -> list[int]:
        """Returns at most n distinct integers, evenly spread, including both ends for n >= 2."""
        return sorted({round(self.low * (1 - u) + self.high * u) for u in _unit_grid(n)})

    def to_unit(self, value: int) -> float:
        """Returns the middle of the value's cell, of equal cells in [0, 1]. Raises StudyError outside the range."""
        check_member(self, value)
        return (value - self.low + 0.5) / (self.high - self.low + 1)

    def from_unit(self, u: float) -> int:
        """Returns the integer whose cell of [0, 1] contains u."""
        _check_unit(self, u)
        return min(self.low + math.floor(u * (self.high - self.low + 1)), self.high)

    def contains(self, value: Any) -> bool:
        return _is_number(value) and isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice(Dimension):
    """One of several options, drawn with equal probability."""

    options: tuple[Value, ...]

    def __post_init__(self):
        object.__setattr__(self, "options", tuple(self.options))
        if not self.options:
            raise StudyError("Choice: no options")
        for option in self.options:
            _check_value(self, option)
        if len({comparison_key(option) for option in self.options}) < len(self.options):
            raise StudyError(f"{self}: an option is given twice")

    def grid(self, n: int) -> list[Value]:
        """Returns all options, whatever n: without an order, none can be left out."""
        _unit_grid(n)
        return list(self.options)

    def to_unit(self, value: Value) -> float:
        """Returns the middle of the option's cell, of equal cells in [0, 1]. Raises StudyError for other values."""
        check_member(self, value)
        keys = [comparison_key(option) for option in self.options]
        return (keys.index(comparison_key(value)) + 0.5) / len(keys)

    def from_unit(self, u: float) -> Value:
        """Returns the option whose cell of [0, 1] contains u."""
        _check_unit(self, u)
        return self.options[min(math.floor(u * len(self.options)), len(self.options) - 1)]

    def contains(self, value: Any) -> bool:
        return any(comparison_key(option) == comparison_key(value) for option in self.options)


@dataclass(frozen=True)
class Fixed(Dimension):
    """A single value."""

    value: Value

    def __post_init__(self):
        _check_value(self, self.value)

    def grid(self, n: int) -> list[Value]:
        """Returns the value, once."""
        _unit_grid(n)
        return [self.value]

    def to_unit(self, value: Value) -> float:
        """Returns 0.5. Raises StudyError for any other value."""
        check_member(self, value)
        return 0.5

    def from_unit(self, u: float) -> Value:
        """Returns the value, for every u in [0, 1]."""
        _check_unit(self, u)
        return self.value

    def contains(self, value: Any) -> bool:
        return comparison_key(value) == comparison_key(self.value)


def comparison_key(value: Any) -> tuple:
    """Returns a key by which True differs from 1, but 1 equals 1.0."""
    return isinstance(value, bool), value


def check_member(dimension: Dimension, value: Any) -> None:
    """Raises StudyError for a value that the dimension does not contain."""
    if not dimension.contains(value):
        raise StudyError(f"{value!r} is not in {dimension}")


def _plain(value: Any) -> Any:
    if isinstance(value, Dimension):
        return value.describe()
    return list(value) if isinstance(value, tuple) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _clip(dimension: Uniform | LogUniform, value: float) -> float:
    return float(min(max(value, dimension.low), dimension.high))


def _unit_grid(n: int) -> Sequence[float]:
    if n < 1:
        raise StudyError(f"a grid has at least one value, not {n}")
    return [0.5] if n == 1 else [i / (n - 1) for i in range(n)]


def _check_range(dimension: Uniform | LogUniform | Integer) -> None:
    if not (_is_number(dimension.low) and _is_number(dimension.high)):
        raise StudyError(f"{dimension}: both ends must be finite numbers")
    if not dimension.low < dimension.high:
        raise StudyError(f"{dimension}: low {dimension.low} must be below high {dimension.high}")


def _check_value(dimension: Dimension, value: Any) -> None:
    if not (isinstance(value, bool | str) or _is_number(value)):
        raise StudyError(f"{dimension}: {value!r} is not a finite number, a boolean or a string")


def _check_unit(dimension: Dimension, u: float) -> None:
    if not 0 <= u <= 1:
        raise StudyError(f"{dimension}: position {u} is not in [0, 1]")
