import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from ganscape.results import budget, frames

# Scores with ties and failures; small integers make the rational arithmetic exact.
SCORES = st.lists(st.one_of(st.integers(1, 9), st.just(math.inf)), min_size=1, max_size=7)


def minima(scores, k):
    return [min(subset) for subset in combinations(scores, k)]


@given(SCORES, st.data())
@settings(max_examples=150, deadline=None)
def test_everything_equals_enumeration_of_all_subsets(scores, data):
    k = data.draw(st.integers(1, len(scores)))
    smallest = minima(scores, k)
    works = [value for value in smallest if value < math.inf]
    assert budget.success_probability(scores, k) == pytest.approx(float(Fraction(len(works), len(smallest))), abs=1e-12)
    if len(works) < len(smallest):
        assert budget.expected_best(scores, k) == math.inf
        assert math.isnan(budget.spread(scores, k))
    else:
        mean = Fraction(sum(smallest), len(smallest))
        variance = sum((value - mean) ** 2 for value in smallest) / len(smallest)
        assert budget.expected_best(scores, k) == pytest.approx(float(mean), rel=1e-12)
        assert budget.spread(scores, k) ** 2 == pytest.approx(float(variance), rel=1e-9, abs=1e-12)
    for p in (0.05, 0.5, 0.95):
        ordered = sorted(smallest)
        exact = ordered[math.ceil(Fraction(str(p)) * len(ordered)) - 1]
        assert budget.quantile(scores, k, p) == exact


@pytest.mark.parametrize("low, scale, back", [(1, np.log, np.exp), (-99, np.positive, np.positive)])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_interval_is_the_jackknife_t_over_configurations(low, scale, back, data):
    """Of the logarithm where all scores are positive."""
    row = st.lists(st.integers(low, 99), min_size=2, max_size=2)
    rows = data.draw(st.lists(row, min_size=3, max_size=7))
    if low < 0:
        rows[0][0] = -1
    table, n = np.array(rows, dtype=float), len(rows)
    k = data.draw(st.integers(1, n - 1))
    u = [np.mean([np.mean(minima(np.delete(table, i, axis=0)[:, s], k)) for s in range(2)]) for i in range(n)]
    u = scale(u)
    error = math.sqrt((n - 1) / n * sum((value - np.mean(u)) ** 2 for value in u))
    mean = scale(np.mean([np.mean(minima(table[:, s], k)) for s in range(2)]))
    reach = stats.t.ppf(0.975, n - 1) * error
    assert budget.interval(table, k) == pytest.approx((back(mean - reach), back(mean + reach)), rel=1e-9, abs=1e-9)


def test_interval_leaves_failures_in_the_sample():
    scores = np.array([5.0, 3.0, math.inf, 8.0, math.inf, 4.0])
    u = [math.log(np.mean(minima(np.delete(scores, i), 3))) for i in range(6)]
    error = math.sqrt(5 / 6 * sum((value - np.mean(u)) ** 2 for value in u))
    mean, reach = math.log(np.mean(minima(scores, 3))), stats.t.ppf(0.975, 5) * error
    assert budget.interval(scores, 3) == pytest.approx((math.exp(mean - reach), math.exp(mean + reach)))
    assert np.isnan(budget.interval(scores, 2)).all()
    assert np.isnan(budget.interval(scores, 6)).all()


@pytest.mark.parametrize("k", [1, 2, 37, 750, 1499, 1500])
def test_1500_scores_agree_with_exact_rationals(k):
    scores = np.sort(np.random.default_rng(0).lognormal(3.0, 1.0, 1500))
    exact = sum(Fraction(x) * math.comb(1500 - i, k - 1) for i, x in enumerate(scores, start=1)) / math.comb(1500, k)
    assert budget.expected_best(scores, k) == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize("k", [1, 10, 50_000, 100_000])
def test_100000_scores_agree_with_the_closed_form_of_ranks(k):
    ranks = np.random.default_rng(0).permutation(np.arange(1.0, 100_001.0))
    assert budget.expected_best(ranks, k) == pytest.approx(100_001 / (k + 1), rel=1e-9)
    assert budget.weights(100_000, k).sum() == pytest.approx(1.0, rel=1e-9)


def test_a_budget_beyond_the_failures_always_succeeds_and_before_never_has_a_mean():
    curve = budget.expected_best_curve([1.0, 2.0, math.inf, math.inf]).set_index("k")
    assert np.isinf(curve.loc[[1, 2], "mean"]).all() and np.isfinite(curve.loc[[3, 4], "mean"]).all()
    assert curve["success"].tolist() == pytest.approx([1 / 2, 5 / 6, 1, 1])
    assert np.isfinite(curve.loc[2, "median"])


def test_the_whole_sample_has_the_observed_best_and_no_spread():
    last = budget.expected_best_curve([4.0, 2.5, 9.0]).iloc[-1]
    assert (last["mean"], last["median"], last["sd"]) == (2.5, 2.5, 0.0)


def test_seeds_are_replicates_of_the_search_and_not_more_configurations():
    column = np.array([3.0, 1.0, 7.0, 5.0])
    twice = np.stack([column, column], axis=1)
    pd.testing.assert_frame_equal(budget.expected_best_curve(twice), budget.expected_best_curve(column))
    other = np.array([2.0, 6.0, 4.0, 9.0])
    both = budget.expected_best(np.stack([column, other], axis=1), 2)
    assert both == pytest.approx((budget.expected_best(column, 2) + budget.expected_best(other, 2)) / 2)


def test_jackknife_t_covers_about_92_percent():
    truth = integrate.quad(lambda x: (1 - stats.lognorm.cdf(x, 1.0)) ** 10, 0, np.inf)[0]
    draws = np.random.default_rng(20).lognormal(0.0, 1.0, (600, 50))
    bounds = np.array([budget.interval(row, 10) for row in draws])
    covered = np.mean((bounds[:, 0] <= truth) & (truth <= bounds[:, 1]))
    assert 0.87 < covered < 0.97


def test_expectation_is_unbiased_for_a_search_of_k():
    truth = integrate.quad(lambda x: (1 - stats.lognorm.cdf(x, 1.0)) ** 5, 0, np.inf)[0]
    estimates = [budget.expected_best(row, 5) for row in np.random.default_rng(3).lognormal(0.0, 1.0, (4000, 10))]
    assert np.mean(estimates) == pytest.approx(truth, abs=4 * np.std(estimates) / math.sqrt(4000))


def test_long_curves_keep_the_ends_and_stay_short():
    curve = budget.expected_best_curve(np.arange(1.0, 2001.0))
    assert (curve["k"].iloc[0], curve["k"].iloc[-1]) == (1, 2000)
    assert curve["k"].is_monotonic_increasing and curve["k"].is_unique and len(curve) < 400
    assert np.allclose(curve["mean"], 2001 / (curve["k"] + 1))


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [-math.inf, 1.0], [[[1.0]]]])
def test_values_without_meaning_are_refused(values):
    with pytest.raises(ValueError, match="values"):
        budget.expected_best(values, 1)


@pytest.mark.parametrize("k", [0, 4])
def test_a_budget_outside_the_sample_is_refused(k):
    with pytest.raises(ValueError, match=f"k = {k} is outside 1 .. 3"):
        budget.expected_best([1.0, 2.0, 3.0], k)


def test_replicates_leave_out_second_looks_and_unfinished_configurations():
    rows = [
        ("a", 0, 1.0),
        ("a", 1, 2.0),
        ("a", 7, 0.5),
        ("b", 1, 4.0),
        ("b", 0, 3.0),
        ("c", 0, math.nan),
        ("c", 1, 9.0),
        ("d", 0, math.inf),
        ("d", 1, 8.0),
    ]
    trials = pd.DataFrame(rows, columns=["config", "seed", "value"]).assign(method="m")
    assert budget.replicates(trials, "m").tolist() == [[1.0, 2.0], [3.0, 4.0], [math.inf, 8.0]]
    assert budget.replicates(trials, "another").size == 0


@given(SCORES.filter(lambda scores: len(scores) <= 4), st.data())
@settings(max_examples=60, deadline=None)
def test_the_lucic_curve_equals_enumeration_of_all_resamples(scores, data):
    k = data.draw(st.integers(1, len(scores)))
    best = sorted(min(draw) for draw in product(scores, repeat=k))
    row = budget.lucic_curve(scores).set_index("k").loc[k]
    assert row["median"] == best[math.ceil(len(best) / 2) - 1]
    works = [value for value in best if value < math.inf]
    assert row["success"] == pytest.approx(len(works) / len(best))
    if math.inf in scores:
        assert row["mean"] == math.inf and math.isnan(row["sd"])
    else:
        mean = Fraction(sum(best), len(best))
        sd = math.sqrt(sum((value - mean) ** 2 for value in best) / len(best))
        assert row["mean"] == pytest.approx(float(mean))
        assert row["sd"] == pytest.approx(sd, abs=1e-7)
        assert (row["low"], row["high"]) == (row["mean"] - row["sd"], row["mean"] + row["sd"])


@pytest.mark.parametrize("k", [1, 37, 1500])
def test_1500_resampled_scores_agree_with_exact_rationals(k):
    scores = np.sort(np.random.default_rng(0).lognormal(3.0, 1.0, 1500))
    exact = sum(Fraction(x) * ((1501 - i) ** k - (1500 - i) ** k) for i, x in enumerate(scores, start=1)) / 1500**k
    assert budget.lucic_weights(1500, k) @ scores == pytest.approx(float(exact), rel=1e-9)
    curve = budget.lucic_curve(scores, 1500).set_index("k")
    assert k not in curve.index or curve["mean"][k] == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_long_curve_is_what_its_numbers_are_one_by_one(seeds):
    rng = np.random.default_rng(1)
    scores = rng.lognormal(3.0, 1.0, (1500, seeds))
    scores[rng.random(scores.shape) < 0.01] = math.inf
    for row in budget.expected_best_curve(scores).iloc[[0, 9, 40, 60, -1]].itertuples():
        weight = budget.weights(1500, row.k)
        ordered = np.where(np.isinf(np.sort(scores, axis=0)), 0, np.sort(scores, axis=0))
        if np.isinf(scores).sum(axis=0).max() < row.k:
            assert row.mean == pytest.approx((weight @ ordered).mean(), rel=1e-12)
            assert row.success == 1
        else:
            assert row.mean == math.inf


def test_configs_stand_in_the_order_asked_whatever_their_seeds():
    rows = [("a", 5, 1.0), ("b", 0, 2.0), ("c", 3, 3.0), ("b", 1, 4.0), ("a", 6, 5.0), ("c", 2, 6.0)]
    trials = pd.DataFrame([("m", *row) for row in rows], columns=["method", "config", "seed", "value"])
    assert budget.replicates(trials, "m").tolist() == [[1.0, 5.0], [2.0, 4.0], [6.0, 3.0]]


def test_the_curves_of_a_study_are_those_of_its_scores_and_are_computed_once(build, monkeypatch):
    results = frames.load(build({"a": [[3.0, 4.0], [None, 2.0], [1.0, 5.0]], "b": [[9.0, 8.0], [7.0, 6.0]]}))
    alone = {method: budget.expected_best_curve(budget.replicates(results.searched(), method)) for method in ("a", "b")}
    curves = budget.expected_best_curves(results)
    assert [*curves] == ["a", "b"] and all(curves[method].equals(alone[method]) for method in curves)
    monkeypatch.setattr(budget, "replicates", None)
    assert budget.expected_best_curves(results) is curves


def test_curves_of_other_scores_and_of_other_kinds_are_others(build):
    results = frames.load(build({"a": [[3.0], [2.0], [1.0]]}))
    curves = [budget.expected_best_curves(results), budget.expected_best_curves(results, "last")]
    curves.append(budget.lucic_curves(results))
    assert len({id(each) for each in curves}) == 3
    assert curves[2]["a"].equals(budget.lucic_curve(np.array([[3.0], [2.0], [1.0]])))
