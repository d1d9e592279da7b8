import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from ganscape.search_spaces import Choice, Fixed, Integer, LogUniform, StudyError, Uniform, When

EVERY_KIND = [
    Uniform(-2.0, 3.5),
    LogUniform(1e-5, 1e-2),
    Integer(-3, 4),
    Choice((1, 5)),
    Choice((True, False)),
    Choice(("batch_norm", "none")),
    Fixed(0.5),
    When(LogUniform(0.1, 100.0), "penalty", ("wgangp",)),
]
each_kind = pytest.mark.parametrize("dimension", EVERY_KIND, ids=str)


@st.composite
def ranges(draw, low=-1e6, high=1e6):
    ends = draw(st.lists(st.floats(low, high), min_size=2, max_size=2, unique=True))
    return min(ends), max(ends)


@each_kind
def test_draws_are_members_plain_and_json_able(dimension):
    rng = np.random.default_rng(0)
    draws = [dimension.sample(rng) for _ in range(200)]
    assert all(dimension.contains(value) for value in draws)
    assert {type(value) for value in draws} <= {float, int, bool, str}
    assert json.loads(json.dumps(draws)) == draws


@each_kind
def test_a_draw_consumes_exactly_one_uniform_number(dimension):
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    dimension.sample(rng)
    other.random()
    assert rng.random() == other.random()


@each_kind
def test_grid_is_distinct_members(dimension):
    for n in (1, 2, 5):
        grid = dimension.grid(n)
        assert all(dimension.contains(value) for value in grid)
        assert len(set(grid)) == len(grid) >= 1


@each_kind
def test_description_survives_json_and_tells_dimensions_apart(dimension):
    assert json.loads(json.dumps(dimension.describe())) == dimension.describe()
    same = [other for other in EVERY_KIND if other.describe() == dimension.describe()]
    assert same == [dimension]


@each_kind
def test_places_outside_the_unit_interval_are_refused(dimension):
    for u in (-0.01, 1.01, math.nan):
        with pytest.raises(StudyError, match="is not in"):
            dimension.from_unit(u)


@each_kind
def test_an_empty_grid_is_refused(dimension):
    with pytest.raises(StudyError, match="at least one value, not 0"):
        dimension.grid(0)


@given(ends=ranges(), u=st.floats(0, 1))
def test_uniform_goes_to_unit_and_back(ends, u):
    dimension = Uniform(*ends)
    value = dimension.from_unit(u)
    assert dimension.contains(value)
    width = ends[1] - ends[0]
    assert abs(dimension.from_unit(dimension.to_unit(value)) - value) <= 1e-9 * max(width, abs(ends[0]), abs(ends[1]))


@given(ends=ranges(1e-12, 1e12), u=st.floats(0, 1))
def test_log_uniform_goes_to_unit_and_back(ends, u):
    assume(math.log(ends[0]) < math.log(ends[1]))
    dimension = LogUniform(*ends)
    value = dimension.from_unit(u)
    assert dimension.contains(value)
    assert dimension.from_unit(dimension.to_unit(value)) == pytest.approx(value, rel=1e-9)


@given(low=st.integers(-1000, 1000), width=st.integers(1, 1000), offset=st.integers(0, 1000))
def test_integer_goes_to_unit_and_back(low, width, offset):
    dimension = Integer(low, low + width)
    value = low + offset % (width + 1)
    assert dimension.from_unit(dimension.to_unit(value)) == value


@given(options=st.lists(st.one_of(st.booleans(), st.text(max_size=3)), min_size=1, unique=True))
def test_choice_goes_to_unit_and_back(options):
    dimension = Choice(tuple(options))
    assert [dimension.from_unit(dimension.to_unit(option)) for option in options] == options


@given(u=st.floats(0, 1))
def test_a_ramp_of_places_gives_non_decreasing_values(u):
    for dimension in (Uniform(-2.0, 3.5), LogUniform(1e-5, 1e-2), Integer(-3, 4)):
        assert dimension.from_unit(0) <= dimension.from_unit(u) <= dimension.from_unit(1)


def test_ends_of_ranges_are_reached_exactly():
    for dimension in (Uniform(0.1, 0.7), LogUniform(1e-5, 1e-2), Integer(-3, 4)):
        assert (dimension.from_unit(0), dimension.from_unit(1)) == (dimension.low, dimension.high)
        assert dimension.grid(3)[0] == dimension.low
        assert dimension.grid(3)[-1] == dimension.high


def test_grids_have_equal_steps_or_equal_ratios():
    assert Uniform(0, 1).grid(5) == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert LogUniform(1e-4, 1e-1).grid(4) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert Integer(1, 9).grid(3) == [1, 5, 9]
    assert Integer(1, 3).grid(10) == [1, 2, 3]
    assert Choice((5, 1)).grid(1) == [5, 1]
    assert Fixed("adam").grid(4) == ["adam"]
    assert LogUniform(1e-4, 1e-2).grid(1) == pytest.approx([1e-3])


def test_uniform_draws_follow_the_uniform_distribution():
    rng = np.random.default_rng(2)
    draws = [Uniform(-1.0, 3.0).sample(rng) for _ in range(2000)]
    assert stats.kstest(draws, stats.uniform(loc=-1, scale=4).cdf).pvalue > 0.01


def test_log_uniform_draws_follow_the_log_uniform_distribution():
    rng = np.random.default_rng(3)
    draws = [LogUniform(1e-5, 1e-2).sample(rng) for _ in range(2000)]
    assert stats.kstest(draws, stats.loguniform(1e-5, 1e-2).cdf).pvalue > 0.01
    assert stats.kstest(draws, stats.uniform(1e-5, 1e-2).cdf).pvalue < 1e-6


@pytest.mark.parametrize("dimension", [Integer(0, 3), Choice(("a", "b", "c", "d"))], ids=str)
def test_integers_and_options_are_equally_likely(dimension):
    rng = np.random.default_rng(4)
    draws = [dimension.sample(rng) for _ in range(4000)]
    counts = [draws.count(value) for value in dimension.grid(4)]
    assert len(counts) == 4
    assert stats.chisquare(counts).pvalue > 0.01


def test_membership_tells_types_apart():
    assert not Choice((1, 5)).contains(True)
    assert not Fixed(1).contains(True)
    assert not Integer(0, 1).contains(True)
    assert not Integer(0, 5).contains(2.5)
    assert not Uniform(0, 1).contains("0.5")
    assert not Uniform(0, 1).contains(math.nan)
    assert not Choice(("a", "b")).contains("c")
    assert Uniform(0, 1).contains(1)


def test_a_condition_holds_for_its_values_only():
    when = When(Uniform(0, 1), "penalty", ("wgangp", "dragan"))
    assert when.is_present({"penalty": "dragan"})
    assert not when.is_present({"penalty": "none"})
    assert not when.is_present({})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1.0, 1.0), "low 1.0 must be below high 1.0"),
        (lambda: Uniform(0.0, math.inf), "must be finite numbers"),
        (lambda: Uniform("0", 1.0), "must be finite numbers"),
        (lambda: Uniform(False, True), "must be finite numbers"),
        (lambda: LogUniform(0.0, 1.0), "low 0.0 of a logarithmic range must be positive"),
        (lambda: LogUniform(1e-2, 1e-5), "low 0.01 must be below high 1e-05"),
        (lambda: Integer(0.5, 3), "must be integers"),
        (lambda: Integer(5, 1), "low 5 must be below high 1"),
        (lambda: Choice(()), "no options"),
        (lambda: Choice((1, 5, 1)), "given twice"),
        (lambda: Choice((1, None)), "None is not a finite number"),
        (lambda: Fixed(math.nan), "nan is not a finite number"),
        (lambda: When(Fixed(1), "penalty", ()), "no values of 'penalty'"),
        (lambda: Uniform(0, 1).to_unit(1.5), r"1.5 is not in Uniform\(low=0, high=1\)"),
        (lambda: LogUniform(1, 2).to_unit(0), "0 is not in LogUniform"),
        (lambda: Choice((1, 5)).to_unit(2), r"2 is not in Choice\(options=\(1, 5\)\)"),
        (lambda: Fixed(1).to_unit(2), "2 is not in Fixed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(make, message):
    with pytest.raises(StudyError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_logarithmic_range_that_floats_cannot_tell_apart_is_refused():
    with pytest.raises(StudyError, match="logarithms"):
        LogUniform(999999999999.998, 1000000000000.0)
