"""Images that stay in their file."""

import pickle
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from ganscape.data import DataError, Dataset
from ganscape.data.mapped import SHARED_BYTES, MappedImages, in_one_file, map_images


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


@pytest.fixture
def many():
    return np.random.default_rng(0).integers(0, 256, (SHARED_BYTES // 16, 4, 4, 1), dtype=np.uint8)


def test_images_in_one_file_are_read_by_other_processes_and_leave_nothing_behind(many, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    read = "import pickle, sys; sys.stdout.buffer.write(pickle.load(sys.stdin.buffer).tobytes())"
    with in_one_file(many) as mapped:
        assert not list(tmp_path.iterdir()), "a file with a name, which would stay if this process were killed"
        sent = pickle.dumps(mapped)
        assert len(sent) < 1_000
        other = subprocess.run([sys.executable, "-c", read], input=sent, capture_output=True, check=True)
        assert other.stdout == many.tobytes()
        assert Dataset("", mapped, mapped, None, None).fingerprint == Dataset("", many, many, None, None).fingerprint
    with pytest.raises(DataError):
        pickle.loads(sent)


def test_few_images_mapped_ones_and_those_without_room_for_a_file_stay_as_they_are(many, file, monkeypatch):
    mapped = map_images(file)
    for images in (many[1:], mapped):
        with in_one_file(images) as same:
            assert same is images

    def refuse():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with in_one_file(many) as same:
        assert same is many
