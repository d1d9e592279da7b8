import pandas as pd
import pytest

from ganscape.results.agreement import metric_agreement
from ganscape.results.calibration import (
    COLUMNS,
    at_infinity,
    calibration_summary,
    joined,
    read_table,
    sights,
    write_table,
)
from ganscape.results.plots import calibration as figures
from ganscape.results.store import StoreError, open_store

from .conftest import DESCRIPTION, definition


def rows(values, experiment="bias", metric="fd_digits", protocol="p"):
    """values: level -> scores of its repeats."""
    return [
        dict(zip(COLUMNS, (experiment, "digits", metric, "samples", level, level if isinstance(level, int) else 9, 9,
                           "train", repeat, value, 2.0, f"{protocol}{level}"), strict=True))
        for level, scores in values.items()
        for repeat, value in enumerate(scores)
    ]  # fmt: skip


def table(*args, **kwargs):
    return pd.DataFrame(rows(*args, **kwargs), columns=COLUMNS)


def test_a_summary_has_means_and_deviations_in_order():
    found = calibration_summary(table({100: [3.0, 5.0], 50: [8.0]}))
    assert list(found["level"]) == [100, 50] and list(found["mean"]) == [4, 8] and list(found["repeats"]) == [2, 1]
    assert found["sd"].iloc[0] == pytest.approx(2**0.5) and pd.isna(found["sd"].iloc[1])


def test_scores_of_two_protocols_do_not_become_one_mean():
    mixed = pd.concat([table({10: [1.0]}), table({10: [2.0]}, protocol="q")])
    with pytest.raises(StoreError, match="fd_digits of digits at 10 has scores of protocols"):
        calibration_summary(mixed)


def test_the_line_over_one_over_samples_is_found_exactly():
    found = calibration_summary(table({size: [3 + 700 / size] for size in (10, 20, 50, 400)}))
    assert at_infinity(found) == pytest.approx((3, 700))
    assert all(value != value for value in at_infinity(found[:1]))


def test_a_table_is_written_whole_and_read_as_it_was(tmp_path):
    path = write_table(rows({10: [1.5, 0.1]}), tmp_path / "new", "bias")
    assert list(read_table(tmp_path / "new", "bias")["value"]) == [1.5, 0.1]
    write_table(rows({10: [2.5]}), tmp_path / "new", "bias")
    write_table(rows({10: [7.5]}, metric="kid_digits"), tmp_path / "new", "bias")
    assert sorted(read_table(tmp_path / "new", "bias")["value"]) == [2.5, 7.5]
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"holds no worth-bias.csv; run .ganscape calibrate bias"):
        read_table(tmp_path, "bias")
    (tmp_path / "worth-bias.csv").write_text("a,b\n1,2\n")
    with pytest.raises(StoreError, match="not a table of `ganscape calibrate`; its columns are a, b"):
        read_table(tmp_path, "bias")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        write_table([], tmp_path / "file", "bias")


def test_every_experiment_has_a_figure():
    words = table({"as it is": [1.0, 2.0], "rounded": [3.0]}, experiment="rules")
    for name, made in (("bias", table({10: [1.0, 2.0], 20: [0.5]})), ("modes", table({1: [9.0], 2: [1.0]}))):
        ax = figures.FIGURES[name](made)
        assert len(ax.containers) == 1 and "fd_digits of digits" in ax.get_legend().get_texts()[0].get_text()
    ax = figures.FIGURES["rules"](words)
    assert [bar.get_width() for bar in ax.patches] == [1.5, 3.0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["digits, fd_digits: as it is", "digits, fd_digits: rounded"]
    assert figures.FIGURES.keys() == {"bias", "modes", "floor", "rules"}


@pytest.fixture
def sweep(tmp_path):
    """sweep(metric, [score per config], ...) -> an output folder of one method."""

    def made(metric, scores, **changes):
        folder = tmp_path / f"{metric}{len(list(tmp_path.iterdir()))}"
        with open_store(folder) as store:
            store.begin(definition(["gan"], len(scores), 1, metric=metric, protocol=metric, **changes))
            store.add_protocol(metric, DESCRIPTION | {"metric": metric})
            for number, value in enumerate(scores):
                store.add_trials(0, [{"trial": f"t{number}", "config": f"c{number}", "method": "gan", "seed": 0,
                                      "settings": {}, "structure": "s"}])  # fmt: skip
                store.add_scores([{"trial": f"t{number}", "rung": 200, "images": 200, "metric": metric, "value": value,
                                   "protocol": metric, "attempt": 0, "seconds": 1.0}])  # fmt: skip
        return folder

    return made


def test_two_sweeps_of_one_study_agree_as_their_ranks_do(sweep):
    same, turned = sweep("fd_a", [1.0, 2.0, 3.0, 4.0, 5.0]), sweep("fd_b", [10.0, 20.0, 30.0, 50.0, 40.0])
    found = metric_agreement(joined([same, turned]))
    assert list(found["within"]) == ["all", "best quarter"] and found["configs"].iloc[0] == 5
    assert found["spearman"].iloc[0] == pytest.approx(0.9)
    assert len(joined([same, turned]).scores()) == 10


def test_other_studies_are_not_joined(sweep):
    one = sweep("fd_a", [1.0, 2.0])
    with pytest.raises(StoreError, match="an agreement needs two sweeps at least"):
        joined([one])
    with pytest.raises(StoreError, match="hold two studies: they differ in seed"):
        joined([one, sweep("fd_b", [1.0, 2.0], seed=1)])


@pytest.mark.parametrize(
    ("better", "scores", "verdict"),
    [
        ("lower", [5.0, 6.0], "seen"),
        ("lower", [3.9, 6.0], "not seen"),
        ("lower", [1.0, 2.9], "taken for better"),
        ("higher", [5.0, 6.0], "taken for better"),
        ("higher", [2.0, 1.0], "seen"),
        ("higher", [3.5, 3.6], "not seen"),
    ],
)
def test_a_fault_is_seen_where_each_of_its_scores_is_worse_than_each_of_real_images(better, scores, verdict):
    found = sights(table({"real": [3.0, 4.0], "fault": scores}), {"fd_digits": better}, "real")
    (row,) = found.itertuples(index=False)
    assert tuple(row) == ("digits", "fd_digits", "fault", 3.5, sum(scores) / 2, verdict)
