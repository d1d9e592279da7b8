import math

import numpy as np
import pytest
from scipy import stats

from ganscape.results import frames
from ganscape.results.equal_settings import describe_ratios, ratios_at_equal_settings
from ganscape.results.page import tables
from ganscape.results.report import render

LISTED = {"searcher": "defaults", "only_defaults": True, "independent": True}
PLAIN = np.array([200.0, 100.0, 400.0, 150.0, 90.0, 310.0])
NOISE = np.array([1.02, 0.97, 1.05, 0.99, 1.01, 0.96])
METHODS = {"plain": PLAIN, "good": 0.6 * PLAIN * NOISE, "bad": 2.0 * PLAIN * NOISE**2, "same": PLAIN * NOISE**3}


@pytest.fixture
def load_scores(build, monkeypatch):
    """load_scores({method: [score per setting]}, name, ...) -> results, a setting being a learning rate."""

    def load(scores, name="out", **changes):
        results = frames.load(build({method: [[x] for x in row] for method, row in scores.items()}, name, **changes))
        settings = results.settings
        monkeypatch.setattr(results, "settings", lambda config: {"g_lr": settings(config)["learning_rate"]})
        return results

    return load


def test_ratios_are_those_of_a_paired_t_test_of_logarithms(load_scores):
    rows = ratios_at_equal_settings(load_scores(METHODS, **LISTED)).set_index("method")
    assert list(rows.index) == ["good", "bad", "same"]
    for method, row in rows.iterrows():
        paired = stats.ttest_rel(np.log(METHODS[method]), np.log(PLAIN))
        low, high = paired.confidence_interval(0.95)
        assert row["settings"] == 6
        assert row["ratio"] == pytest.approx(stats.gmean(METHODS[method] / PLAIN))
        assert (row["low"], row["high"]) == pytest.approx((math.exp(low), math.exp(high)))
        assert row["p"] == pytest.approx(paired.pvalue)
    ordered = rows.sort_values("p")
    assert ordered["p_holm"].tolist() == pytest.approx(np.maximum.accumulate(ordered["p"] * [3, 2, 1]).tolist())


def test_methods_are_named_by_the_side_on_which_they_are_told_from_the_first(load_scores):
    table = ratios_at_equal_settings(load_scores(METHODS, **LISTED))
    expected = "good scores lower than plain and bad scores higher than plain; 1 method is not told from it."
    assert describe_ratios(table, "plain") == f"At equal settings {expected}"
    few = table[table["method"] == "same"]
    assert describe_ratios(few, "plain") == "At equal settings no method is told from plain."


@pytest.mark.usefixtures("without_figures")
def test_a_report_says_in_its_answer_what_equal_settings_tell(load_scores):
    half = 0.5 * PLAIN[:3] * [1.0001, 0.9999, 1.0]
    results = load_scores({"plain": PLAIN[:3], "half": half, "bad": METHODS["bad"][:3]}, **LISTED)
    page = render(results)
    answer = page[page.index('data-part="answer"') : page.index('data-part="figures"')]
    assert describe_ratios(ratios_at_equal_settings(results), "plain") in answer
    assert ">0.000<" not in page and ">&lt; 0.001<" in page


def test_a_failure_counts_as_the_worst_score_and_a_running_trial_not_yet(load_scores):
    whole = {"plain": [1.0, 2.0, 4.0, 8.0], "a": [2.0, 4.0, 8.0, None], "b": [1.0, 2.0, 4.0, "running"]}
    rows = ratios_at_equal_settings(load_scores(whole, **LISTED)).set_index("method")
    assert rows["settings"].to_dict() == {"a": 4, "b": 3}
    assert rows["ratio"].to_dict() == pytest.approx({"a": (2.0 * 2.0 * 2.0 * 1.0) ** 0.25, "b": 1.0})
    assert rows.p["b"] == 1.0


@pytest.mark.parametrize(
    ("scores", "changes"),
    [
        (METHODS, {}),
        ({"plain": [1.0, 2.0], "a": [2.0, 3.0]}, LISTED),
        ({"plain": [1.0, 2.0, 3.0], "a": [2.0, -3.0, 1.0]}, LISTED),
        ({"plain": [1.0, 2.0, 3.0]}, LISTED),
    ],
    ids=["drawn configs", "two settings", "a score below 0", "one method"],
)
def test_nothing_is_said_where_settings_are_no_pairs(load_scores, scores, changes):
    assert tables.equal_settings(load_scores(scores, **changes)) is None
