import numpy as np
import pytest
from scipy import stats

from ganscape.results import frames
from ganscape.results.baselines import describe_baselines, not_told_from, summarize_baselines
from ganscape.results.store import open_store


def row(kind, source, draw, value, protocol="p"):
    return {"kind": kind, "source": source, "draw": draw, "metric": "fd", "value": value, "protocol": protocol}


DEFINITION = {
    "study": "s", "data": "d", "seeds": 1, "configs": 1, "methods": {}, "rungs": [1], "metric": "fd", "protocol": "p",
}  # fmt: skip
ROWS = [
    *(row("real", "", draw, value) for draw, value in enumerate((4.0, 6.0))),
    row("noise", "", 0, 80.0),
    *(row("untrained", "mlp", draw, value) for draw, value in enumerate((600.0, 640.0))),
    row("untrained", "conv8", 0, 70.0),
    row("noise", "", 0, 1.0, "of another protocol"),
]


@pytest.fixture
def results(tmp_path):
    with open_store(tmp_path / "out") as store:
        store.begin(DEFINITION)
        for protocol in ("p", "of another protocol"):
            store.add_protocol(protocol, {})
        store.add_baselines(ROWS)
    return frames.load(tmp_path / "out")


def test_draws_of_one_kind_and_source_are_one_row_and_other_protocols_none(results):
    assert summarize_baselines(results.baseline_rows()) == [
        ("real", "", 2, 5.0, 4.0, 6.0),
        ("noise", "", 1, 80.0, 80.0, 80.0),
        ("untrained", "mlp", 2, 620.0, 600.0, 640.0),
        ("untrained", "conv8", 1, 70.0, 70.0, 70.0),
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(45.0, None), (50.0, "untrained"), (79.0, "untrained"), (1000.0, "untrained"), (np.inf, "untrained"), (3.0, None)],
)
def test_a_score_must_be_below_every_untrained_generator_and_every_noise(results, value, expected):
    assert not_told_from(results.baseline_rows(), value, 1) == expected


def test_the_lowest_of_many_trials_must_be_below_what_luck_alone_finds(results):
    """One deviation, 0.0456 of logarithms with one degree of freedom, whose 97.5 % quantile of Student's t is 12.71."""
    deviation, rows = np.log(640 / 600) / np.sqrt(2), results.baseline_rows()
    bound = 70 * np.exp(-12.7062 * deviation * np.sqrt(2))
    assert not_told_from(rows, 1.001 * bound, 2) == "untrained" and not_told_from(rows, 0.999 * bound, 2) is None
    assert not_told_from(rows, 0.999 * bound, 3) == "untrained"


def test_trials_that_learn_nothing_are_told_from_untrained_ones_in_one_study_of_twenty_at_most(tmp_path):
    rng, told = np.random.default_rng(0), 0
    for _ in range(200):
        draws = np.exp(rng.normal(6.0, 0.1, 3))
        rows = [row("untrained", "mlp", draw, value) for draw, value in enumerate(draws)]
        told += not_told_from(rows, np.exp(rng.normal(6.0, 0.1, 40)).min(), 40) is None
    assert told <= stats.binom.ppf(0.999, 200, 0.05)


def test_noise_is_named_where_untrained_generators_are_worse(tmp_path):
    with open_store(tmp_path / "out") as store:
        store.begin(DEFINITION)
        store.add_protocol("p", {})
        store.add_baselines(ROWS[:5])
    assert not_told_from(frames.load(tmp_path / "out").baseline_rows(), 80.0, 1) == "noise"


def test_draws_that_two_folders_share_are_one_row(results):
    tables = results.tables()
    twice = tables | {"baselines": {name: 2 * column for name, column in tables["baselines"].items()}}
    assert frames.Results(results.folder, twice).baseline_rows() == results.baseline_rows()


def test_lines_tell_the_mean_and_the_draws(results):
    assert describe_baselines(results.baseline_rows()) == [
        "real images 5 (4 to 6 in 2 draws)",
        "noise with the moments of real images 80",
        "untrained mlp 620 (600 to 640 in 2 draws)",
        "untrained conv8 70",
    ]


def test_a_store_of_an_earlier_version_has_none_and_nothing_is_said():
    results = frames.recorded("equal_wide_digits")
    assert results.baselines().empty and describe_baselines(results.baseline_rows()) == []
    assert not_told_from(results.baseline_rows(), 1e9, 1) is None
