import numpy as np
import pytest
import scipy.stats

from ganscape.data import DATASETS, Dataset, mnist16, stacked_mnist


def digits_of(labels):
    return np.stack([labels // 100, labels // 10 % 10, labels % 10], axis=-1)


@pytest.fixture
def four_digits(monkeypatch):
    """MNIST as four images of one pixel per split, whose gray level is their digit, 10 higher in the test split."""
    levels, labels = np.array([3, 0, 9, 4], np.uint8), np.array([3, 0, 9, 4])
    images = levels.reshape(4, 1, 1, 1)
    monkeypatch.setattr(stacked_mnist.mnist, "load", lambda root: Dataset("", images, images + 10, labels, labels))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_colour_is_a_digit_of_the_same_split_and_the_label_spells_them(loaded, split):
    stacked, digits = loaded("stacked_mnist_5k"), loaded("mnist5k")
    labels = digits.train_labels if split == "train" else digits.test_labels
    known = {image.tobytes(): label for image, label in zip(getattr(digits, split), labels, strict=True)}
    images = getattr(stacked, split)[:100]
    spelled = digits_of(getattr(stacked, f"{split}_labels")[:100])
    found = [[known[np.ascontiguousarray(image[..., c]).tobytes()] for c in range(3)] for image in images]
    np.testing.assert_array_equal(found, spelled)


def test_modes_are_drawn_evenly_and_all_occur(loaded):
    counts = np.bincount(loaded("stacked_mnist_5k").train_labels, minlength=1_000)
    assert counts.shape == (1_000,) and counts.min() > 0
    assert 0.001 < scipy.stats.chisquare(counts).pvalue < 0.999


def test_digits_of_an_image_are_independent(loaded):
    first, second, third = digits_of(loaded("stacked_mnist_5k").train_labels).T
    for one, other in ((first, second), (second, third), (first, third)):
        table = np.histogram2d(one, other, bins=10)[0]
        assert scipy.stats.chi2_contingency(table).pvalue > 0.001


def test_both_sizes_hold_the_same_digits(loaded):
    large, small = loaded("stacked_mnist_5k"), loaded("stacked_mnist16_5k")
    np.testing.assert_array_equal(small.test, mnist16.halve(large.test))
    np.testing.assert_array_equal(small.train_labels, large.train_labels)


def test_the_numbers_of_images_are_the_published_ones(four_digits, tmp_path):
    stacked = stacked_mnist.load(tmp_path)
    assert (len(stacked.train), len(stacked.test)) == (128_000, 26_000)
    np.testing.assert_array_equal(stacked.train[:, 0, 0], digits_of(stacked.train_labels))
    np.testing.assert_array_equal(stacked.test[:, 0, 0], 10 + digits_of(stacked.test_labels))
    for name in ("stacked_mnist", "stacked_mnist16"):
        assert "(128,000 train, 26,000 test)" in DATASETS[name].summary
