import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from ganscape.metrics import MetricError, precision_recall
from ganscape.metrics.precision_recall import balls, coverage, density, precision, recall

FOUR = (precision, recall, density, coverage)


def four(real, fake, k):
    made = balls(real, k)
    return tuple(each(made, fake) for each in FOUR)


def by_loops(real, fake, k):
    """The definitions in Python's exact integers."""
    real, fake = ([tuple(int(value) for value in row) for row in part] for part in (real, fake))

    def distance(a, b):
        return sum((p - q) ** 2 for p, q in zip(a, b, strict=True))

    def radii(part):
        return [sorted(distance(a, b) for j, b in enumerate(part) if j != i)[k - 1] for i, a in enumerate(part)]

    real_radii, fake_radii = radii(real), radii(fake)
    inside = [[distance(f, r) <= radius for r, radius in zip(real, real_radii, strict=True)] for f in fake]
    back = [[distance(f, r) <= radius for f, radius in zip(fake, fake_radii, strict=True)] for r in real]
    return (
        sum(map(any, inside)) / len(fake),
        sum(map(any, back)) / len(real),
        sum(map(sum, inside)) / (k * len(fake)),
        sum(map(any, zip(*inside, strict=True))) / len(real),
    )


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(5, 20),
    st.integers(5, 20),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([0, 10**9]),
)
def test_a_lattice_full_of_ties_and_duplicates_is_counted_exactly(seed, n, m, d, k, offset):
    rng = np.random.default_rng(seed)
    real, fake = rng.integers(4, size=(n, d)) + offset, rng.integers(1, 5, size=(m, d)) + offset
    assert four(real, fake, k) == pytest.approx(by_loops(real, fake, k), abs=1e-15)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_continuous_features_agree_with_sklearn_s_neighbours(k):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(60, 7)), rng.normal(size=(45, 7)) * 0.8 + 0.5
    radii = [NearestNeighbors(n_neighbors=k).fit(part).kneighbors()[0][:, -1] for part in (real, fake)]
    gaps = np.linalg.norm(fake[:, None] - real, axis=-1)
    inside, back = gaps <= radii[0], gaps <= radii[1][:, None]
    expected = inside.any(axis=1).mean(), back.any(axis=0).mean(), inside.sum() / (k * 45), inside.any(axis=0).mean()
    assert four(real, fake, k) == pytest.approx(expected, abs=1e-15)
    np.testing.assert_allclose(np.sqrt(balls(real, k).radii), radii[0], rtol=1e-12)


def test_a_far_offset_leaves_the_lattice_s_distances_exact():
    """The plain |a|^2 + |b|^2 - 2 a.b has no digit of them left."""
    rng = np.random.default_rng(1)
    real = rng.integers(3, size=(40, 3)) + 2**45
    assert np.array_equal(balls(real, 2).radii, balls(real - 2**45, 2).radii)
    assert set(balls(real, 2).radii) <= set(range(13))


def test_a_scale_of_one_sample_does_not_blind_the_others():
    rng = np.random.default_rng(2)
    real = rng.integers(4, size=(30, 2)).astype(float)
    outlier = np.array([[2.0**40, 0.0]])
    assert np.array_equal(balls(np.concatenate([real, outlier]), 2).radii[:30], balls(real, 2).radii)


def test_neighbours_on_the_boundary_are_inside_in_many_dimensions():
    """Generated samples are the real ones, so that each lies on the boundary of others' balls; sums are not exact."""
    x = np.random.default_rng(11).normal(size=(60, 300)) + 1000
    distances = np.square(x[:, None] - x).sum(axis=-1)
    radii = np.sort(distances, axis=1)[:, 3]
    assert np.array_equal(balls(x, 3).radii, radii)
    assert density(balls(x, 3), x) == (distances <= radii).sum() / (3 * 60) == 4 / 3


def test_fractions_of_255_tie_as_the_integers_do():
    """Quantised pixels: duplicates lie on the boundary of balls of radius 0."""
    pixels = np.random.default_rng(3).integers(2, size=(25, 3)) * 255
    assert four(pixels / 255, pixels[:9] / 255, 3) == pytest.approx(by_loops(pixels, pixels[:9], 3), abs=1e-15)


def test_identical_sets_have_everything():
    x = np.random.default_rng(4).normal(size=(30, 5))
    found = four(x, x, 3)
    assert found[0] == found[1] == found[3] == 1
    assert found[2] == pytest.approx((3 + 1) / 3, abs=1e-15)  # a ball holds its centre and k others
    assert four(x, x[::-1], 3) == found


def test_disjoint_sets_have_nothing():
    x = np.random.default_rng(5).normal(size=(30, 5))
    assert four(x, x + 1000, 3) == (0, 0, 0, 0)


def test_a_collapsed_generator_is_precise_and_recalls_nothing():
    x = np.random.default_rng(6).normal(size=(30, 5))
    collapsed = np.tile(x[7], (10, 1))
    found = four(x, collapsed, 3)
    assert found[:2] == (1, 1 / 30)
    assert found[3] < 0.5
    nearby = np.tile(x[7] + 1e-6, (10, 1))
    assert four(x, nearby, 3)[:2] == (1, 0)


def test_collapsed_real_images_are_met_only_by_their_equals():
    collapsed = np.full((20, 4), 0.1)
    assert four(collapsed, collapsed[:8], 5) == (1, 1, 20 / 5, 1)
    assert four(collapsed, collapsed[:8] + 1e-12, 5) == (0, 0, 0, 0)


def test_a_single_generated_image_has_precision_density_and_coverage():
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # radii for k = 1: 1, 1, 2, 4
    made = balls(real, 1)
    assert list(made.radii) == [1, 1, 4, 16]
    assert (precision(made, [[2.0]]), density(made, [[2.0]]), coverage(made, [[2.0]])) == (1, 2, 2 / 4)
    assert precision(made, [[-1.0]]) == 1 and precision(made, [[-1.001]]) == 0
    with pytest.raises(MetricError, match="1-th neighbour needs at least 2 samples, not 1"):
        recall(made, [[2.0]])


def test_directions_are_told_apart():
    """A generator of one of two modes has precision 1 and recall 1/2; one that adds a mode has them swapped."""
    rng = np.random.default_rng(7)
    one, other = rng.random(size=(50, 2)), rng.random(size=(50, 2)) + 100
    both = np.concatenate([one, other])
    dropped, added = four(both, one, 3), four(one, both, 3)
    assert dropped[:2] == (1, 0.5) and added[:2] == (0.5, 1)
    assert dropped[3] == 0.5 and added[3] == 1


@pytest.mark.parametrize(("n", "m", "k"), [(20, 20, 3), (30, 12, 5)])
def test_expected_density_and_coverage_of_equal_distributions(n, m, k):
    """Both are the same for every continuous distribution."""
    rng = np.random.default_rng(8)
    draws = [(balls(rng.normal(size=(n, 3)) ** 3, k), rng.normal(size=(m, 3)) ** 3) for _ in range(300)]
    expected = 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
    for function, value in ((density, 1), (coverage, expected)):
        found = [function(real, fake) for real, fake in draws]
        assert abs(np.mean(found) - value) < 4 * np.std(found, ddof=1) / np.sqrt(300)


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(9)
    real, fake = rng.integers(5, size=(33, 3)), rng.integers(5, size=(21, 3))
    whole = four(real, fake, 3)
    for entries in (1, 7, 33, 100):
        monkeypatch.setattr(precision_recall, "ENTRIES", entries)
        assert four(real, fake, 3) == whole


def test_what_has_no_neighbours_is_refused():
    x = np.random.default_rng(10).normal(size=(10, 4))
    with pytest.raises(MetricError, match="3-th neighbour needs at least 4 samples, not 3"):
        balls(x[:3], 3)
    for function in FOUR:
        with pytest.raises(MetricError, match="5 dimensions, the reference 4"):
            function(balls(x, 3), np.zeros((9, 5)))
        with pytest.raises(MetricError, match="1 of 40 feature values are not finite"):
            function(balls(x, 3), np.where(np.arange(40).reshape(10, 4) == 7, np.inf, x))
        with pytest.raises(MetricError):
            function(balls(x, 3), np.zeros((0, 4)))


def test_continuous_features_agree_with_the_authors_package():
    """Without ties its strict inequality is this one."""
    prdc = pytest.importorskip("prdc")
    rng = np.random.default_rng(4)
    real, fake = rng.normal(size=(120, 6)), rng.normal(size=(90, 6)) * 0.8 + 0.4
    expected = prdc.compute_prdc(real, fake, nearest_k=5)
    reference = balls(real, 5)
    found = {each.__name__: each(reference, fake) for each in (precision, recall, density, coverage)}
    assert found == pytest.approx(expected, rel=1e-12)


def test_no_square_of_the_samples_is_held(monkeypatch):
    """Not even block by block, in what is kept of each."""
    monkeypatch.setattr(precision_recall, "ENTRIES", 2**14)
    samples = np.random.default_rng(0).normal(size=(2000, 4))
    tracemalloc.start()
    precision_recall.recall(precision_recall.balls(samples, 3), samples + 0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2000 * 2000 * 8 / 4
