"""Search spaces: for every method of a study, which fields are searched, where, and which settings are asked first."""

from typing import NamedTuple

import numpy as np

from ganscape.errors import check_name
from ganscape.search_spaces.dimensions import (
    Dimension,
    Fixed,
    StudyError,
    Unless,
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
        """Complete settings of the searched `values`: the fixed ones added, those whose condition fails left out, in
        an order in which no condition looks at a value that is left out itself."""
        settings = self.fixed | values
        conditions = {field: each for field, each in self.dimensions.items() if isinstance(each, When)}
        while absent := [f for f in conditions if f in settings and not conditions[f].holds(settings, settings[f])]:
            for field in [f for f in absent if not conditions[f].fields() & set(absent)] or absent:
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

    def beside(self, settings: dict[str, Value]) -> "Space":
        """This space with those of `settings` fixed that it does not set itself."""
        others = {field: value for field, value in settings.items() if field not in self.names()}
        defaults = tuple(others | default for default in self.defaults)
        return self._replace(fixed=others | self.fixed, defaults=defaults)

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

    StudyError for a condition on a field that the space does not have, or that never has its values.
    """
    fixed = method | {field: each.value for field, each in ranges.items() if isinstance(each, Fixed)}
    searched = {field: each for field, each in ranges.items() if not isinstance(each, Fixed)}
    for field in searched:
        check_condition(field, fixed, searched)
    return Space(fixed, searched, (fixed | default,), source)


def check_condition(field: str, fixed: dict[str, Value], searched: dict[str, Dimension]) -> None:
    """StudyError if searched field `field` is a When with a condition on no field or on values that it never has."""
    each = searched[field]
    while isinstance(each, When):
        known = fixed.keys() | searched.keys()
        check_name("field", each.field, sorted(known), StudyError, before=f"dimension {field!r} depends on ")
        possible = Fixed(fixed[each.field]) if each.field in fixed else searched[each.field]
        if not isinstance(each, Unless) and not any(possible.contains(value) for value in each.values):
            values = ", ".join(map(repr, each.values))
            raise StudyError(f"dimension {field!r} is never there: {each.field} is never {values}")
        each = each.dimension


def _without(table: dict, name: str) -> dict:
    """`table` without field `name`, an alias for two fields counted as both of them."""
    if name in _LEARNING_RATES and "learning_rate" in table:
        other = _LEARNING_RATES[1 - _LEARNING_RATES.index(name)]
        table = {(other if field == "learning_rate" else field): value for field, value in table.items()}
    gone = {name, *_LEARNING_RATES} if name == "learning_rate" else {name}
    return {field: value for field, value in table.items() if field not in gone}
