"""Settings as points of a box and scores as values to minimise, the input that surrogate models take."""

import math

import numpy as np

from ganscape.search_spaces import Choice, Dimension, Integer, Partly, Space, StudyError, When
from ganscape.sweep.searchers.contract import Observation, Settings

# No proposal is closer than this to the ends of a range: optimizers of a surrogate tend to stop there, and a range such
# as that of beta1 may be open.
MARGIN = 2.0**-20
WORST = 0.95  # the quantile that replaces all higher scores

Point = list[float]


class Coordinates:
    """Converts settings of a space to points and back: one coordinate per dimension that has more than one value.

    The coordinate of a range is its unit value in [0, 1]; that of an Integer or a Choice is the index of its value. A
    dimension that the settings do not have (a condition that does not hold) gets the middle; a Partly one gets a value
    that these settings cannot have, because any other would claim something about them.

    fields: the names of the coordinates, in order. cells: field -> its number of values, None for a range.
    box: the points as a skopt Space, whose transform makes choices one-hot and scales everything to [0, 1].
    """

    def __init__(self, space: Space):
        from skopt import space as skopt

        self.space = space
        self.cells = {field: cells(space.dimensions[field]) for field in sorted(space.dimensions)}
        self.fields = [field for field, count in self.cells.items() if count != 1]
        self.box = skopt.Space([self._side(skopt, field) for field in self.fields])

    def _side(self, skopt, field: str):
        count = self.cells[field]
        if count is None:
            return skopt.Real(MARGIN, 1 - MARGIN, transform="normalize", name=field)
        if isinstance(inner(self.space.dimensions[field]), Choice):
            return skopt.Categorical(list(range(count)), transform="onehot", name=field)
        return skopt.Integer(0, count - 1, transform="normalize", name=field)

    def point(self, settings: Settings) -> Point | None:
        """Returns the point of the settings, None if they are not in the space."""
        own = self.space.select_fields(settings)
        if any(own.get(field) != value for field, value in self.space.fixed.items()):
            return None
        try:
            units = {f: dimension.to_unit(own[f]) for f, dimension in self.space.dimensions.items() if f in own}
        except StudyError:
            return None
        return [self._coordinate(field, units.get(field, self._absent_unit(field))) for field in self.fields]

    def settings(self, point: Point) -> Settings:
        """Returns the settings at a point."""
        units = {field: self._unit(field, coordinate) for field, coordinate in zip(self.fields, point, strict=True)}
        values = {f: dimension.from_unit(units.get(f, 0.5)) for f, dimension in self.space.dimensions.items()}
        return self.space.complete(values)

    def _absent_unit(self, field: str) -> float:
        """Returns the unit value of a dimension that settings do not have."""
        dimension = self.space.dimensions[field]
        return dimension.to_unit(dimension.of[0]) if isinstance(dimension, Partly) else 0.5

    def _coordinate(self, field: str, unit: float) -> float:
        count = self.cells[field]
        if count is None:
            return min(max(float(unit), MARGIN), 1 - MARGIN)
        return min(int(unit * count), count - 1)

    def _unit(self, field: str, coordinate: float) -> float:
        count = self.cells[field]
        return float(coordinate) if count is None else (int(coordinate) + 0.5) / count

    def to_units(self, point: Point) -> np.ndarray:
        """Returns the unit values [fields] of a point."""
        return np.array([self._unit(field, coordinate) for field, coordinate in zip(self.fields, point, strict=True)])

    def columns(self, point: Point) -> list[int]:
        """Returns the columns of the transformed point that hold ranges, of real numbers and of integers, which the
        settings at this point have: those along which an acquisition can be climbed."""
        settings, dimensions = self.settings(point), self.space.dimensions
        starts = np.cumsum([0, *(side.transformed_size for side in self.box.dimensions)])
        ranges = [field for field in self.fields if not isinstance(inner(dimensions[field]), Choice)]
        return [int(start) for f, start in zip(self.fields, starts, strict=False) if f in ranges and f in settings]

    def from_units(self, units: np.ndarray) -> list[Point]:
        """Returns the points with these unit values [count, fields]; dimensions that their settings do not have are
        moved to the middle."""
        points = [
            [self._coordinate(field, unit) for field, unit in zip(self.fields, row, strict=True)] for row in units
        ]
        if not any(isinstance(dimension, When) for dimension in self.space.dimensions.values()):
            return points
        return [self.point(self.settings(point)) or point for point in points]


def inner(dimension: Dimension) -> Dimension:
    """Returns the dimension without its condition."""
    return inner(dimension.dimension) if isinstance(dimension, When) else dimension


def cells(dimension: Dimension) -> int | None:
    """Returns how many values the dimension has, None for a range of real numbers."""
    dimension = inner(dimension)
    if isinstance(dimension, Choice):
        return len(dimension.options)
    if isinstance(dimension, Integer):
        return dimension.high - dimension.low + 1
    return 1 if len(dimension.grid(2)) == 1 else None


def training_data(coordinates: Coordinates, observations: list[Observation]) -> tuple[list[Point], np.ndarray]:
    """Returns a point and a standardised value for every trial; settings outside the space are left out.

    A config with several seeds has several rows, from which a model with noise learns how large the noise is.
    """
    points: list[Point] = []
    scores: list[float] = []
    for observation in observations:
        point = coordinates.point(observation.settings)
        if point is not None:
            points += [point] * len(observation.scores)
            scores += observation.scores
    return points, standardize(scores)


def fitting_data(space: Space, observations: list[Observation]) -> tuple[Coordinates, list[Point], np.ndarray] | None:
    """Returns what a surrogate model is fitted to: the coordinates of the space, and `training_data`.

    None while there is nothing to learn, because no scores differ or every dimension has a single value.
    """
    coordinates = Coordinates(space)
    points, values = training_data(coordinates, observations)
    return (coordinates, points, values) if coordinates.fields and np.any(values) else None


def standardize(scores: list[float]) -> np.ndarray:
    """Returns scores with mean 0 and variance 1, lower is better; all 0 where they do not differ.

    Takes logarithms where all scores are positive, because Frechet distances differ by factors. Scores above the 95th
    percentile are set to it, and so are failed trials: they count as bad, but do not hide all other differences.
    """
    values = np.array(scores, dtype=float)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(len(values))
    if values[finite].min() > 0:
        values[finite] = np.log(values[finite])
    worst = np.quantile(values[finite], WORST)
    values = np.where(finite, np.minimum(values, worst), worst)
    deviation = values.std()
    if not deviation > 1e-12 * max(1.0, math.fabs(worst)):
        return np.zeros(len(values))
    return (values - values.mean()) / deviation
