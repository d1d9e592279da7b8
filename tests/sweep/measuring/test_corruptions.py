"""Images with known faults have these faults and no others."""

import numpy as np
import pytest

from ganscape.sweep.measuring.corruptions import (
    CORRUPTIONS,
    blurred,
    few_repeated,
    half_the_classes,
    noisy,
    one_of_each_class,
    quarters_swapped,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_fault_changes_images_and_neither_their_number_nor_their_range(name, digits, rng):
    images = digits.train[:25]
    corrupt = CORRUPTIONS[name](images, rng)
    assert corrupt.shape == images.shape
    values = corrupt / 255 if corrupt.dtype == np.uint8 else corrupt
    assert values.min() >= 0 and values.max() <= 1
    assert not np.allclose(values, images / 255)


def test_a_blur_keeps_the_mean_and_loses_contrast(rng):
    image = np.zeros((1, 9, 9, 1), np.uint8)
    image[0, 4, 4] = 255
    smooth = blurred(image, rng)
    assert smooth.sum() == pytest.approx(1, abs=1e-3) and smooth.max() == pytest.approx(1 / (2 * np.pi), rel=0.1)


def test_noise_on_grey_has_a_deviation_of_a_tenth(rng):
    assert noisy(np.full((4, 50, 50, 1), 128, np.uint8), rng).std() == pytest.approx(0.1, rel=0.02)


def test_opposite_quarters_are_exchanged(rng):
    image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    assert quarters_swapped(image, rng)[0, :, :, 0].tolist() == [
        [10, 11, 8, 9],
        [14, 15, 12, 13],
        [2, 3, 0, 1],
        [6, 7, 4, 5],
    ]


def test_a_collapse_leaves_a_tenth_of_the_images(digits, rng):
    assert len(np.unique(few_repeated(digits.train[:95], rng), axis=0)) == 10


def test_one_image_of_each_class_is_drawn_and_none_without_classes(digits):
    drawn = one_of_each_class(digits, 3)
    assert digits.train_labels[drawn].tolist() == list(range(10))
    assert drawn.tolist() == one_of_each_class(digits, 3).tolist() != one_of_each_class(digits, 4).tolist()
    assert len(one_of_each_class(digits._replace(train_labels=None), 3)) == 0


def test_half_the_classes_are_the_first_half_and_none_without_classes(digits):
    kept = half_the_classes(digits)
    assert set(digits.train_labels[kept]) == set(range(5))
    assert len(kept) == np.sum(digits.train_labels < 5)
    assert len(half_the_classes(digits._replace(train_labels=None))) == 0
