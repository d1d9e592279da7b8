import numpy as np
import pytest

from ganscape.data import mnist16


def test_a_pixel_is_the_mean_of_four_halves_rounded_up():
    images = np.zeros((1, 28, 28, 1), np.uint8)
    images[0, 0:2, 0:2, 0] = [[255, 255], [255, 255]]
    images[0, 2:4, 0:2, 0] = [[1, 1], [0, 0]]
    images[0, 26:28, 26:28, 0] = [[0, 0], [0, 1]]
    small = mnist16.halve(images)
    expected = np.zeros((16, 16), np.uint8)
    expected[1, 1], expected[2, 1] = 255, 1
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small[0, :, :, 0], expected)


@pytest.mark.parametrize(("name", "source"), [("mnist16", "mnist"), ("mnist16_5k", "mnist5k")])
def test_images_are_those_of_the_source_shrunk_with_its_labels(loaded, name, source):
    small, full = loaded(name), loaded(source)
    assert small.name == name
    np.testing.assert_array_equal(small.train_labels, full.train_labels)
    np.testing.assert_array_equal(small.test_labels, full.test_labels)
    # the border of 2 black pixels is one pixel wide after shrinking
    assert not small.test[:, 0].any() and not small.test[:, :, -1].any()
    means = full.test.astype(float).reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    assert np.abs(small.test[:, 1:-1, 1:-1, 0] - means).max() <= 0.5
