"""Several output folders on one page."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from ganscape.results import frames
from ganscape.results.comparison import write_comparison
from ganscape.results.folder_contrasts import contrasts
from ganscape.results.store import StoreError
from ganscape.sweep.commands.cli import app


def search(scores, prefix, method="m"):
    """Results as contrasts see them: one seed of each config, whose ids begin with the prefix."""
    ids = [f"{prefix}{index}" for index in range(len(scores))]
    rows = pd.DataFrame({"trial": ids, "config": ids, "method": method, "seed": 0, "status": "done", "value": scores})
    return SimpleNamespace(
        methods=lambda: [method],
        searched=lambda: rows,
        exchangeable=lambda: True,
        begins_with_known=lambda: False,
    )


def test_the_same_configs_are_compared_in_pairs_by_students_t(build):
    a, b = [3.0, 4.0, 5.0, 9.0, 2.0, 6.0], [2.0, 3.9, 4.0, 5.0, 1.0, 5.0]
    one, other = (frames.load(build({"m": [[score] for score in row]}, name)) for name, row in (("a", a), ("b", b)))
    (row,) = contrasts(one, other)
    gaps = np.log(b) - np.log(a)
    low, high = stats.ttest_1samp(gaps, 0.0).confidence_interval(0.95)
    expected = math.exp(gaps.mean()), math.exp(low), math.exp(high)
    np.testing.assert_allclose((row.ratio, row.low, row.high), expected)
    assert row.verdict == "lower" and "6 configs" in row.how


def test_several_methods_share_the_error_of_one_comparison(build):
    a, b = [3.0, 4.0, 5.0, 9.0, 2.0, 6.0], [2.0, 3.9, 4.0, 5.0, 1.0, 5.0]
    one, other = (
        frames.load(build({name: [[score] for score in row] for name in ("m", "n")}, folder))
        for folder, row in (("a", a), ("b", b))
    )
    low, _ = stats.ttest_1samp(np.log(b) - np.log(a), 0.0).confidence_interval(0.975)
    assert [row.low for row in contrasts(one, other)] == [pytest.approx(math.exp(low))] * 2


def test_failing_more_is_never_better(build):
    """A failed trial counts as the worst score of both folders: 9, in the second folder too."""
    one = frames.load(build({"m": [[3.0], [4.0], [5.0], [9.0], [2.0], [6.0]]}, "a"))
    other = frames.load(build({"m": [[3.0], [4.0], [None], [9.0], [2.0], [6.0]]}, "b"))
    (row,) = contrasts(one, other)
    assert row.ratio == pytest.approx((9 / 5) ** (1 / 6)) and row.verdict == "not told apart"


def test_completed_and_whole_images_are_not_compared(build, tmp_path):
    holes = {"fixed": {"family": "completion", "mask": "box", "mask_share": 0.25}}
    larger = {"fixed": holes["fixed"] | {"mask_share": 0.5}}
    folders = [
        build({"m": [[1.0]]}, name, methods={"m": space})
        for name, space in (("whole", {}), ("holes", holes), ("larger", larger), ("same", holes))
    ]
    for one, other, kind in ((0, 1, "of whole images"), (1, 2, "of completed box holes of 0.25")):
        with pytest.raises(StoreError, match=f"cannot be compared: those of the first are {kind}"):
            write_comparison([folders[one], folders[other]], tmp_path / "page.html")
    assert write_comparison([folders[1], folders[3]], tmp_path / "page.html").exists()


def test_sweeps_without_a_common_method_are_told_so(build, tmp_path):
    one, other = build({"m": [[1.0]]}, "a"), build({"n": [[1.0]]}, "b")
    page = write_comparison([one, other], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Nothing is tested between a and b: they have no method in common." in page


def test_searches_that_share_some_configs_are_not_tested(build):
    one = frames.load(build({"m": [[3.0], [4.0], [5.0]]}, "a"))
    other = frames.load(build({"m": [[3.0], [4.0]]}, "b"))
    (row,) = contrasts(one, other)
    assert "2 of its configs are in both folders" in row.how and not row.verdict and math.isnan(row.ratio)


def test_independent_searches_of_one_method_are_told_apart_in_one_of_twenty_at_most():
    rng, told = np.random.default_rng(3), 0
    for _ in range(150):
        one, other = (search(np.exp(rng.normal(3.0, 0.7, 24)), prefix) for prefix in "ab")
        (row,) = contrasts(one, other)
        assert row.how == "expected best of 6 configs"
        told += row.verdict != "not told apart"
    assert told <= stats.binom.ppf(0.999, 150, 0.07), "0.05, and 0.02 that docs/statistics.md allows such intervals"


def test_a_search_of_lower_scores_is_told_apart():
    rng = np.random.default_rng(0)
    one, other = (search(np.exp(rng.normal(mean, 0.3, 40)), prefix) for mean, prefix in ((3.0, "a"), (1.0, "b")))
    assert [row.verdict for row in contrasts(one, other)] == ["lower"]
    assert [row.verdict for row in contrasts(other, one)] == ["higher"]


def test_the_page_names_what_differs_and_escapes_it(build, tmp_path):
    table = {"m": [[3.0], [4.0], [5.0], [9.0], [2.0], [6.0]]}
    one = build(table, "a", settings={"batch": "<b>"})
    other = build({"m": [[score / 2] for (score,) in table["m"]], "n": [[1.0]]}, "b", settings={"batch": "<i>"})
    page = write_comparison([one, other], tmp_path / "page.html").read_text(encoding="utf-8")
    assert "In b, compared with a, m scores lower." in page
    assert "settings batch is &#34;&lt;i&gt;&#34;" in page and "<i>" not in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"metric": "other"}, "metric is"), ({"data_fingerprint": "cd" * 32}, "data_fingerprint is")],
)
def test_folders_that_are_scored_otherwise_are_refused_with_the_difference(build, tmp_path, changes, words):
    one, other = build({"m": [[1.0]]}, "a"), build({"m": [[1.0]]}, "b", **changes)
    with pytest.raises(StoreError, match=f"cannot be compared: {words}"):
        write_comparison([one, other], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_the_command_compares_several_folders_and_reports_one(build, tmp_path, monkeypatch):
    one, other = (str(build({"m": [[1.0], [2.0]]}, name)) for name in "ab")
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["report", one, other]).output.strip() == "comparison.html"
    assert CliRunner().invoke(app, ["report", one]).output.strip().endswith("report.html")
    told = CliRunner().invoke(app, ["report", one, one])
    assert told.exit_code == 2 and "named twice" in told.output
    told = CliRunner().invoke(app, ["report", one, "--to", "x.html"])
    assert told.exit_code == 2 and "several folders" in told.output
