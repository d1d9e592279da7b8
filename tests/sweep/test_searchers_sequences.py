import itertools

import numpy as np

from ganscape.search_spaces import Choice, Integer, LogUniform, Space, Uniform
from ganscape.sweep.searchers import SEARCHERS, Observation

SMALL = Space({}, {"a": Choice(("x", "y", "z")), "b": Integer(2, 5)}, (), "")
SQUARE = Space({}, {"a": Uniform(0.0, 1.0), "b": Uniform(0.0, 1.0)}, (), "")


def told(settings):
    return [Observation(each, (1.0,)) for each in settings]


def test_a_grid_of_a_small_space_is_all_of_it_once():
    asked = SEARCHERS["grid"](SMALL, (0, 0, 0)).ask(100)
    pairs = [(each["a"], each["b"]) for each in asked]
    assert sorted(pairs) == sorted(itertools.product("xyz", range(2, 6)))


def test_a_grid_goes_from_the_middle_to_the_ends_and_in_between():
    space = Space({}, {"rate": LogUniform(1e-4, 1.0)}, ({"rate": 0.5},), "")
    rates = [each["rate"] for each in SEARCHERS["grid"](space, (0, 0, 0)).ask(6)]
    np.testing.assert_allclose(rates, [0.5, 1e-2, 1e-4, 1.0, 10 ** (-8 / 3), 10 ** (-4 / 3)])


def test_sobol_points_fill_every_interval_once_over_rounds():
    """Any 2^m consecutive points from the start put one coordinate in each interval of length 2^-m: Sobol 1967."""
    first = SEARCHERS["sobol"](SQUARE, (3, 1, 0)).ask(20)
    later = SEARCHERS["sobol"](SQUARE, (3, 1, 1))
    later.tell(told(first))
    points = first + later.ask(44)
    for field in SQUARE.dimensions:
        for count in (16, 32, 64):
            assert sorted(int(each[field] * count) for each in points[:count]) == list(range(count))


def test_sobol_points_depend_on_the_seed_but_not_on_the_round():
    one, same, other = (SEARCHERS["sobol"](SQUARE, seed).ask(4) for seed in ((0, 1, 0), (0, 1, 5), (0, 2, 0)))
    assert one == same != other


def test_a_space_without_dimensions_has_its_defaults_alone():
    space = Space({"a": 1}, {}, ({"a": 1, "b": 2}, {"a": 1, "b": 3}), "")
    for name in SEARCHERS.keys() - {"random", "published", "optuna_tpe", "optuna_gp"}:
        assert SEARCHERS[name](space, (0, 0, 0)).ask(5) == list(space.defaults), name
