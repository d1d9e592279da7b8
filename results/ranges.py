"""The settings of a method's configs and the range of each, as other programs describe a search space."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ganscape.aliases import ALIASED_FIELDS


class Numbers(NamedTuple):
    """The range of a setting that takes numbers from low to high.

    logarithmic: whether they are drawn uniformly on that scale. integers: whether all are whole.
    """

    low: float
    high: float
    integers: bool
    logarithmic: bool


class Options(NamedTuple):
    """The values of a setting that takes one of several, which have no order."""

    values: tuple[Any, ...]


def range_of(dimension: dict[str, Any], values: Sequence[Any]) -> Numbers | Options:
    """Returns the range of a setting, widened to hold all its values: defaults may lie outside what is searched.

    dimension: as `Dimension.describe` gives it, {} for a setting that is not searched. values: those of the configs.
    """
    dimension = innermost(dimension)
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not numbers or dimension.get("kind") == "Choice":
        return Options(tuple(dict.fromkeys([*dimension.get("options", ()), *values])))
    ends = [*values, *(dimension[end] for end in ("low", "high") if end in dimension)]
    integers = all(isinstance(end, int) for end in ends)
    return Numbers(min(ends), max(ends), integers, dimension.get("kind") == "LogUniform" and min(ends) > 0)


def innermost(dimension: dict[str, Any]) -> dict[str, Any]:
    """Returns the description of a dimension without the conditions around it."""
    while "dimension" in dimension:
        dimension = dimension["dimension"]
    return dimension


def fields_of(settings: dict[str, Any]) -> dict[str, Any]:
    """Returns settings by fields: a value under a name that stands for several is that of each of them."""
    fields = dict(settings)
    for name in [name for name in settings if name in ALIASED_FIELDS]:
        value = fields.pop(name)
        fields |= {field: value for field in ALIASED_FIELDS[name] if field not in settings}
    return fields


def dimension_of(field: str, dimensions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Returns the dimension in which a field is searched, by its own name or one that stands for it; {} if there is
    none."""
    names = [field, *(name for name, fields in ALIASED_FIELDS.items() if field in fields)]
    return next((dimensions[name] for name in names if name in dimensions), {})


def as_searched(settings: Sequence[dict[str, Any]], dimensions: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the settings of all configs by the names under which a study searches: one learning rate in place of two
    that are equal in every config."""
    found = [dict(each) for each in settings]
    for name, fields in ALIASED_FIELDS.items():
        values = [[each.get(field) for field in fields] for each in found]
        if name in dimensions and all(len(set(each)) == 1 for each in values):
            for each, (value, *_) in zip(found, values, strict=True):
                for field in fields:
                    each.pop(field, None)
                each |= {} if value is None else {name: value}
    return found
