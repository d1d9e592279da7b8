"""Signs of copying, of digits that were trained on and of digits that were not."""

import numpy as np
import pytest

from ganscape.data import map_source
from ganscape.sweep.measuring.copies import find_copies


@pytest.fixture
def mine(digits, tmp_path):
    """A data set of 600 digits to train on and 300 others."""
    map_source(digits.train[:600], digits.train[600:900], tmp_path / "mine")
    return str(tmp_path / "mine")


@pytest.fixture
def saved(tmp_path):
    def save(images):
        np.save(tmp_path / "images.npy", images)
        return tmp_path / "images.npy"

    return save


def test_copies_are_found_also_with_a_little_noise(digits, mine, saved):
    noise = np.random.default_rng(0).integers(0, 3, (300, 8, 8, 1))
    copies = np.clip(digits.train[:300].astype(int) + noise, 0, 255).astype(np.uint8)
    found = find_copies(saved(copies), mine, "digits")
    assert found.are_copies and found.authentic < 0.05 < 0.3 < found.of_test
    assert (found.images, found.train, found.test, found.copying.share) == (300, 600, 300, 1.0)


def test_unseen_digits_are_no_copies(digits, mine, saved):
    found = find_copies(saved(digits.test[:300]), mine, "digits")
    assert not found.are_copies and abs(found.authentic - found.of_test) < 0.15


def test_with_a_part_of_the_train_split_copies_of_the_rest_are_not_seen(digits, mine, saved):
    """Every second image is compared with: copies of the others are as near to these as unseen ones."""
    assert not find_copies(saved(digits.train[1:600:2]), mine, "digits", train=300).are_copies
    assert find_copies(saved(digits.train[0:600:2]), mine, "digits", train=300).are_copies


def test_the_command_says_so_in_words(digits, mine, saved, ganscape, refused):
    words = ["copies", "--images", saved(digits.train[:300]), "--data", mine, "--encoder", "digits"]
    result = ganscape(*words)
    assert result.exit_code == 0, result.output
    assert "nearer to training images than unseen images are" in result.output
    result = ganscape("copies", "--images", saved(digits.test[:300]), "--data", mine, "--encoder", "digits")
    assert "no sign of copies" in result.output
    refused(ganscape(*words[:-1], "digit"), "unknown encoder 'digit'", "digits")
    refused(ganscape("copies", "--images", saved(digits.train[:9, :4]), "--data", mine), "images of 4x8x1", "8x8x1")
