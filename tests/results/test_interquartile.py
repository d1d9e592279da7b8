import itertools

import numpy as np
import pytest
from scipy import stats

from ganscape.results.frames import recorded
from ganscape.results.interquartile import interquartile_mean, interquartile_means


def enumerated(rows, *levels):
    """The percentile intervals of these levels over every draw of the rows with replacement, each as likely."""
    draws = itertools.product(range(len(rows)), repeat=len(rows))
    means = stats.trim_mean([np.concatenate([rows[index] for index in draw]) for draw in draws], 0.25, axis=1)
    return [np.quantile(means, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf") for level in levels]


@pytest.mark.parametrize("shape", [(1,), (3,), (7,), (8,), (6, 3)])
def test_the_value_is_scipys_trimmed_mean_of_all_scores(shape):
    scores = np.random.default_rng(0).lognormal(size=shape)
    assert interquartile_mean([scores]).value == pytest.approx(stats.trim_mean(scores, 0.25, axis=None), rel=1e-12)
    assert interquartile_mean([scores, 2 * scores]).value == pytest.approx(
        stats.trim_mean([scores, 2 * scores], 0.25, axis=None), rel=1e-12
    )


def test_of_eight_scores_the_four_in_the_middle_count():
    assert interquartile_mean([[1, 2, 3, 4, 5, 6, 1000, np.inf]]).value == (3 + 4 + 5 + 6) / 4


def test_the_interval_of_few_scores_is_that_of_every_draw():
    scores = np.array([1.0, 2.0, 4.0, 9.0, 30.0])
    # 2,000 of 3,125 draws at random: a quantile is that of another level, 0.5 points away by deviation.
    (low, high), *near = enumerated(scores[:, None], 0.95, 0.93, 0.97)
    _, *found = interquartile_mean([scores])
    assert near[1][0] <= found[0] <= near[0][0] and near[0][1] <= found[1] <= near[1][1]
    assert low < interquartile_mean([scores]).value < high


def test_seeds_of_a_config_are_drawn_together_and_those_of_a_single_config_alone():
    """Two configs whose seeds are alike: a quarter of the draws has the first one alone, a quarter the second."""
    table = np.repeat([[1.0], [3.0]], 20, axis=1)
    assert interquartile_mean([table]) == (2.0, 1.0, 3.0)
    _, low, high = interquartile_mean([table.reshape(1, -1)])
    assert 1 < low < 2 < high < 3


def test_strata_keep_their_size_in_every_draw():
    """Scores that differ between strata alone have no uncertainty, though drawn from one pool they would."""
    strata = [np.full(4, 1.0), np.full(4, 3.0)]
    assert interquartile_mean(strata) == (2.0, 2.0, 2.0)
    _, low, high = interquartile_mean([np.concatenate(strata)])
    assert low < 2 < high


def test_the_interval_of_many_normal_scores_is_near_the_textbook_s():
    """A mean trimmed by a has n times the variance (E[x^2; |x| < z] + 2 a z^2) / (1 - 2 a)^2."""
    scores = np.random.default_rng(1).normal(size=4_000)
    value, low, high = interquartile_mean([scores])
    z = stats.norm.ppf(0.75)
    inner = 0.5 - 2 * z * stats.norm.pdf(z)
    reach = 1.96 * np.sqrt((inner + 0.5 * z**2) / 0.25 / 4_000)
    assert abs(value) < reach * 1.5
    assert (high - low) / 2 == pytest.approx(reach, rel=0.2)


def test_more_than_a_quarter_of_failures_make_it_infinite_and_no_scores_are_refused():
    assert interquartile_mean([[1, 2, 3, np.inf]]).value == 2.5
    assert interquartile_mean([[1, 2, 3, np.inf]]).high == np.inf
    assert interquartile_mean([[1, 2, np.inf, np.inf]]).value == np.inf
    single = interquartile_mean([[1.0]])
    assert single.value == 1 and np.isnan(single.low)
    for tables in ([], [[]], [[1.0, np.nan]]):
        with pytest.raises(ValueError, match="needs scores, none of them NaN"):
            interquartile_mean(tables)


def test_methods_of_a_recorded_sweep_have_the_trimmed_mean_of_all_their_trials():
    sweep = recorded("equal_wide_digits")
    table, trials = interquartile_means(sweep).set_index("method"), sweep.searched()
    assert list(table.index) == sweep.methods()
    for method, row in table.iterrows():
        scores = np.sort(trials.loc[trials["method"] == method, "value"].to_numpy())
        cut = len(scores) // 4
        assert row["scores"] == len(scores)
        assert row["value"] == pytest.approx(scores[cut : len(scores) - cut].mean())
        assert row["low"] <= row["value"] <= row["high"]
