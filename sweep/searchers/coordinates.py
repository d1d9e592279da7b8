"""A search space and what was found in it, as scikit-optimize wants them: points of a box, and values to lower."""

import math

import numpy as np

from ganscape.search_spaces import Choice, Dimension, Integer, Partly, Space, StudyError, When
from ganscape.sweep.searchers.contract import Observation, Settings

# Nothing is asked closer than this to the ends of a range: there optimizers of a surrogate like to stop, and a
# range such as that of beta1 may be open.
MARGIN = 2.0**-20
WORST = 0.95

Point = list[float]


class Coordinates:
    """Settings as points, one coordinate per searched dimension that has more than one value.

    A coordinate is the place in [0, 1] of a range, and the number of the cell of an Integer or a Choice. A
    dimension that the settings do not have is in the middle; a Partly one at a value that they cannot have, as any
    other would say something of the settings.

    box: the same as a skopt Space, whose transform makes choices one-hot and scales everything to [0, 1].
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
        """The place of the settings, None if they are not in the space."""
        known = self.space.select_fields(settings)
        if any(known.get(field) != value for field, value in self.space.fixed.items()):
            return None
        try:
            places = {f: each.to_unit(known[f]) for f, each in self.space.dimensions.items() if f in known}
        except StudyError:
            return None
        return [self._coordinate(field, places.get(field, self._nowhere(field))) for field in self.fields]

    def settings(self, point: Point) -> Settings:
        """The settings at a place."""
        places = {field: self._place(field, each) for field, each in zip(self.fields, point, strict=True)}
        values = {field: each.from_unit(places.get(field, 0.5)) for field, each in self.space.dimensions.items()}
        return self.space.complete(values)

    def _nowhere(self, field: str) -> float:
        dimension = self.space.dimensions[field]
        return dimension.to_unit(dimension.of[0]) if isinstance(dimension, Partly) else 0.5

    def _coordinate(self, field: str, place: float) -> float:
        count = self.cells[field]
        if count is None:
            return min(max(float(place), MARGIN), 1 - MARGIN)
        return min(int(place * count), count - 1)

    def _place(self, field: str, coordinate: float) -> float:
        count = self.cells[field]
        return float(coordinate) if count is None else (int(coordinate) + 0.5) / count

    def places(self, point: Point) -> np.ndarray:
        """The point in the unit cube."""
        return np.array([self._place(field, each) for field, each in zip(self.fields, point, strict=True)])

    def columns(self, point: Point) -> list[int]:
        """Where the transform of the box puts the ranges, of real numbers and of integers, that the settings at this
        place have."""
        settings, dimensions = self.settings(point), self.space.dimensions
        starts = np.cumsum([0, *(side.transformed_size for side in self.box.dimensions)])
        ranges = [field for field in self.fields if not isinstance(inner(dimensions[field]), Choice)]
        return [int(start) for f, start in zip(self.fields, starts, strict=False) if f in ranges and f in settings]

    def snapped(self, places: np.ndarray) -> list[Point]:
        """The points at these places in the unit cube [count, fields], dimensions that are absent in the middle."""
        points = [[self._coordinate(*each) for each in zip(self.fields, row, strict=True)] for row in places]
        if not any(isinstance(each, When) for each in self.space.dimensions.values()):
            return points
        return [self.point(self.settings(point)) or point for point in points]


def inner(dimension: Dimension) -> Dimension:
    """The dimension itself, without its condition."""
    return inner(dimension.dimension) if isinstance(dimension, When) else dimension


def cells(dimension: Dimension) -> int | None:
    """How many values the dimension has, None for a range of real numbers."""
    dimension = inner(dimension)
    if isinstance(dimension, Choice):
        return len(dimension.options)
    if isinstance(dimension, Integer):
        return dimension.high - dimension.low + 1
    return 1 if len(dimension.grid(2)) == 1 else None


def rows(coordinates: Coordinates, observations: list[Observation]) -> tuple[list[Point], np.ndarray]:
    """A point and a value for every trial; settings outside the space are left out.

    A config with several seeds has several rows, so a model with noise sees how large the noise is.
    """
    points: list[Point] = []
    scores: list[float] = []
    for observation in observations:
        point = coordinates.point(observation.settings)
        if point is not None:
            points += [point] * len(observation.scores)
            scores += observation.scores
    return points, values(scores)


def values(scores: list[float]) -> np.ndarray:
    """Scores as a model wants them, lower is better: with mean 0 and variance 1, all 0 without any difference.

    Logarithms where all scores are positive: Frechet distances differ by factors. Those above the 95th percentile
    count as that, and so does a failed trial: it is as bad as the worst that is known, in any round, but no cliff
    that hides all other differences.
    """
    found = np.array(scores, dtype=float)
    finite = np.isfinite(found)
    if not finite.any():
        return np.zeros(len(found))
    if found[finite].min() > 0:
        found[finite] = np.log(found[finite])
    worst = np.quantile(found[finite], WORST)
    found = np.where(finite, np.minimum(found, worst), worst)
    spread = found.std()
    if not spread > 1e-12 * max(1.0, math.fabs(worst)):
        return np.zeros(len(found))
    return (found - found.mean()) / spread
