"""Space, the search space of one method: its fixed settings, the fields that are searched, and default settings."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ganscape.aliases import ALIASED_FIELDS
from ganscape.errors import check_name
from ganscape.search_spaces.conditions import Unless, When
from ganscape.search_spaces.dimensions import Dimension, Fixed, StudyError, Value

_LEARNING_RATES = ALIASED_FIELDS["learning_rate"]


class Space(NamedTuple):
    """The search space of one method.

    fixed: settings of every config of the space.
    dimensions: field -> Dimension of the searched fields; a When is present only under its condition.
    defaults: complete settings that are tried before any draw; they may lie outside the ranges.
    source: where the numbers come from.
    """

    fixed: dict[str, Value]
    dimensions: dict[str, Dimension]
    defaults: tuple[dict[str, Value], ...]
    source: str

    def sample(self, rng: np.random.Generator) -> dict[str, Value]:
        """Returns random settings.

        Draws one uniform number of `rng` per dimension, in alphabetical order of fields. A dimension that is
        left out because its condition fails consumes its number too.
        """
        return self.complete({field: self.dimensions[field].sample(rng) for field in sorted(self.dimensions)})

    def complete(self, values: dict[str, Value]) -> dict[str, Value]:
        """Returns complete settings: `values` of the searched fields and the fixed settings, without the fields whose
        condition fails.

        Fields whose condition depends on no other field to be left out go first, because without them other conditions
        may change.
        """
        settings = self.fixed | values
        conditions = {field: dimension for field, dimension in self.dimensions.items() if isinstance(dimension, When)}
        while absent := [
            f for f in conditions if f in settings and not conditions[f].is_present(settings, settings[f])
        ]:
            for field in [f for f in absent if not conditions[f].condition_fields() & set(absent)] or absent:
                del settings[field]
        return settings

    def select_fields(self, settings: dict[str, Value]) -> dict[str, Value]:
        """Returns these settings with only those fields that the space or one of its defaults sets.

        Settings of a config have no aliases: those that the space sets are added, `learning_rate` from equal `g_lr` and
        `d_lr`.
        """
        names = {*self.field_names(), *(field for default in self.defaults for field in default)}
        added: dict[str, Value] = {}
        for alias, fields in ALIASED_FIELDS.items():
            values = {settings.get(field) for field in fields}
            if len(values) == 1 and (value := values.pop()) is not None:
                added[alias] = value
        if (normalization := settings.get("discriminator_normalization")) in ("batch_norm", "none"):
            added["discriminator_batchnorm"] = normalization == "batch_norm"
        settings = added | settings
        return {field: value for field, value in settings.items() if field in names}

    def pin(self, name: str, value: Value) -> "Space":
        """Returns this space with field `name` fixed to `value`: no longer searched, and set in the defaults too.

        Pinning `learning_rate` replaces `g_lr` and `d_lr`; pinning one of these leaves the other unchanged.
        """
        pin = {name: value}
        pinned = Space(_without(self.fixed, name) | pin, _without(self.dimensions, name), (), self.source)
        defaults = [pinned.complete(_without(default, name) | pin) for default in self.defaults]
        return pinned._replace(defaults=tuple(d for i, d in enumerate(defaults) if d not in defaults[:i]))

    def replace(self, name: str, values: Mapping[str, Value]) -> "Space":
        """Returns this space with the fixed value of field `name` replaced by `values[value]`, where there is one."""
        old = self.fixed.get(name)
        return self.pin(name, values[str(old)]) if str(old) in values else self

    def with_fixed(self, settings: dict[str, Value]) -> "Space":
        """Returns this space with these `settings` fixed too, except for fields that it sets itself."""
        added = {field: value for field, value in settings.items() if field not in self.field_names()}
        defaults = tuple(added | default for default in self.defaults)
        return self._replace(fixed=added | self.fixed, defaults=defaults)

    def drop(self, name: str) -> "Space":
        """Returns this space without field `name`: neither fixed nor searched nor in the defaults."""
        defaults = tuple({field: value for field, value in old.items() if field != name} for old in self.defaults)
        return Space(_without(self.fixed, name), _without(self.dimensions, name), defaults, self.source)

    def field_names(self) -> list[str]:
        """Returns the fields that the space sets, fixed ones first, then the searched ones in alphabetical order."""
        return [*self.fixed, *sorted(self.dimensions)]

    def describe(self) -> dict:
        """Returns the space as JSON-serializable data, equal for equal spaces."""
        dimensions = {field: self.dimensions[field].describe() for field in sorted(self.dimensions)}
        defaults = [dict(sorted(default.items())) for default in self.defaults]
        return {
            "fixed": dict(sorted(self.fixed.items())),
            "dimensions": dimensions,
            "defaults": defaults,
            "source": self.source,
        }


def make_space(method: dict, ranges: dict[str, Dimension], default: dict, source: str) -> Space:
    """Returns the Space of one row of a study's table; Fixed ranges become fixed settings.

    method: the settings that define the method.
    default: settings of the searched fields that are tried first.

    Raises StudyError for a condition on a field that the space does not have, or that can never hold.
    """
    fixed = method | {field: dimension.value for field, dimension in ranges.items() if isinstance(dimension, Fixed)}
    searched = {field: dimension for field, dimension in ranges.items() if not isinstance(dimension, Fixed)}
    for field in searched:
        check_condition(field, fixed, searched)
    return Space(fixed, searched, (fixed | default,), source)


def check_condition(field: str, fixed: dict[str, Value], searched: dict[str, Dimension]) -> None:
    """Raises StudyError if `field` has a condition on a field that does not exist or never has the values."""
    dimension = searched[field]
    while isinstance(dimension, When):
        names = sorted(fixed.keys() | searched.keys())
        check_name("field", dimension.field, names, StudyError, before=f"dimension {field!r} depends on ")
        possible = Fixed(fixed[dimension.field]) if dimension.field in fixed else searched[dimension.field]
        if not isinstance(dimension, Unless) and not any(possible.contains(value) for value in dimension.values):
            values = ", ".join(map(repr, dimension.values))
            raise StudyError(f"dimension {field!r} is never there: {dimension.field} is never {values}")
        dimension = dimension.dimension


def _without(table: dict, name: str) -> dict:
    """Returns `table` without field `name`; `learning_rate` counts as both rates that it sets."""
    if name in _LEARNING_RATES and "learning_rate" in table:
        other = _LEARNING_RATES[1 - _LEARNING_RATES.index(name)]
        table = {(other if field == "learning_rate" else field): value for field, value in table.items()}
    removed = {name, *_LEARNING_RATES} if name == "learning_rate" else {name}
    return {field: value for field, value in table.items() if field not in removed}
