import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from ganscape.metrics import MetricError
from ganscape.metrics.moments import empty, load_moments, merge, moments, save_moments, update


def sample(seed, n, d, offset=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + offset


def test_mean_and_covariance_are_numpys_with_divisor_n_minus_1():
    x = sample(0, 50, 7)
    found = moments(x)
    assert found.count == 50
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False, ddof=1), rtol=1e-12, atol=1e-12)


def test_two_samples_have_the_covariance_worked_out_by_hand():
    found = moments([[0.0, 0.0], [2.0, 4.0]])
    np.testing.assert_array_equal(found.mean, [1, 2])
    np.testing.assert_array_equal(found.covariance, [[2, 4], [4, 8]])


def test_an_offset_of_a_billion_standard_deviations_costs_nothing():
    offset = 2.0**30
    x = np.round(sample(1, 20_000, 3) * 2**20) / 2**20  # exact in float64 with the offset added
    plain, moved = moments(x), moments(x + offset)
    np.testing.assert_allclose(moved.covariance, plain.covariance, rtol=1e-11, atol=1e-11)
    exact = [math.fsum(column) / len(column) for column in (x + offset).T]
    np.testing.assert_allclose(moved.mean, exact, rtol=4e-16)


def test_an_offset_in_a_stream_of_single_samples_costs_little():
    x = sample(2, 200, 4, offset=1e6)
    stream = empty(4)
    for row in x:
        stream = update(stream, row[None])
    np.testing.assert_allclose(stream.covariance, np.cov(x - 1e6, rowvar=False), rtol=1e-7, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=5), st.integers(0, 10**6), st.sampled_from([0.0, 1e4]))
def test_merging_any_split_equals_one_pass(cuts, seed, offset):
    x = sample(seed, 60, 6, offset)
    parts = [update(empty(6), part) for part in np.split(x, sorted(cuts))]
    merged = parts[0]
    for part in parts[1:]:
        merged = merge(merged, part)
    assert merged.count == 60
    tolerance = 1e-11 * max(offset, 1)
    np.testing.assert_allclose(merged.mean, x.mean(axis=0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(merged.covariance, np.cov(x - offset, rowvar=False), rtol=tolerance, atol=tolerance)


def test_merging_is_symmetric_and_empty_is_neutral():
    a, b = moments(sample(3, 20, 4)), moments(sample(4, 30, 4))
    for one, other in zip(merge(a, b), merge(b, a), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13)
    for found in (merge(a, empty(4)), merge(empty(4), a), update(a, np.empty((0, 4)))):
        for one, other in zip(found, a, strict=True):
            np.testing.assert_array_equal(one, other)


def test_float32_features_are_summed_in_float64():
    x = (sample(5, 20_000, 3) + 100).astype(np.float32)
    expected = np.cov(x.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(moments(x).covariance, expected, rtol=1e-12)


def test_saved_moments_come_back_bit_for_bit(tmp_path):
    kept = moments(sample(6, 20, 5))
    save_moments(kept, tmp_path / "moments")
    found = load_moments(tmp_path / "moments")
    assert found.count == kept.count
    assert found.mean.tobytes() == kept.mean.tobytes()
    assert found.scatter.tobytes() == kept.scatter.tobytes()


def not_a_zip(path):
    path.write_bytes(b"not an archive")


def empty_file(path):
    path.write_bytes(b"")


def one_array(path):
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def other_names(path):
    np.savez(path, mean=np.zeros(2))


def other_shapes(path):
    np.savez(path, count=3, mean=np.zeros(2), scatter=np.zeros((3, 3)))


def pickled(path):
    np.savez(path, count=3, mean=np.zeros(2), scatter=np.array([{}, None]))


@pytest.mark.parametrize("write", [not_a_zip, empty_file, one_array, other_names, other_shapes, pickled])
def test_a_file_of_something_else_is_refused_by_name(tmp_path, write):
    path = tmp_path / "other.npz"
    write(path)
    with pytest.raises(MetricError, match=r"other\.npz holds no moments"):
        load_moments(path)


def test_values_that_are_not_finite_are_counted():
    x = np.zeros((5, 4), np.float32)
    x[1, 2], x[1, 3], x[4, 0] = np.nan, np.inf, -np.inf
    with pytest.raises(MetricError, match="3 of 20 feature values are not finite, in 2 of 5 samples"):
        moments(x)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_samples_are_refused(count):
    with pytest.raises(MetricError, match=f"at least 2 samples, not {count}"):
        moments(np.zeros((count, 3)))
    with pytest.raises(MetricError, match=f"at least 2 samples, not {count}"):
        _ = update(empty(3), np.zeros((count, 3))).covariance


def test_other_shapes_are_refused():
    with pytest.raises(MetricError, match=r"\(3,\)"):
        moments(np.zeros(3))
    with pytest.raises(MetricError, match=r"dimension 4 .* moments of 3"):
        update(empty(3), np.zeros((2, 4)))
    with pytest.raises(MetricError, match="dimensions 3 and 4"):
        merge(empty(3), empty(4))


def test_the_bits_do_not_depend_on_the_number_of_blas_threads():
    x = sample(7, 3000, 300)
    found = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, "blas"):
            found.append(moments(x).scatter.tobytes())
    assert len(set(found)) == 1
