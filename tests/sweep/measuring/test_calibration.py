from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ganscape.data import load
from ganscape.metrics import MetricError
from ganscape.results.calibration import COLUMNS, at_infinity, calibration_summary, read_table, sights
from ganscape.results.claims import calibrations
from ganscape.sweep.commands.cli import app
from ganscape.sweep.measuring import calibration
from ganscape.sweep.measuring.calibration import ONE_PER_CLASS, REAL, bias, floor, modes, rules, sanity


def means(rows):
    return calibration_summary(pd.DataFrame(list(rows), columns=COLUMNS))


def test_the_bias_of_digits_halves_as_the_samples_double(digits):
    found = means(bias(digits, "fd_digits", sizes=(125, 250, 500), repeats=8))
    np.testing.assert_allclose(found["mean"], found["expected"], rtol=0.12)
    np.testing.assert_allclose(found["mean"][:-1].to_numpy() / found["mean"][1:].to_numpy(), 2, rtol=0.1)
    assert (found["sd"] / found["mean"] < 0.3).all()
    intercept, slope = at_infinity(found)
    assert abs(intercept) < 0.1 * found["mean"].iloc[-1] and slope > 0


def test_a_partition_is_new_in_each_repeat_and_has_the_sizes_of_the_split(digits):
    rows = list(bias(digits, "fd_digits", sizes=(400,), repeats=6, against="partition"))
    assert rows == list(bias(digits, "fd_digits", sizes=(400,), repeats=6, against="partition"))
    assert len({row["value"] for row in rows}) == 6
    assert {(row["samples"], row["reference_samples"], row["against"]) for row in rows} == {
        (400, len(digits.test), "partition")
    }
    assert rows[0]["protocol"] != next(bias(digits, "fd_digits", sizes=(400,), repeats=1, against="test"))["protocol"]


def test_a_formula_without_bias_is_around_zero_at_every_size(digits):
    found = means(bias(digits, "kid_digits", sizes=(125, 500), repeats=12))
    assert (found["mean"].abs() < 3 * found["sd"] / np.sqrt(12)).all() and found["expected"].isna().all()
    assert found["sd"].iloc[1] < found["sd"].iloc[0]


def test_parts_of_train_against_test_have_test_as_their_reference(digits):
    rows = list(bias(digits, "fd_digits", sizes=(400,), repeats=2, against="test"))
    assert {row["reference_samples"] for row in rows} == {797} and {row["samples"] for row in rows} == {400}
    assert rows[0]["value"] != rows[1]["value"]
    assert rows == list(bias(digits, "fd_digits", sizes=(400,), repeats=2, against="test"))


def test_the_distance_of_digits_falls_with_every_class(digits):
    found = means(modes(digits, "fd_digits", repeats=5))
    assert list(found["level"]) == list(range(1, 11))
    assert found["mean"].corr(-found["level"], method="spearman") > 0.95
    assert found["mean"].iloc[0] > 5 * found["mean"].iloc[-1]
    assert found["samples"].nunique() == 1
    recall = means(modes(digits, "recall_digits", repeats=2))
    assert recall["mean"].iloc[0] < 0.5 < recall["mean"].iloc[-1]


def test_the_floor_is_above_zero_and_far_below_a_dropped_class(digits):
    (low,) = means(floor(digits, "fd_digits", repeats=3))["mean"]
    assert 0 < low < means(modes(digits, "fd_digits", repeats=1))["mean"].iloc[0]


def test_conventions_move_a_distance(digits):
    table = means(rules(digits, "fd_random_conv", repeats=2))
    found = table.set_index("level")["mean"]
    assert len(set(table["protocol"])) == 6
    assert found["rounded to bytes"] == pytest.approx(found["as it is"], rel=0.02)
    assert found["rounded to bytes"] != found["as it is"]
    assert len(found) == 6 and found[["resized: half-pixel", "resized: TensorFlow 1"]].nunique() == 2
    assert len(means(rules(digits, "fd_digits", repeats=1))) == 3


@pytest.mark.parametrize(
    ("sizes", "metric", "message"),
    [
        ((1,), "fd_digits", "sizes 1 of digits: from 2 to 500"),
        ((501,), "fd_digits", "sizes 501 of digits: from 2 to 500"),
        ((100,), "fd_infinity_mnist", "takes images of 28x28x1, not 8x8x1"),
        ((3,), "recall_digits", "recall_digits needs at least 4 samples, not 3"),
        ((100,), "one_minus_f1_triangles", "only a sweep can score by it"),
        ((300, 255), "fd_infinity_digits", "needs at least 256 samples, not 255"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_encoded(digits, monkeypatch, sizes, metric, message):
    monkeypatch.setattr(calibration, "reference_features", lambda *given: pytest.fail("encoded before the check"))
    with pytest.raises(MetricError, match=message):
        list(bias(digits, metric, sizes=sizes, repeats=1))


def test_the_command_writes_a_table_and_its_figure_and_keeps_other_metrics(tmp_path):
    def asked(*words):
        return CliRunner().invoke(app, ["calibrate", *words, "--data", "digits", "--out", str(tmp_path / "out")])

    first = asked("bias", "--sizes", "100,200", "--repeats", "2", "--metric", "fd_digits")
    assert first.exit_code == 0, first.output
    assert (
        "worth-bias.csv" in first.output.replace("\n", "")
        and (tmp_path / "out" / "worth-bias.png").stat().st_size > 5000
    )
    assert asked("bias", "--sizes", "100", "--repeats", "1", "--metric", "kid_digits").exit_code == 0
    table = read_table(tmp_path / "out", "bias")
    assert list(table["metric"]) == ["fd_digits"] * 4 + ["kid_digits"]
    again = asked("bias", "--sizes", "100", "--repeats", "1", "--metric", "fd_digits")
    assert again.exit_code == 0 and len(read_table(tmp_path / "out", "bias")) == 2
    for words, message in (
        (("bias", "--sizes", "x"), "--sizes 'x' must be whole numbers"),
        (("bias", "--against", "both"), "unknown kind of reference 'both'"),
        (("modes", "--metric", "fd"), "unknown metric 'fd'"),
        (("floor", "--metric", "fd_digits,fd_mnist"), "takes images of 28x28x1, not 8x8x1"),
    ):
        told = asked(*words)
        assert told.exit_code == 2 and message in told.output and len(told.output.splitlines()) == 1


def test_mnist_comes_out_as_correct_code_shows(mnist_root):
    """Frechet distances of random convolutions over the trace of their covariance, at sizes for which the published
    ratio of the mean to the first order is 1.05 (0.0996 to 0.0942 at 250, 0.02466 to 0.02348 at 1,000)."""
    mnist = load("mnist", mnist_root)
    mnist = mnist._replace(train=mnist.train[:12000], train_labels=mnist.train_labels[:12000])
    found = means(bias(mnist, "fd_random_conv", sizes=(250, 1000), repeats=8))
    np.testing.assert_allclose(found["mean"] / found["expected"], [1.06, 1.05], atol=0.06)
    assert (found["sd"] / found["mean"]).between(0.01, 0.15).all()
    kept = means(modes(mnist, "fd_random_conv", repeats=3))["mean"]
    assert all(more < less for less, more in pairwise(kept)) and kept.iloc[0] > 20 * kept.iloc[-1]


def test_precision_does_not_see_a_collapse_and_recall_does(digits):
    """By their definitions: a few good images are all near real ones, and near few of the real ones."""
    names = ("precision_digits", "recall_digits")
    table = pd.DataFrame([row for name in names for row in sanity(digits, name, repeats=2)], columns=COLUMNS)
    found = sights(table, dict.fromkeys(names, "higher"), REAL).set_index(["metric", "level"])["verdict"]
    assert found["precision_digits", "a tenth, repeated"] != "seen"
    assert found["recall_digits", "a tenth, repeated"] == found["recall_digits", "half the classes"] == "seen"
    assert found["recall_digits", ONE_PER_CLASS] == "seen"
    assert {found[name, "the reference itself"] for name in names} == {"taken for better"}
    assert {found[name, "noise of equal moments"] for name in names} == {"seen"}


def test_claims_know_the_levels_of_the_table():
    assert (REAL, ONE_PER_CLASS) == (calibrations.REAL, calibrations.ONE_PER_CLASS)


def test_images_without_classes_drop_none(digits):
    plain = digits._replace(train_labels=None, test_labels=None, train=digits.train[:90], test=digits.test[:80])
    levels = [row["level"] for row in sanity(plain, "fd_pixels", repeats=1)]
    assert not {"half the classes", ONE_PER_CLASS} & set(levels) and {
        row["samples"] for row in sanity(plain, "fd_pixels")
    } == {80}
