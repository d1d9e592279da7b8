import math
from fractions import Fraction
from itertools import accumulate, combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ganscape.results import budget, frames, incumbents
from ganscape.results.definition import are_listed

SCORE = st.one_of(st.integers(1, 9), st.just(math.inf))


def finished(order, scores, costs, spent):
    paid = accumulate(costs[i] for i in order)
    return min([scores[i] for i, total in zip(order, paid, strict=True) if total <= spent], default=math.inf)


@given(st.lists(st.tuples(SCORE, st.integers(1, 5)), min_size=1, max_size=5))
@settings(max_examples=40)
def test_by_cost_equals_all_orders(rows):
    scores, costs = zip(*rows, strict=True)
    curve = incumbents.by_cost(scores, costs)
    orders = list(permutations(range(len(rows))))
    for at in (0, 39, 59, 119):
        row = curve.iloc[at]
        spent = Fraction(sum(costs) * (at + 1), 120)
        best = sorted(finished(order, scores, costs, spent) for order in orders)
        worked = [value for value in best if value < math.inf]
        assert row["success"] == pytest.approx(len(worked) / len(best))
        assert row["median"] == best[math.ceil(len(best) / 2) - 1]
        expected = sum(worked) / len(best) if len(worked) == len(best) else math.inf
        assert row["mean"] == pytest.approx(expected)


def test_equal_costs_give_the_expected_best_of_k():
    scores = [5.0, 3.0, 8.0, 1.0, 4.0, 9.0]
    curve = incumbents.by_cost(scores, [2.0] * 6)
    for k in (1, 2, 5, 6):
        assert curve["mean"].iloc[20 * k - 1] == pytest.approx(budget.expected_best(scores, k))


def test_cheap_good_runs_are_found_earlier_than_dear_ones():
    cheap = incumbents.by_cost([1.0, 9.0, 9.0, 9.0], [1, 5, 5, 5])["mean"]
    dear = incumbents.by_cost([1.0, 9.0, 9.0, 9.0], [5, 1, 5, 5])["mean"]
    assert cheap[40:110].replace(np.inf, 99).mean() < dear[40:110].replace(np.inf, 99).mean()


def test_by_cost_takes_100000_configs():
    rng = np.random.default_rng(0)
    curve = incumbents.by_cost(rng.permutation(np.arange(1.0, 100_001.0)), np.full(100_000, 3.0))
    assert curve["mean"].iloc[-1] == 1.0
    assert curve["mean"].iloc[0] == pytest.approx(100_001 / (100_000 // 120 + 1), rel=0.6)


@pytest.mark.parametrize("costs", [[1.0], [1.0, 0.0], [1.0, math.inf]])
def test_costs_that_are_none_are_refused(costs):
    with pytest.raises(ValueError, match="costs"):
        incumbents.by_cost([1.0, 2.0], costs)


@given(st.lists(SCORE, min_size=1, max_size=5), st.lists(SCORE, max_size=4), st.data())
@settings(max_examples=60)
def test_the_practitioner_equals_enumeration(fixed, bandit, data):
    first = data.draw(st.integers(0, len(fixed)))
    curve = incumbents.practitioner(fixed, bandit, first)
    assert curve["k"].tolist() == list(range(1, first + len(bandit) + 1))
    for row in curve.itertuples():
        m = min(row.k, first)
        best = [min([*drawn, *bandit[: row.k - m]]) for drawn in combinations(fixed, m)]
        expected = math.inf if math.inf in best else sum(best) / len(best)
        assert row.mean == pytest.approx(expected)
        assert (row.fixed, row.bandit) == (m, row.k - m)


def test_a_practitioner_without_a_bandit_is_a_search_of_the_fixed_settings():
    fixed = [4.0, 2.0, 7.0]
    assert incumbents.practitioner(fixed, [])["mean"].tolist() == pytest.approx(
        [budget.expected_best(fixed, k) for k in (1, 2, 3)]
    )


def test_incumbents_of_searches_have_student_s_interval_over_searches():
    searches = [[4.0, -2.0, 3.0], [6.0, 7.0, 1.0], [5.0, 1.0, 9.0]]
    curve = incumbents.of_searches(searches)
    assert curve["mean"].tolist() == pytest.approx([5.0, 5 / 3, 0.0])
    low, high = stats.t.interval(0.95, 2, loc=5 / 3, scale=stats.sem([-2.0, 6.0, 1.0]))
    assert curve[["low", "high"]].iloc[1].tolist() == pytest.approx([low, high])
    assert curve[["best", "worst"]].iloc[1].tolist() == [-2.0, 6.0]
    assert incumbents.of_searches([[3.0, 1.0]])[["low", "high"]].isna().all(axis=None)


def test_a_search_that_begins_with_failures_has_no_mean_yet():
    curve = incumbents.of_searches([[math.inf, 2.0], [4.0, 3.0]])
    assert curve["mean"].tolist() == [math.inf, 2.5] and math.isnan(curve["low"][0])


def test_a_trial_costs_what_it_took_and_a_failed_one_the_way_to_its_rung(build):
    results = frames.load(build({"a": [[1.0], [None], ["running"]]}))
    assert results.costs()[["images", "seconds"]].iloc[:2].values.tolist() == [[200.0, 20.0], [100.0, 10.0]]
    assert results.costs()[["images", "seconds"]].iloc[2].isna().all()


def test_defaults_are_the_configs_of_the_definition(build):
    methods = {"a": {"defaults": [{"learning_rate": 0.1, "loss": "a"}]}, "b": {}}
    folder = build({"a": [[1.0], [2.0]], "b": [[1.0]]}, methods=methods)
    assert frames.load(folder).defaults() == {"a-1"}
    assert are_listed({"g_lr": 0.1, "d_lr": 0.1, "loss": "a"}, {"learning_rate": 0.1, "loss": "a", "gone": 3})
    assert not are_listed({"g_lr": 0.1, "d_lr": 0.2}, {"learning_rate": 0.1})
    assert not are_listed({"g_lr": 0.1}, {"beta1": 0.5})
