import gzip
import sys
from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ganscape import data
from ganscape.data import DataError, digits


def test_levels_are_scaled_exactly_halves_up():
    levels = np.arange(17)
    expected = [int(Fraction(int(level) * 255, 16) + Fraction(1, 2)) for level in levels]
    scaled = digits.scale_levels(levels)
    assert scaled.tolist() == expected
    assert (scaled[0], scaled[8], scaled[16]) == (0, 128, 255)
    assert len(set(expected)) == 17


def test_splits_follow_the_documented_rule(loaded):
    images, labels = load_digits(return_X_y=True)
    by_label = sorted(range(1797), key=lambda index: (labels[index], index))
    visited, place = [], 0
    for _ in range(1797):
        visited.append(by_label[place])
        place = (place + 1111) % 1797
    dataset = loaded("digits")
    assert dataset.train_labels.tolist() == [labels[index] for index in visited[:1000]]
    assert dataset.test_labels.tolist() == [labels[index] for index in visited[1000:]]
    levels = np.rint(np.concatenate([dataset.train, dataset.test]).reshape(1797, 64) * (16 / 255))
    np.testing.assert_array_equal(levels, images[visited])


def test_both_splits_together_are_scikit_learns_images(loaded):
    dataset = loaded("digits")
    assert sorted(visited_bytes(dataset)) == sorted(
        digits.scale_levels(image).tobytes() for image in load_digits().images
    )


def visited_bytes(dataset):
    return [image.tobytes() for image in np.concatenate([dataset.train, dataset.test])]


@pytest.mark.parametrize("split", ["train_labels", "test_labels"])
def test_any_hundred_in_a_row_hold_each_digit_about_ten_times(loaded, split):
    labels = getattr(loaded("digits"), split)
    for start in range(len(labels) - 100):
        counts = np.bincount(labels[start : start + 100], minlength=10)
        assert counts.min() >= 7 and counts.max() <= 13


def test_other_content_of_scikit_learn_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(digits, "scale_levels", lambda levels: np.zeros(levels.shape, np.uint8))
    with pytest.raises(DataError, match=r"digits.csv.gz of the installed scikit-learn.*expected"):
        data.load("digits", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"'digits' is in scikit-learn, which has no digits.csv.gz here"),
        (b"1,2,3", r"digits.csv.gz: not the digits of scikit-learn"),
        (gzip.compress(b"1,2,x", mtime=0), r"digits.csv.gz: not the digits of scikit-learn"),
    ],
)
def test_a_missing_or_damaged_file_of_scikit_learn_is_refused(content, message, monkeypatch, tmp_path):
    folder = tmp_path / "sklearn" / "datasets" / "data"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "digits.csv.gz").write_bytes(content)
    (tmp_path / "sklearn" / "__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sklearn")
    with pytest.raises(DataError, match=message):
        digits.load(tmp_path)
