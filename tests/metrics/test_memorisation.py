"""Signs of copying: by hand, by brute force, against scipy's rank test."""

import numpy as np
import pytest
import scipy.stats

from ganscape.metrics import MetricError
from ganscape.metrics.memorisation import authenticity, data_copying, rank_z


def features(seed, n, d, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def test_authenticity_by_hand():
    train = [[0.0], [1.0], [5.0]]
    # nearest to 0.4 is 0, which is 1 from its neighbour: a copy; 2.5 is 1.5 from 1, and 7 is 2 from 5, 4 from its own
    assert authenticity(train, [[0.4], [2.5], [7.0], [12.0]]) == 0.5


def test_authenticity_is_that_of_all_pairs():
    train, fake = features(0, 40, 3), features(1, 25, 3, 0.2)
    between = np.linalg.norm(fake[:, None] - train, axis=2)
    within = np.linalg.norm(train[:, None] - train, axis=2) + np.diag([np.inf] * 40)
    expected = np.mean([row.min() > within[row.argmin()].min() for row in between])
    assert authenticity(train, fake) == expected


def test_copies_are_not_authentic_and_duplicates_in_the_train_split_are_no_neighbours_of_themselves():
    train = features(0, 50, 4)
    assert authenticity(train, train + 1e-6) == 0
    assert authenticity(train, features(1, 2_000, 4)) == pytest.approx(0.5, abs=0.2)
    assert authenticity([[0.0], [0.0], [3.0]], [[0.1]]) == 1  # the nearest has a neighbour at distance 0


def test_z_is_that_of_scipy_s_rank_test():
    a, b = features(0, 30, 1)[:, 0], features(1, 45, 1, 0.4)[:, 0]
    found = scipy.stats.mannwhitneyu(a, b, method="asymptotic", use_continuity=False, alternative="less")
    assert scipy.stats.norm.cdf(rank_z(a, b)) == pytest.approx(found.pvalue, rel=1e-9)
    assert rank_z(np.arange(10.0), np.arange(10.0)) == 0
    # 2 against 3 without ties: U = 0, mean 3, variance 2 * 3 * 6 / 12
    assert rank_z(np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])) == pytest.approx(-3 / np.sqrt(3))
    # 2 against 2, one pair of which ties: U = 1/2, mean 2, variance 2 * 2 * 5 / 12
    assert rank_z(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == pytest.approx(-1.5 / np.sqrt(5 / 3))


def test_c_t_is_near_0_for_fresh_samples_far_below_for_copies_and_far_above_for_strangers():
    train, test, fresh = (features(seed, 500, 3) for seed in (0, 1, 2))
    assert abs(data_copying(train, test, fresh).value) < 3
    assert data_copying(train, test, train + 1e-3).value < -5
    assert data_copying(train, test, features(3, 500, 3, 2.0)).value > 3


def test_c_t_of_one_cell_is_the_rank_test_of_the_distances():
    train, test, fake = features(0, 60, 2), features(1, 30, 2), features(2, 40, 2, 0.1)
    to_train = [np.linalg.norm(part[:, None] - train, axis=2).min(axis=1) for part in (fake, test)]
    found = data_copying(train, test, fake, cells=1)
    assert found.value == pytest.approx(rank_z(*to_train)) and found[1:] == (1, 1.0)


def test_c_t_weighs_cells_by_their_test_samples_and_leaves_out_those_with_few_generated_ones():
    near, far = features(0, 60, 2), features(1, 60, 2, 50.0)
    train = np.concatenate([near, far])
    test = np.concatenate([features(2, 30, 2), features(3, 10, 2, 50.0)])
    fake = np.concatenate([features(4, 40, 2), features(5, 19, 2, 50.0)])
    found = data_copying(train, test, fake, cells=2)
    alone = data_copying(near, test[:30], fake[:40], cells=1)
    assert (found.cells, found.share) == (1, 0.75)
    assert found.value == pytest.approx(alone.value)
    both = data_copying(train, test, np.concatenate([fake, fake[-1:]]), cells=2)
    other = data_copying(far, test[30:], np.concatenate([fake[40:], fake[-1:]]), cells=1)
    assert both.value == pytest.approx(0.75 * alone.value + 0.25 * other.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: authenticity(np.ones((1, 2)), np.ones((3, 2))), "at least 2 training samples, not 1"),
        (lambda: authenticity(np.ones((4, 2)), np.ones((0, 2))), "no samples to compare"),
        (lambda: authenticity(np.ones((4, 2)), np.ones((4, 3))), "3 dimensions, the training samples 2"),
        (lambda: data_copying(np.ones((3, 2)), np.ones((3, 2)), np.ones((30, 2))), "5 cells need as many"),
        (lambda: data_copying(features(0, 9, 2), features(1, 9, 2), features(2, 9, 2), 1), "no cell has 20 generated"),
    ],
)
def test_samples_that_do_not_do_are_refused(call, words):
    with pytest.raises(MetricError, match=words):
        call()
