"""Narrows a search space to the smallest box around good configs.

Reference: Perrone et al. 2019 (arXiv:1909.12552), where the box contains the best config of each of several earlier
searches; Lucic et al. 2018 chose their narrow ranges by hand, from a wide search on one data set.
"""

from collections.abc import Sequence
from dataclasses import replace

from ganscape.search_spaces.conditions import Partly, When
from ganscape.search_spaces.dimensions import Choice, Dimension, Integer, LogUniform, StudyError, Uniform, Value
from ganscape.search_spaces.space import Space, check_condition


def narrow(space: Space, good: Sequence[dict[str, Value]], source: str) -> Space:
    """Returns the space with every dimension cut to the values that it has in the `good` settings.

    Ranges are cut to the lowest and the highest value, choices to the options that occur. Values outside a dimension
    are ignored. A dimension with no remaining values, or a range with only one, is unchanged. Dimensions whose
    condition can no longer hold are removed. Defaults are kept.

    source: the source of the new space.
    """
    cut = {field: _cut(old, _values(field, old, good)) for field, old in space.dimensions.items()}
    while impossible := [field for field in cut if not _possible(field, space.fixed, cut)]:
        del cut[impossible[0]]
    return space._replace(dimensions=cut, source=source)


def _values(field: str, dimension: Dimension, good: Sequence[dict[str, Value]]) -> list[Value]:
    return [settings[field] for settings in good if field in settings and dimension.contains(settings[field])]


def _cut(dimension: Dimension, values: Sequence) -> Dimension:
    if isinstance(dimension, Partly):
        inner = _cut(dimension.dimension, values)
        of = tuple(value for value in dimension.of if inner.contains(value))
        return replace(dimension, dimension=inner, of=of) if of else inner
    if isinstance(dimension, When):
        return replace(dimension, dimension=_cut(dimension.dimension, values))
    if isinstance(dimension, Choice):
        occurring = tuple(option for option in dimension.options if any(Choice((option,)).contains(v) for v in values))
        return Choice(occurring or dimension.options)
    if isinstance(dimension, Uniform | LogUniform | Integer) and len(set(values)) > 1:
        return replace(dimension, low=min(values), high=max(values))
    return dimension


def _possible(field: str, fixed: dict[str, Value], dimensions: dict[str, Dimension]) -> bool:
    try:
        check_condition(field, fixed, dimensions)
    except StudyError:
        return False
    return True
