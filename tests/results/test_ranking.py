import math

import numpy as np
import pytest
from scipy import stats

from ganscape.results import budget, ranking

STUDIES = 200


def equal(rng, method, configs, k):
    return np.exp(0.8 * rng.standard_normal((configs, 1)))


def equal_in_expectation_alone(rng, method, configs, k):
    """Log-normal scores that spread differently, scaled to the same expected best of k (by quadrature)."""
    sigma = (0.2, 1.5, 0.5, 1.0)[method % 4]
    grid = (np.arange(4000) + 0.5) / 4000
    lowest = stats.norm.ppf(1 - (1 - grid) ** (1 / k))  # quantiles of the least of k normal draws
    return np.exp(sigma * rng.standard_normal((configs, 1))) / np.exp(sigma * lowest).mean()


def mostly_hopeless(rng, method, configs, k):
    good = rng.random((configs, 1)) < 0.2
    return np.where(good, 1.0, 20.0) * np.exp(0.3 * rng.standard_normal((configs, 1)))


def rankings(draw, methods, configs, studies=STUDIES):
    rng, k = np.random.default_rng(0), budget.comparison_budget(configs)
    for _ in range(studies):
        yield ranking.by_budget({str(m): draw(rng, m, configs, k) for m in range(methods)}, k)


@pytest.mark.parametrize(
    ("draw", "methods"),
    [
        (equal, 6),
        *((draw, 2) for draw in (equal, equal_in_expectation_alone, mostly_hopeless)),
        *(pytest.param(draw, 6, marks=pytest.mark.slow) for draw in (equal_in_expectation_alone, mostly_hopeless)),
    ],
)
def test_equal_methods_are_told_apart_at_most_one_time_in_twenty(draw, methods):
    """Within two standard errors; docs/statistics.md has the shares in more studies."""
    wrong = np.mean([bool(found.worse) for found in rankings(draw, methods, configs=12)])
    assert wrong <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / STUDIES)


def test_the_best_method_is_named_where_it_is_far_ahead():
    def one_ahead(rng, method, configs, k):
        return equal(rng, method, configs, k) * (1 if method == 0 else 4)

    found = list(rankings(one_ahead, 2, 24, 60))
    assert np.mean([ranks.candidates == ("0",) for ranks in found]) > 0.5
    assert np.mean(["0" not in ranks.candidates for ranks in found]) <= 0.05


def test_equal_configs_are_told_apart_on_fresh_seeds_at_most_one_time_in_twenty():
    rng = np.random.default_rng(0)
    draws = [{str(m): np.exp(rng.normal(3, 0.2, 5)) for m in range(4)} for _ in range(1000)]
    assert np.mean([bool(ranking.by_seeds(scores).worse) for scores in draws]) <= 0.05
    apart = [ranking.by_seeds({"a": scores["0"], "b": np.exp(2) * scores["1"]}).worse for scores in draws[:100]]
    assert apart.count(("b",)) > 90


def test_a_search_and_fresh_seeds_share_the_errors_of_a_study():
    """Each is allowed half of 5 %: what either tells at 3 % alone is not told."""
    at_3_percent = stats.t.isf(0.03 / 2, 2) * math.sqrt(2 / 3)  # the gap of two means of 3 seeds whose deviation is 1
    search = ranking.Ranking(
        tuple(ranking.MethodEstimate(method, 1.0, 1.0, 1.0, 12) for method in "abc"), ("a", "b", "c"), (),
        {"b": 0.03, "c": 0.024},
    )  # fmt: skip
    deviations = np.array([-1.0, 0.0, 1.0])  # negative scores are compared as they are
    for times, worse in ((1.0, ("c",)), (1.2, ("b", "c"))):
        fresh = {"a": deviations - 9, "b": deviations - 9 + times * at_3_percent}
        found = ranking.by_search_then_seeds(search, fresh)
        assert (found.worse, "c" in found.candidates) == (worse, False)


def test_equal_methods_are_told_apart_at_most_one_time_in_twenty_in_two_steps():
    rng, wrong = np.random.default_rng(1), 0
    for search in rankings(equal, 4, configs=12, studies=100):
        left = search.at_level(ranking.LEVEL / 2).candidates
        fresh = {method: np.exp(rng.normal(3, 0.2, 5)) for method in left}
        wrong += len(left) < 2 or bool(ranking.by_search_then_seeds(search, fresh).worse)
    assert wrong / 100 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 100)


def test_fresh_seeds_have_student_s_interval_of_their_logarithm():
    scores = np.array([30.0, 36.0, 42.0])
    found = ranking.by_seeds({"a": scores, "b": 2 * scores}).estimates[0]
    low, high = stats.t.interval(0.95, 2, np.log(scores).mean(), stats.sem(np.log(scores)))
    assert found[1:] == pytest.approx((stats.gmean(scores), math.exp(low), math.exp(high), 3))


def test_a_failed_run_counts_as_the_worst_score_of_the_study():
    scores = {"a": np.array([[1.0], [math.inf], [math.inf], [math.inf]]), "b": np.array([[2.0], [2.5], [3.0], [9.0]])}
    found = ranking.by_budget(scores, 1)
    assert [(row.method, row.value) for row in found.estimates] == [("b", 16.5 / 4), ("a", 28 / 4)]
    assert math.isnan(found.estimates[1].low) and found.worse == ()


def test_methods_of_few_configs_are_never_told_apart():
    rng = np.random.default_rng(0)
    for configs, worse in ((1, ()), (11, ()), (12, ("b",))):
        scores = {"a": 1 + rng.random((configs, 2)), "b": 99 + rng.random((configs, 2))}
        assert ranking.by_budget(scores, budget.comparison_budget(configs)).worse == worse


def test_seeds_that_agree_to_the_last_bit_tell_nothing():
    assert ranking.by_seeds({"a": np.array([1.0, 1.0]), "b": np.array([2.0, 2.0])}).worse == ()
