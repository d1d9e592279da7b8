import numpy as np
import pytest

from ganscape.metrics import make_encoder
from ganscape.sweep.measuring import reference_cache
from ganscape.sweep.measuring.reference_cache import cache_key, reference_features


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GANSCAPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "references"


@pytest.fixture
def counted(monkeypatch):
    """How often something was encoded; the features are made up, another number each time."""
    calls = []

    def encode_images(encoder, images):
        calls.append(len(images))
        return np.full((len(images), encoder.dimension), len(calls), np.float32)

    monkeypatch.setattr(reference_cache, "encode_images", encode_images)
    return calls


@pytest.fixture
def encoder():
    return make_encoder("fd_digits", (8, 8, 1))


@pytest.fixture
def images(digits):
    return digits.test[:20]


def test_what_was_encoded_once_is_read(folder, counted, encoder, images):
    first = reference_features(encoder, images)
    again = reference_features(encoder, images.copy())
    assert counted == [20] and again.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert [path.name for path in folder.iterdir()] == [f"{cache_key(encoder, images)}.npz"]


def test_the_key_is_of_all_that_features_depend_on(encoder, images, monkeypatch):
    others = [
        cache_key(encoder, images[:19]),
        cache_key(encoder, images[::-1]),
        cache_key(encoder, images.astype(np.float32) / 255),
        *(cache_key(encoder._replace(**{field: "other"}), images) for field in ("name", "weights", "preprocessing")),
    ]
    assert len({cache_key(encoder, images), *others}) == 7
    assert cache_key(encoder, images) == cache_key(encoder._replace(parameters=None), images.copy())
    one_thread = cache_key(encoder, images)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")
    assert cache_key(encoder, images) != one_thread


@pytest.mark.parametrize("damage", ["cut", "empty", "bit", "pickle", "shape", "nothing"])
def test_a_damaged_file_is_never_trusted(folder, counted, encoder, images, damage):
    reference_features(encoder, images)
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "bit":
        content[len(content) // 2] ^= 1
    if damage in ("shape", "pickle"):
        with path.open("wb") as stream:
            odd = np.array([{}], object) if damage == "pickle" else np.zeros((3, 64), np.float32)
            np.savez(stream, features=odd, sha256=np.array("0"))
        content = bytearray(path.read_bytes())
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b""}.get(damage, bytes(content)))
    found = reference_features(encoder, images)
    assert (found == (1 if damage == "nothing" else 2)).all()
    np.testing.assert_array_equal(reference_features(encoder, images), found)
    assert len(counted) == (1 if damage == "nothing" else 2)


def test_a_folder_that_cannot_be_written_costs_time_and_one_line(
    tmp_path, monkeypatch, caplog, counted, encoder, images
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANSCAPE_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert reference_features(encoder, images).shape == (20, 64)
    assert len(counted) == 2
    (line,) = caplog.messages
    assert line.startswith(f"features of reference images cannot be kept in {tmp_path}/file/references (")


def test_a_write_cut_short_leaves_no_file(folder, monkeypatch, counted, encoder, images):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reference_cache.os, "replace", full)
    assert reference_features(encoder, images).shape == (20, 64)
    assert list(folder.iterdir()) == []


def test_pixels_are_not_kept(folder, counted, images):
    reference_features(make_encoder("fd_pixels", (8, 8, 1)), images)
    assert not folder.exists()
