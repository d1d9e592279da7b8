import math
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ganscape.results import budget, comparisons, frames

SCORES = st.lists(st.one_of(st.integers(1, 6), st.just(math.inf)), min_size=1, max_size=7)


@given(SCORES, SCORES)
def test_improvement_counts_pairs(x, y):
    wins = sum((a < b) + 0.5 * (a == b) for a, b in product(x, y))
    found = comparisons.improvement(x, y)
    assert found.value == pytest.approx(wins / (len(x) * len(y)))
    if len(x) + len(y) > 2:
        assert 0 <= found.low <= found.value <= found.high <= 1
        other = comparisons.improvement(y, x)
        assert (other.low, other.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-6)


def test_identical_scores_improve_half_of_the_time_and_separation_is_never_certain():
    x = np.arange(10.0)
    assert comparisons.improvement(x, x).value == 0.5
    apart = comparisons.improvement(x, x + 99)
    assert apart.value == apart.high == 1.0 and 0.6 < apart.low < 0.9


def test_seeds_do_not_narrow_the_interval_of_improvement():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 1)), rng.normal(0.5, 1, (8, 1))
    assert comparisons.improvement(np.tile(x, 5), np.tile(y, 5)) == pytest.approx(comparisons.improvement(x, y))


@pytest.mark.parametrize("n, m, shift", [(6, 6, 0.0), (6, 6, 1.0), (20, 10, 1.0), (30, 30, 2.5)])
def test_the_interval_of_improvement_covers_the_truth(n, m, shift):
    rng, truth = np.random.default_rng(1), stats.norm.cdf(shift / math.sqrt(2))
    found = [comparisons.improvement(rng.normal(size=n), rng.normal(shift, 1, m)) for _ in range(400)]
    assert np.mean([each.low <= truth <= each.high for each in found]) > 0.92


def test_holm_is_the_step_down_of_bonferroni():
    # Holm 1979: 0.01 * 4, 0.013 * 3, 0.014 * 2, 0.19
    assert comparisons.holm([0.013, 0.19, 0.01, 0.014]) == pytest.approx([0.04, 0.19, 0.04, 0.04])
    assert comparisons.holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    assert comparisons.holm([]).size == 0


def test_holm_keeps_the_errors_of_a_family():
    rng = np.random.default_rng(2)
    wrong = [comparisons.holm(rng.random(10)).min() < 0.05 for _ in range(4000)]
    assert np.mean(wrong) == pytest.approx(0.05, abs=0.012)


def test_permutation_equals_enumeration_and_failures_are_the_worst():
    x, y = np.array([1.0, 2.0, 4.0]), np.array([3.0, math.inf, 8.0])
    pooled = np.log([1, 2, 4, 3, 8, 8])
    seen, values = abs(pooled[:3].mean() - pooled[3:].mean()), []
    for chosen in combinations(range(6), 3):
        rest = [i for i in range(6) if i not in chosen]
        values.append(abs(pooled[list(chosen)].mean() - pooled[rest].mean()))
    assert comparisons.permutation(x, y) == pytest.approx(np.mean(np.array(values) >= seen - 1e-12))


def test_sign_flip_equals_enumeration():
    x, y = np.array([1.0, 2.0, 4.0, 6.0]), np.array([3.0, 2.5, 8.0, 5.0])
    gaps = np.log(x) - np.log(y)
    flips = [abs(np.mean(gaps * signs)) for signs in product([1, -1], repeat=4)]
    assert comparisons.sign_flip(x, y) == pytest.approx(np.mean(np.array(flips) >= abs(gaps.mean()) - 1e-12))


@pytest.mark.parametrize("k", [1, 3])
def test_best_of_k_equals_enumeration(k):
    x, y = np.array([1.0, 2.0, 7.0, 5.0]), np.array([6.0, 9.0, 8.0, 4.0])
    pooled, values = np.log([*x, *y]), []
    for chosen in combinations(range(8), 4):
        rest = [i for i in range(8) if i not in chosen]
        values.append(abs(budget.expected_best(pooled[list(chosen)], k) - budget.expected_best(pooled[rest], k)))
    seen = abs(budget.expected_best(np.log(x), k) - budget.expected_best(np.log(y), k))
    exact = np.mean(np.array(values) >= seen - 1e-12)
    assert comparisons.best_of_k(x, y, k) == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 4999))


@pytest.mark.parametrize("test", [*comparisons.UNPAIRED.values(), *comparisons.PAIRED.values()])
def test_tests_of_equal_methods_are_wrong_at_most_as_often_as_they_say(test):
    rng = np.random.default_rng(3)
    p = np.array([test(*rng.lognormal(size=(2, 6)), rng) for _ in range(120)])
    assert np.mean(p < 0.05) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 120)
    assert np.mean(p < 0.5) > 0.3


@pytest.mark.parametrize("test", [*comparisons.UNPAIRED.values(), *comparisons.PAIRED.values()])
def test_tests_see_a_difference_and_take_failures(test):
    x, y = np.arange(1.0, 9.0), np.arange(21.0, 29.0)
    y[2] = math.inf
    assert test(x, y) < 0.01 < 0.9 < test(x, x.copy())


def test_pairs_have_every_pair_once_with_corrected_p(build):
    rng = np.random.default_rng(4)
    table = {name: rng.lognormal(shift, 0.3, (9, 2)).tolist() for name, shift in (("a", 0), ("b", 0.1), ("c", 3))}
    found = comparisons.pairs(frames.load(build(table)))
    assert found[["a", "b"]].values.tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    x, y = (np.median(table[name], axis=1) for name in "ac")
    assert found["p"][1] == pytest.approx(stats.mannwhitneyu(x, y).pvalue)
    assert (found["p_holm"] >= found["p"]).all() and found["p_holm"][1] < 0.01 < found["p_holm"][0]
    assert found["improvement"][1] == 1.0 and found["needed"][0] > found["needed"][1]
    assert comparisons.pairs(frames.load(build({"a": [[1.0]]}, "one"))).empty
    with pytest.raises(ValueError, match="unknown test 'student'; one of: mann_whitney, permutation"):
        comparisons.pairs(frames.load(build(table, "two")), test="student")


def test_paired_uses_the_rows_that_both_have():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, np.nan], "b": [2.0, 4.0, 3.5, math.inf, 1.0]})
    row = comparisons.paired(table, "sign_flip").iloc[0]
    assert (row["pairs"], row["wins"], row["difference"]) == (4, 4, -0.75)
    assert row["p"] == row["p_holm"] == pytest.approx(2 / 8)  # the failure counts as 4, the worst of both


def test_a_failure_is_the_largest_difference_of_a_signed_rank():
    x, y = np.array([1.0, 9.0, 9.0, 9.0, 9.0, 9.0]), np.array([math.inf, 8.0, 8.5, 8.6, 8.7, 8.8])
    assert comparisons.wilcoxon(x, y) == stats.wilcoxon([-6, 5, 4, 3, 2, 1]).pvalue
    assert comparisons.wilcoxon(np.array([math.inf, 1.0]), np.array([math.inf, 1.0])) == 1.0


@pytest.mark.parametrize("effect, n", [(0.5, 64), (0.8, 26), (1.0, 17)])
def test_seeds_needed_are_cohen_s(effect, n):
    # Cohen 1988, Table 2.4.1: two-sided 0.05, power 0.80
    assert comparisons.seeds_needed(-effect * 3, 3.0) == n


def test_nothing_to_tell_apart_needs_endlessly_many():
    assert comparisons.seeds_needed(0.0, 1.0) == comparisons.configs_needed(0.5) == math.inf
    assert comparisons.seeds_needed(1e-9, 1.0) == math.inf
    assert comparisons.seeds_needed(1.0, 0.0) == 2
    assert comparisons.seeds_needed(0.0, 0.0) == math.inf


@pytest.mark.parametrize("place", [0, 1])
def test_improvement_refuses_a_score_that_is_not_there(place):
    scores = [[1.0, 2.0], [3.0, 4.0]]
    scores[place][0] = math.nan
    with pytest.raises(ValueError, match="NaN"):
        comparisons.improvement(*scores)


@pytest.mark.parametrize("shift", [0.8, 1.5])
def test_configs_needed_give_the_power_they_promise(shift):
    n = int(comparisons.configs_needed(stats.norm.cdf(shift / math.sqrt(2))))
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(3000, n)), rng.normal(shift, 1, (3000, n))
    assert np.mean(stats.mannwhitneyu(x, y, axis=1).pvalue < 0.05) == pytest.approx(0.84, abs=0.09)


def test_simulated_configs_needed_agree_with_the_formula():
    x, y = stats.norm.ppf((np.arange(60) + 0.5) / 60), stats.norm.ppf((np.arange(60) + 0.5) / 60, 1.0)
    p = comparisons.improvement(x, y).value
    assert comparisons.configs_needed_by_simulation(x, y) == pytest.approx(comparisons.configs_needed(p), rel=0.25)
    assert comparisons.configs_needed_by_simulation(x, x) == math.inf
