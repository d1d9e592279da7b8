"""By which time trials are charged."""

import pandas as pd
import pytest

from ganscape.results.costs import measured_time

NAN = float("nan")


@pytest.mark.parametrize(
    ("seconds", "cpu_seconds", "expected"),
    [
        ([1.0, 2.0], [0.9, 1.8], ("CPU", "cpu_seconds")),
        ([1.0, 2.0], [0.9, NAN], ("wall", "seconds")),  # CPU seconds of some trials would compare unlike with like
        ([1.0, NAN], [0.9, NAN], ("CPU", "cpu_seconds")),  # a running trial has neither
    ],
)
def test_cpu_time_is_charged_where_all_scored_trials_have_it(seconds, cpu_seconds, expected):
    assert measured_time(pd.DataFrame({"seconds": seconds, "cpu_seconds": cpu_seconds})) == expected
