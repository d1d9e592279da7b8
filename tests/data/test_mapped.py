"""Images that stay in their file."""

import pickle

import numpy as np
import pytest

from ganscape.data import DataError, Dataset
from ganscape.data.mapped import MappedImages, map_images


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "images.npy", np.arange(24, dtype=np.uint8).reshape(4, 2, 3, 1))
    return tmp_path / "images.npy"


def test_pickled_images_are_the_path_of_their_file(file):
    images = map_images(file)
    file.write_bytes(file.read_bytes()[:-24] + bytes(range(100, 124)))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(images)).ravel(), np.arange(100, 124))


@pytest.mark.parametrize("part", [lambda images: images[1:3], lambda images: images[[0, 2]], lambda images: images + 1])
def test_parts_and_results_are_pickled_by_content(file, part):
    taken = part(map_images(file))
    again = pickle.loads(pickle.dumps(taken, protocol=5))
    np.testing.assert_array_equal(again, taken)
    assert not isinstance(again, MappedImages)


def test_images_are_read_only(file):
    with pytest.raises(ValueError, match="read-only"):
        map_images(file)[0] = 1


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_array_is_refused_by_name(tmp_path, content):
    (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"images.npy: not an array that can be mapped"):
        map_images(tmp_path / "images.npy")


def test_a_truncated_file_and_an_archive_are_refused(file):
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"images.npy: not an array that can be mapped"):
        map_images(file)
    np.savez(file.with_suffix(".npz"), images=np.zeros(3))
    with pytest.raises(DataError, match=r"images.npz: an archive cannot be mapped"):
        map_images(file.with_suffix(".npz"))


def test_the_fingerprint_is_that_of_the_content_and_changes_with_the_file(file):
    images = map_images(file)
    before = Dataset("mapped", images, images, None, None).fingerprint
    assert before == Dataset("", *[np.array(images)] * 2, None, None).fingerprint
    np.save(file, np.zeros((5, 2, 3, 1), np.uint8))
    other = map_images(file)
    assert Dataset("", other, other, None, None).fingerprint != before
