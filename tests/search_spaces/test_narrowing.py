"""Narrowing: the box around what was found, in every space there is."""

import numpy as np
import pytest

from ganscape.search_spaces import SPACES, Choice, Integer, LogUniform, Partly, Space, Uniform, When, narrow

EVERY = [pytest.param(space, id=f"{study}:{name}") for study, each in SPACES.items() for name, space in each.items()]
PENALTIES = ("r1", "r2")
MINE = Space(
    {"loss": "hinge"},
    {
        "rate": LogUniform(1e-5, 1e-1),
        "beta1": Uniform(0.0, 1.0),
        "iters": Integer(1, 9),
        "penalty": Choice(("none", *PENALTIES)),
        "weight": When(LogUniform(0.1, 10.0), "penalty", PENALTIES),
        "features": Partly(Choice(("none", "a", "b")), "iters", (1,), of=("b",)),
    },
    ({"loss": "hinge", "rate": 1.0},),
    "mine",
)


def drawn(space, count, seed):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


@pytest.mark.parametrize("space", EVERY)
def test_what_was_found_is_in_the_box_and_what_is_drawn_from_it_is_between_what_was_found(space):
    found = drawn(space, 5, 0)
    box = narrow(space, found, "earlier")
    for each in found:
        assert all(box.dimensions[field].contains(each[field]) for field in box.dimensions if field in each)
    for each in drawn(box, 20, 1):
        for field in box.dimensions.keys() & each.keys():
            values = [one[field] for one in found if field in one]
            if len(set(values)) > 1 and not isinstance(each[field], str | bool):
                assert min(values) <= each[field] <= max(values)
            assert space.dimensions[field].contains(each[field])
    assert (box.defaults, box.fixed, box.source) == (space.defaults, space.fixed, "earlier")


def test_the_box_of_two_configs_is_what_they_span():
    found = [
        {"rate": 1e-3, "beta1": 0.5, "iters": 2, "penalty": "r1", "weight": 3.0, "features": "a"},
        {"rate": 1e-2, "beta1": 0.25, "iters": 4, "penalty": "r2", "weight": 1.0, "features": "a"},
    ]
    assert narrow(MINE, found, "").dimensions == {
        "rate": LogUniform(1e-3, 1e-2),
        "beta1": Uniform(0.25, 0.5),
        "iters": Integer(2, 4),
        "penalty": Choice(PENALTIES),
        "weight": When(LogUniform(1.0, 3.0), "penalty", PENALTIES),
        "features": Choice(("a",)),
    }


def test_what_can_no_longer_be_there_goes():
    found = [{"rate": 1e-3, "penalty": "none"}, {"rate": 1e-2, "penalty": "none"}]
    assert "weight" not in narrow(MINE, found, "").dimensions


def test_values_outside_and_single_values_leave_a_range_as_it_is():
    found = [{"rate": 1.0, "beta1": 0.5, "iters": True}, {"rate": 2.0, "features": "c"}]
    box = narrow(MINE, found, "").dimensions
    assert {field: box[field] for field in ("rate", "beta1", "iters")} == {
        field: MINE.dimensions[field] for field in ("rate", "beta1", "iters")
    }
    same = [{"beta1": 0.5}, {"beta1": 0.5}]
    assert narrow(MINE, same, "").dimensions["beta1"] == MINE.dimensions["beta1"]
    assert narrow(MINE, [], "").dimensions.keys() == MINE.dimensions.keys()


def test_values_that_need_a_condition_keep_it():
    found = [{"iters": 1, "features": "b"}, {"iters": 2, "features": "a"}]
    box = narrow(MINE, found, "").dimensions
    assert box["features"] == Partly(Choice(("a", "b")), "iters", (1,), of=("b",))
