"""A space cut to where configs were good: the smallest box around them.

Reference: Perrone et al. 2019 (arXiv:1909.12552), where the box is drawn around the best config of each of several
earlier searches; Lucic et al. 2018 chose their narrow ranges by hand, from a wide search on one data set.
"""

from collections.abc import Sequence
from dataclasses import replace

from ganscape.search_spaces.dimensions import (
    Choice,
    Dimension,
    Integer,
    LogUniform,
    Partly,
    StudyError,
    Uniform,
    Value,
    When,
)
from ganscape.search_spaces.space import Space, check_condition


def narrowed(space: Space, found: Sequence[dict[str, Value]], source: str) -> Space:
    """The space with every range cut to the lowest and the highest of its values in `found`, every choice to the
    options that are there, and `source` for its source.

    Values that a dimension does not have say nothing about it. Without any, a dimension stays as it is, and so does a
    range with one alone; one whose condition can no longer hold goes. What is asked first stays.
    """
    cut = {field: _cut(each, _values(field, each, found)) for field, each in space.dimensions.items()}
    while unmet := [field for field in cut if not _possible(field, space.fixed, cut)]:
        del cut[unmet[0]]
    return space._replace(dimensions=cut, source=source)


def _values(field: str, dimension: Dimension, found: Sequence[dict[str, Value]]) -> list[Value]:
    return [each[field] for each in found if field in each and dimension.contains(each[field])]


def _cut(dimension: Dimension, values: Sequence) -> Dimension:
    if isinstance(dimension, Partly):
        inner = _cut(dimension.dimension, values)
        of = tuple(value for value in dimension.of if inner.contains(value))
        return replace(dimension, dimension=inner, of=of) if of else inner
    if isinstance(dimension, When):
        return replace(dimension, dimension=_cut(dimension.dimension, values))
    if isinstance(dimension, Choice):
        held = tuple(option for option in dimension.options if any(Choice((option,)).contains(v) for v in values))
        return Choice(held or dimension.options)
    if isinstance(dimension, Uniform | LogUniform | Integer) and len(set(values)) > 1:
        return replace(dimension, low=min(values), high=max(values))
    return dimension


def _possible(field: str, fixed: dict[str, Value], dimensions: dict[str, Dimension]) -> bool:
    try:
        check_condition(field, fixed, dimensions)
    except StudyError:
        return False
    return True
