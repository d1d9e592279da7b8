"""Spaces from their descriptions: the inverse of `Space.describe`, for studies that are stored as JSON."""

from typing import Any

from ganscape.errors import check_name
from ganscape.search_spaces.conditions import Partly, Unless, When
from ganscape.search_spaces.dimensions import Choice, Dimension, Fixed, Integer, LogUniform, StudyError, Uniform
from ganscape.search_spaces.space import Space

KINDS: dict[str, Any] = {
    kind.__name__: kind for kind in (Uniform, LogUniform, Integer, Choice, Fixed, When, Unless, Partly)
}


def read_space(description: dict[str, Any]) -> Space:
    """Returns the space of a description; it is described by the same again.

    Raises:
      StudyError: for a kind of dimension that this version does not have.
    """
    dimensions = {field: read_dimension(dimension) for field, dimension in description["dimensions"].items()}
    return Space(
        dict(description["fixed"]), dimensions, tuple(map(dict, description["defaults"])), description["source"]
    )


def read_dimension(description: dict[str, Any]) -> Dimension:
    """Returns the dimension of a description, as `Dimension.describe` gives it."""
    check_name("kind of dimension", description["kind"], KINDS, StudyError)
    fields = {name: value for name, value in description.items() if name != "kind"}
    if "dimension" in fields:
        fields["dimension"] = read_dimension(fields["dimension"])
    return KINDS[description["kind"]](**fields)
