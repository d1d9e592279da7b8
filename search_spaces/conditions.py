"""Conditions: dimensions that are part of a config only where another of its fields has certain values."""

from dataclasses import dataclass
from typing import Any

from ganscape.search_spaces.dimensions import Dimension, StudyError, Value, check_member, comparison_key


@dataclass(frozen=True)
class When(Dimension):
    """A dimension that is part of a config only if the config's `field` has one of `values`."""

    dimension: Dimension
    field: str
    values: tuple[Value, ...]

    def __post_init__(self):
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise StudyError(f"{self}: no values of {self.field!r} under which it is present")

    def is_present(self, settings: dict[str, Value], value: Value | None = None) -> bool:
        """Returns whether the dimension is part of a config with these settings, where it has this `value`."""
        inner = self.dimension
        return self.condition_holds(settings, value) and (
            not isinstance(inner, When) or inner.is_present(settings, value)
        )

    def condition_holds(self, settings: dict[str, Value], value: Value | None) -> bool:
        """Returns whether this condition holds; if `dimension` is a When too, `is_present` also asks for its own."""
        return self.field in settings and comparison_key(settings[self.field]) in map(comparison_key, self.values)

    def condition_fields(self) -> set[str]:
        """Returns the fields that the conditions depend on."""
        return {self.field} | (self.dimension.condition_fields() if isinstance(self.dimension, When) else set())

    def grid(self, n: int) -> list[Value]:
        return self.dimension.grid(n)

    def to_unit(self, value: Value) -> float:
        return self.dimension.to_unit(value)

    def from_unit(self, u: float) -> Value:
        return self.dimension.from_unit(u)

    def contains(self, value: Any) -> bool:
        return self.dimension.contains(value)


@dataclass(frozen=True)
class Unless(When):
    """A dimension that is part of a config unless the config's `field` has one of `values`."""

    def condition_holds(self, settings: dict[str, Value], value: Value | None) -> bool:
        return not super().condition_holds(settings, value)


@dataclass(frozen=True)
class Partly(When):
    """A dimension some of whose values, `of`, may be drawn only if the config's `field` has one of `values`.

    In a config where the condition fails, the dimension is left out if its value is one of `of`.
    """

    of: tuple[Value, ...]

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "of", tuple(self.of))
        for value in self.of:
            check_member(self, value)

    def condition_holds(self, settings: dict[str, Value], value: Value | None) -> bool:
        return comparison_key(value) not in map(comparison_key, self.of) or super().condition_holds(settings, value)
