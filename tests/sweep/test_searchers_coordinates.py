import math

import numpy as np
import pytest

from ganscape.search_spaces import SPACES, Choice, Fixed, Integer, LogUniform, Space, Uniform, When
from ganscape.sweep.searchers import Observation
from ganscape.sweep.searchers.coordinates import Coordinates, standardize, training_data

SPACE = Space(
    {"family": "gan"},
    {
        "constant": Choice((7,)),
        "count": Integer(1, 4),
        "fixed": Fixed("as it is"),
        "flag": Choice((True, False)),
        "kind": Choice(("none", "soft", "hard")),
        "rate": LogUniform(1e-4, 1.0),
        "share": When(Uniform(0.0, 1.0), "kind", ("soft", "hard")),
        "weight": When(LogUniform(1e-2, 1e2), "kind", ("hard",)),
    },
    (),
    "",
)
SEARCHED = [space for study in SPACES.values() for space in study.values() if space.dimensions]
# One of each set of dimensions, which many methods share.
EVERY = [SPACE, *{repr(space.dimensions): space for space in SEARCHED}.values()]


@pytest.mark.parametrize("number", range(len(EVERY)))
def test_settings_come_back_from_their_point(number):
    space = EVERY[number]
    coordinates, rng = Coordinates(space), np.random.default_rng(number)
    drawn = [space.sample(rng) for _ in range(30)]
    points = list(map(coordinates.point, drawn))
    inputs = coordinates.box.transform(points)
    assert inputs.min() >= 0 and inputs.max() <= 1
    for settings, point, back in zip(drawn, points, coordinates.box.inverse_transform(inputs), strict=True):
        assert coordinates.settings(point) == pytest.approx(settings)
        assert coordinates.settings(back) == pytest.approx(settings)


def test_the_ends_of_a_range_are_just_inside():
    coordinates = Coordinates(Space({}, {"beta1": Uniform(0.0, 1.0)}, (), ""))
    for end, inside in ((0.0, 2**-20), (1.0, 1 - 2**-20)):
        assert coordinates.settings(coordinates.point({"beta1": end})) == {"beta1": inside}


def test_a_dimension_that_is_absent_is_in_the_middle():
    coordinates = Coordinates(SPACE)
    settings = {"family": "gan", "constant": 7, "count": 2, "fixed": "as it is", "flag": True, "rate": 1e-2}
    point = coordinates.point(settings | {"kind": "none"})
    assert dict(zip(coordinates.fields, point, strict=True)) == pytest.approx(
        {"count": 1, "flag": 0, "kind": 0, "rate": 0.5, "share": 0.5, "weight": 0.5}
    )
    hard = coordinates.point(settings | {"kind": "hard", "share": 0.25, "weight": 0.1})
    assert dict(zip(coordinates.fields, hard, strict=True)) == pytest.approx(
        {"count": 1, "flag": 0, "kind": 2, "rate": 0.5, "share": 0.25, "weight": 0.25}
    )


def test_only_ranges_that_the_settings_have_are_climbed():
    coordinates = Coordinates(SPACE)
    point = dict.fromkeys(coordinates.fields, 0.5) | {"count": 0, "flag": 0, "kind": 1}
    inputs = coordinates.box.transform([list(point.values())])[0]
    columns = coordinates.columns(list(point.values()))
    moved = inputs.copy()
    moved[columns] = [1.0, 0.9, 0.8]
    back = dict(zip(coordinates.fields, coordinates.box.inverse_transform(moved[None])[0], strict=True))
    changed = {field: value for field, value in back.items() if value != point[field]}
    last = coordinates.cells["count"] - 1
    assert changed == pytest.approx({"count": last, "rate": 0.9, "share": 0.8}, abs=1e-5)


@pytest.mark.parametrize(
    "change", [{"family": "vae"}, {"rate": 2.0}, {"kind": "other"}, {"count": 2.5}, {"share": float("nan")}], ids=str
)
def test_what_is_outside_the_space_has_no_point_and_no_row(change):
    settings = SPACE.complete(
        {"constant": 7, "count": 2, "fixed": "as it is", "flag": True, "rate": 0.1, "kind": "soft", "share": 0.1}
    )
    coordinates = Coordinates(SPACE)
    assert coordinates.point(settings) is not None
    assert coordinates.point(settings | change) is None
    points, found = training_data(
        coordinates, [Observation(settings | change, (1.0,)), Observation(settings, (2.0, 3.0))]
    )
    assert points == [coordinates.point(settings)] * 2 and len(found) == 2


def test_values_are_standardised_logarithms():
    scores = np.exp(np.random.default_rng(0).normal(3.0, 0.5, 50))
    found = standardize([*scores])
    logs = np.log(np.minimum(scores, np.exp(np.quantile(np.log(scores), 0.95))))
    np.testing.assert_allclose(found, (logs - logs.mean()) / logs.std())


def test_values_of_scores_of_both_signs_keep_their_distances():
    found = standardize([-2.0, 0.0, 2.0] + [4.0] * 20)
    np.testing.assert_allclose(np.diff(found[:4]), np.diff(found[:2])[0] * np.ones(3))


def test_a_failure_is_as_bad_as_the_worst():
    for failed in (math.inf, math.nan, -math.inf):
        found = standardize([3.0, failed, 1.0, 2.0])
        assert found[1] == found.max() == found[0] and found[2] == found.min()


@pytest.mark.parametrize("scores", [[], [1.0], [math.inf] * 3, [math.nan], [2.0] * 9, [0.1, 0.1 + 1e-17], [0.0, 0.0]])
def test_scores_without_a_difference_are_all_zero(scores):
    assert standardize(scores).tolist() == [0.0] * len(scores)
