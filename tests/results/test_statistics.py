import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from ganscape.results import agreement, frames, statistics
from ganscape.results.store import open_store


def test_components_of_a_balanced_table_are_those_of_the_analysis_of_variance():
    table = np.array([[1.0, 2.0, 4.0], [7.0, 9.0, 8.0], [3.0, 3.5, 2.5], [5.0, 9.0, 1.0]])
    found = statistics.variance_components(table)
    within, between = table.var(axis=1, ddof=1).mean(), 3 * table.mean(axis=1).var(ddof=1)
    assert found.seeds.value == pytest.approx(math.sqrt(within))
    assert found.configs == pytest.approx(math.sqrt((between - within) / 3))
    assert found.share.value == pytest.approx((between - within) / (between + 2 * within))
    assert stats.f_oneway(*table).statistic == pytest.approx(between / within)
    low = between / within / stats.f.ppf(0.975, 3, 8)
    assert found.share.low == pytest.approx(max(0, (low - 1) / (low + 2)))
    chi = stats.chi2(8)
    assert found.seeds.low == pytest.approx(math.sqrt(8 * within / chi.ppf(0.975)))
    assert found.seeds.high == pytest.approx(math.sqrt(8 * within / chi.ppf(0.025)))


def test_components_of_an_unbalanced_table_are_unbiased():
    rng, sizes = np.random.default_rng(0), [1, 2, 5, 3, 2, 7]
    draws = []
    for _ in range(3000):
        groups = [rng.normal(4 + rng.normal(0, 3), 0.5, size) for size in sizes]
        found = statistics.variance_components(groups)
        draws.append((found.configs**2, found.seeds.value**2))
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0) / math.sqrt(3000)
    assert (np.abs(mean - [9.0, 0.25]) < 4 * error).all()


def test_the_share_of_an_unbalanced_table_takes_the_harmonic_mean_of_its_sizes():
    groups = [[1.0, 2.0], [9.0, 8.0, 7.5, 8.5, 9.5], [30.0, 28.0], [17.0, 18.0, 19.0]]
    found = statistics.variance_components(groups)
    harmonic = stats.hmean([2, 5, 2, 3])
    within = sum(np.var(group) * len(group) for group in groups) / 8
    ratio = harmonic * np.var([np.mean(group) for group in groups], ddof=1) / within / stats.f.ppf(0.975, 3, 8)
    assert found.share.low == pytest.approx((ratio - 1) / (ratio - 1 + harmonic))


@pytest.mark.parametrize("groups", [[], [[1.0]], [[1.0], [2.0]]])
def test_without_a_second_seed_there_are_no_components(groups):
    found = statistics.variance_components(groups)
    assert math.isnan(found.configs) and math.isnan(found.seeds.value) and math.isnan(found.share.value)


def test_seeds_that_are_all_equal_leave_everything_to_the_configs():
    found = statistics.variance_components([[1.0, 1.0], [3.0, 3.0]])
    assert (found.seeds.value, found.share.value) == (0.0, 1.0)


@pytest.mark.parametrize("sizes", [[3] * 8, [1, 2, 3, 4, 2, 3, 5, 2]])
def test_intervals_of_components_cover_the_truth(sizes):
    rng, covered = np.random.default_rng(1), []
    for _ in range(400):
        groups = [rng.normal(rng.normal(0, 2), 1, size) for size in sizes]
        found = statistics.variance_components(groups)
        covered.append((found.seeds.low <= 1 <= found.seeds.high, found.share.low <= 0.8 <= found.share.high))
    assert (np.mean(covered, axis=0) > 0.915).all() and (np.mean(covered, axis=0) < 0.985).all()


def test_the_mean_has_student_s_interval():
    x = [3.0, 5.0, 4.0, 9.0]
    assert statistics.mean(x)[1:] == pytest.approx(stats.t.interval(0.95, 3, np.mean(x), stats.sem(x)))
    assert math.isnan(statistics.mean([1.0]).low) and statistics.mean([1.0, math.inf]).value == math.inf


def test_the_interval_of_a_difference_is_welch_s():
    x, y = [1.0, 2.0, 4.0, 9.0], [3.0, 3.5, 2.0]
    theirs = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert statistics.difference_of_means(x, y) == pytest.approx((4.0 - 8.5 / 3, theirs.low, theirs.high))
    assert statistics.difference_of_means([2.0, 2.0], [1.0, 1.0]) == (1.0, 1.0, 1.0)
    for other in ([1.0], [1.0, math.inf]):
        assert math.isnan(statistics.difference_of_means(x, other).low)
    assert math.isnan(statistics.difference_of_means([math.inf, 1.0], [math.inf, 1.0]).value)


def test_a_share_has_wilson_s_interval():
    # Newcombe 1998, Table I, method 3
    assert statistics.share(81, 263)[1:] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.share(0, 20)[1:] == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert math.isnan(statistics.share(0, 0).value)


def test_rank_agreement_of_few_pairs_is_by_counting():
    x, y = [1, 2, 3, 4, 5], [1, 3, 2, 5, 4]
    found = agreement.rank_agreement(x, y)
    assert found["spearman"].value == pytest.approx(1 - 6 * 4 / (5 * 24))
    assert found["kendall"].value == pytest.approx((8 - 2) / 10)
    assert found["kendall"].low < 0.6 < found["kendall"].high
    assert math.isnan(agreement.rank_agreement(x[:4], y[:4])["spearman"].low)
    assert math.isnan(agreement.rank_agreement([1, 1, 1], [1, 2, 3])["kendall"].value)


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_intervals_of_rank_agreement_cover_the_truth(rho):
    truth = {"spearman": 6 / math.pi * math.asin(rho / 2), "kendall": 2 / math.pi * math.asin(rho)}  # of normal pairs
    rng, covered = np.random.default_rng(2), {"spearman": [], "kendall": []}
    for _ in range(500):
        x, y = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 30).T
        for kind, found in agreement.rank_agreement(x, y).items():
            covered[kind].append(found.low <= truth[kind] <= found.high)
    assert all(0.915 < np.mean(each) < 0.985 for each in covered.values())


def test_a_profile_counts_runs_and_failures_reach_nothing():
    curve = statistics.profile([[1.0, 5.0], [3.0, math.inf]], [0.5, 1.0, 4.0, 9.0])
    assert curve["share"].tolist() == [0.0, 0.25, 0.5, 0.75]
    assert (curve["high"] - curve["share"]).max() == pytest.approx(min(math.sqrt(math.log(40) / 4), 1.0))


def test_the_band_of_a_profile_covers_the_whole_truth():
    rng, grid = np.random.default_rng(3), np.linspace(0, 1, 201)
    covered = []
    for _ in range(400):
        curve = statistics.profile(rng.random(40), grid)
        covered.append(((curve["low"] <= grid) & (grid <= curve["high"])).all())
    assert 0.93 < np.mean(covered) < 0.99


@pytest.mark.parametrize("n, kept", [(1, 1), (20, 1), (21, 2), (100, 5), (60, 3), (140, 7)])
def test_top_keeps_the_ceiling_of_its_share(n, kept):
    scores = np.random.default_rng(0).permutation(np.arange(float(n)))
    assert statistics.top_share(scores).tolist() == list(range(kept))


def test_top_keeps_failures_in_the_number_of_runs():
    assert statistics.top_share([math.inf] * 39 + [2.0]).tolist() == [2.0, math.inf]
    with pytest.raises(ValueError, match="share = 0"):
        statistics.top_share([1.0], 0)


def test_optimism_is_what_the_other_seeds_take_back():
    table = [[1.0, 9.0, 8.0], [4.0, 4.5, 5.0], [7.0, 2.0, 9.0]]
    found = statistics.selection_bias(table)
    assert found["reported"] == pytest.approx((1 + 2 + 5) / 3)
    assert found["again"] == pytest.approx((8.5 + 8 + 4.25) / 3)
    assert found["selection_bias"] == pytest.approx(found["again"] - found["reported"])
    assert all(math.isnan(value) for value in statistics.selection_bias([[1.0], [2.0]]).values())
    assert statistics.selection_bias([[1.0, math.inf], [2.0, 3.0]])["again"] == math.inf


def test_optimism_estimates_what_selection_by_one_seed_costs():
    """Normal model of metrics 10.2: 100 configs, spread of configs and of seeds both 1."""
    rng = np.random.default_rng(4)
    estimate, truth = [], []
    for _ in range(400):
        effect = rng.normal(size=(100, 1))
        table = effect + rng.normal(size=(100, 3))
        estimate.append(statistics.selection_bias(table)["selection_bias"])
        best = table[:, 0].argmin()
        truth.append(effect[best, 0] - table[best, 0])
    assert np.mean(estimate) == pytest.approx(np.mean(truth), abs=0.12)
    assert np.mean(estimate) == pytest.approx(2.508 / math.sqrt(2), abs=0.1)  # half of E min of 100, in sd of sums


def test_the_shrunk_best_is_where_the_chosen_config_truly_is():
    rng = np.random.default_rng(5)
    errors, covered, naive = [], [], []
    for _ in range(400):
        effect = rng.normal(size=(60, 1))
        table = effect + rng.normal(size=(60, 3))
        best, found = table.mean(axis=1).argmin(), statistics.shrunken_best(table)
        errors.append(found.value - effect[best, 0])
        naive.append(table[best].mean() - effect[best, 0])
        covered.append(found.low <= effect[best, 0] <= found.high)
    assert abs(np.mean(errors)) < 0.08 < 0.4 < -np.mean(naive)
    assert 0.9 < np.mean(covered) < 0.985


def test_seed_variance_is_of_the_logarithm_and_counts_failures(build):
    rows = [[math.e**1, math.e**3], [math.e**5, math.e**7], [None, math.e**2]]
    table = statistics.seed_variance(frames.load(build({"a": rows, "b": [[1.0, 2.0]]}))).set_index("method")
    assert table.loc["a", "seed"] == pytest.approx(math.sqrt(2))
    assert table.loc["a", ["configs", "scores", "failed"]].tolist() == [3, 5, 1]
    assert table.loc["b", "seed"] == pytest.approx(np.log([1.0, 2.0]).std(ddof=1))


def test_a_second_look_is_reported_by_its_fresh_seeds_alone(build):
    folder = build({"a": [[5.0, 6.0], [2.0, 3.0], [4.0, 1.0]]})
    with open_store(folder) as store:
        for config, seed, value in (("a-1", 7, 8.0), ("a-1", 8, 10.0), ("a-2", 7, 0.5), ("a-2", 8, 0.5)):
            trial = f"{config}-{seed}"
            store.add_trials(1, [{"trial": trial, "config": config, "method": "a", "seed": seed,
                                  "settings": {"learning_rate": 1.0}, "structure": "s"}])  # fmt: skip
            for rung in (100, 200):
                store.add_scores([{"trial": trial, "rung": rung, "images": rung, "metric": "fd_digits",
                                   "value": value, "protocol": "0123456789ab", "attempt": 0,
                                   "seconds": 1.0}])  # fmt: skip
    row = statistics.selection(frames.load(folder)).iloc[0]
    assert (row["fresh"], row["fresh_seeds"]) == (9.0, 2)  # a-1 and a-2 tie at 2.5; the first asked is the choice
    reach = stats.t.interval(0.95, 1, 9, 1)[1] / 9 - 1  # of the logarithm, to first order
    assert (row["fresh_low"], row["fresh_high"]) == pytest.approx((9 * math.exp(-reach), 9 * math.exp(reach)))


def test_rungs_that_agree_with_the_last_one(build):
    table = agreement.rung_agreement(frames.load(build({"a": [[float(i + 1)] for i in range(8)]})))
    assert table["a"].tolist() == ["100", "100", "best", "best"] and set(table["configs"]) == {8, 2}
    assert table.loc[table["within"] == "all", "spearman"].tolist() == [1.0, 1.0]


def test_metrics_are_compared_over_configs_at_their_last_rung(build):
    folder = build({"a": [[float(i), float(i)] for i in range(1, 9)]})
    with open_store(folder) as store:
        store.add_protocol("other", {"metric": "kid"})
        for i in range(8):
            for seed in range(2):
                for rung, value in ((100, -i), (200, i)):
                    store.add_scores([{"trial": f"a-{i}-{seed}", "rung": rung, "images": rung, "metric": "kid",
                                       "value": float(value), "protocol": "other", "attempt": 0,
                                       "seconds": 1.0}])  # fmt: skip
    row = agreement.metric_agreement(frames.load(folder)).iloc[0]
    assert row[["a", "b", "within", "configs"]].tolist() == ["fd_digits", "kid", "all", 8]
    assert (row["spearman"], row["kendall"]) == pytest.approx((1, 1))


@pytest.mark.parametrize("table", [{"a": [["running"]]}, {"a": [[None, None]]}, {"a": [[1.0]]}])
@pytest.mark.parametrize(
    "say", [statistics.seed_variance, statistics.selection, agreement.rung_agreement, agreement.metric_agreement]
)
def test_tables_exist_at_every_stage_of_a_sweep(build, say, table):
    say(frames.load(build(table)))


def test_one_config_tells_the_deviation_of_its_seeds():
    scores = np.array([3.0, 5.0, 4.0, 8.0])
    found = statistics.variance_components([scores])
    assert found.seeds.value == pytest.approx(scores.std(ddof=1))
    low, high = (math.sqrt(3 * scores.var(ddof=1) / stats.chi2.ppf(tail, 3)) for tail in (0.975, 0.025))
    assert (found.seeds.low, found.seeds.high) == pytest.approx((low, high))
    assert math.isnan(found.configs) and math.isnan(found.share.value)


def test_perfect_agreement_has_no_interval_whatever_its_last_digit():
    x = np.arange(8.0)
    for y in (x, x + 0.1, 1e-3 * x, -x):
        for found in agreement.rank_agreement(x, y).values():
            assert abs(found.value) == pytest.approx(1) and math.isnan(found.low) and math.isnan(found.high)


def test_agreement_that_is_perfect_but_for_rounding_has_no_interval(monkeypatch):
    monkeypatch.setattr(agreement.stats, "spearmanr", lambda x, y: SimpleNamespace(statistic=0.9999999999999998))
    found = agreement.rank_agreement(np.arange(8.0), np.arange(8.0))["spearman"]
    assert math.isnan(found.low) and math.isnan(found.high)


def made(configs, seeds, draws, deviations, rng):
    """Scores of known components."""
    effects = [rng.normal(size=size) for size in ((configs, 1, 1), (configs, seeds, 1), (configs, seeds, draws))]
    return 10.0 + sum(deviation * effect for deviation, effect in zip(deviations, effects, strict=True))


def test_three_nested_components_are_found_and_their_intervals_cover():
    """Retraining moves the score 3.2 times as much as resampling, configs five times as much as retraining."""
    truth, rng = (1.6 * 5, 1.6, 0.5), np.random.default_rng(0)
    inside, estimates, count = np.zeros(4), [], 400
    for _ in range(count):
        parts = statistics.nested_components(made(12, 4, 3, truth, rng))
        estimates.append([part.value**2 for part in parts])
        inside += [part.low <= value <= part.high for part, value in zip(parts, (*truth, 3.2), strict=True)]
    # Variances are estimated without bias, as long as none is near 0; the ratio is not a variance.
    np.testing.assert_allclose(np.mean(estimates, axis=0)[:3], np.square(truth), rtol=0.1)
    assert (inside / count >= 0.92).all() and (inside / count <= 0.98).all()


def test_nested_components_by_hand():
    """Two configs, two seeds, two draws: mean squares 32, 4 and 2."""
    parts = statistics.nested_components([[[0.0, 2.0], [2.0, 4.0]], [[4.0, 6.0], [6.0, 8.0]]])
    expected = [np.sqrt((32.0 - 4.0) / 4), np.sqrt((4.0 - 2.0) / 2), np.sqrt(2.0), np.sqrt((4.0 / 2.0 - 1.0) / 2)]
    np.testing.assert_allclose([part.value for part in parts], expected)


def test_what_draws_alone_move_is_no_effect_of_the_seed():
    parts = statistics.nested_components(made(6, 5, 4, (0.0, 0.0, 1.0), np.random.default_rng(3)))
    assert parts.seeds.low == parts.ratio.low == 0.0
    assert parts.draws.low < 1.0 < parts.draws.high


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 3), (3, 3, 1)])
def test_nested_components_need_two_of_each(shape):
    with pytest.raises(ValueError, match=r"expected \[configs, seeds, draws\]"):
        statistics.nested_components(np.zeros(shape))
