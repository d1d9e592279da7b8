import math

import pytest

from ganscape.results.counts import batch, expected_trials, rungs_done, seconds_left

PHASE = {"name": "search", "searcher": "random", "configs": 10, "seeds": 3, "rounds": 4, "settings": {}}


def test_the_last_round_has_what_is_left():
    assert batch(PHASE) == 3  # 3 + 3 + 3 + 1


@pytest.mark.parametrize(
    "rounds, trials, ended, expected",
    [
        ([], 0, False, 30),
        ([3, 3], 18, False, 30),
        ([3, 3, 3, 1], 30, False, 30),
        ([3, 2], 15, False, 15),  # a short round: the searcher has no more
        ([3, 3, 3], 27, True, 27),  # no more are asked
        ([], 0, True, 0),
        ([3, 3, 3, 1], 40, False, 40),  # more seeds than the definition says
    ],
)
def test_trials_of_a_phase_are_its_configs_times_seeds_unless_there_are_no_more(rounds, trials, ended, expected):
    assert expected_trials(PHASE, rounds, trials, ended) == expected


def test_a_trial_that_ended_needs_no_more_work():
    assert rungs_done({"a": 2, "b": 1, "c": 0}, {"b"}, 4) == 2 + 4 + 0


def test_the_time_left_is_that_of_the_rungs_left_at_the_pace_of_this_start():
    assert seconds_left(10, 15, 35, 60.0) == pytest.approx(4 * 60)
    assert seconds_left(10, 35, 35, 60.0) == 0
    assert math.isnan(seconds_left(10, 10, 35, 60.0))


def test_no_time_is_told_from_the_first_of_many_scores():
    """Eight trials were begun together: the time until the first score is that of nearly all eight."""
    assert math.isnan(seconds_left(0, 1, 440, 90.0)) and math.isnan(seconds_left(100, 115, 10**6, 90.0))
    assert seconds_left(0, 16, 440, 160.0) == pytest.approx(424 * 10)
    assert seconds_left(100, 103, 160, 90.0) == pytest.approx(57 * 30)
