"""LSUN bedroom, read from a small database in the published form and from its pictures in a folder."""

import hashlib
import io
import sys

import numpy as np
import pytest
from PIL import Image

from ganscape.data import DataError, load, lsun_bedroom

COUNT = 10
KEYS = sorted(hashlib.sha1(bytes([number])).hexdigest().encode() for number in range(COUNT))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(lsun_bedroom, "IMAGES", COUNT)
    monkeypatch.setattr(lsun_bedroom, "HELD_OUT", 4)
    monkeypatch.setattr(lsun_bedroom, "TESTED", 3)
    monkeypatch.setattr(lsun_bedroom, "SUBSET", 2)


@pytest.fixture(scope="module")
def pictures():
    """key -> picture of 256x340, or of the other side, without loss in WebP."""
    rng = np.random.default_rng(0)
    shapes = [(256, 340, 3) if number % 2 else (300, 256, 3) for number in range(COUNT)]
    return {key: rng.integers(0, 256, shape, np.uint8) for key, shape in zip(KEYS, shapes, strict=True)}


def webp(picture):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "webp", lossless=True)
    return stream.getvalue()


@pytest.fixture
def database(tmp_path, pictures):
    lmdb = pytest.importorskip("lmdb", reason="lmdb is not installed")
    with lmdb.open(str(tmp_path / "bedroom_train_lmdb"), map_size=2**24) as opened, opened.begin(write=True) as writer:
        for key in reversed(KEYS):
            writer.put(key, webp(pictures[key]))
    return tmp_path


def write_folder(root, pictures):
    for key, picture in pictures.items():
        folder = root / "lsun_bedroom" / "bedroom_train" / key.decode()[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{key.decode()}.webp").write_bytes(webp(picture))


def middles(pictures, keys):
    return [
        picture[(height - 128) // 2 :, (width - 128) // 2 :][:128, :128]
        for picture in (pictures[key] for key in keys)
        for height, width in [picture.shape[:2]]
    ]


def test_images_are_the_middles_in_the_order_of_keys_with_the_last_held_out(database, pictures):
    dataset = load("lsun_bedroom", database)
    np.testing.assert_array_equal(dataset.train, middles(pictures, KEYS[:6]))
    np.testing.assert_array_equal(dataset.test, middles(pictures, KEYS[6:9]))
    assert isinstance(dataset.train, np.memmap)


def test_a_folder_of_the_same_pictures_gives_the_same_images(database, pictures, tmp_path_factory):
    other = tmp_path_factory.mktemp("folder")
    write_folder(other, pictures)
    assert load("lsun_bedroom", other).fingerprint == load("lsun_bedroom", database).fingerprint


def test_the_subset_has_the_lowest_hashes_of_the_train_images(tmp_path, pictures):
    write_folder(tmp_path, pictures)
    lowest = sorted(KEYS[:6], key=lambda key: hashlib.sha256(key).hexdigest())[:2]
    dataset = load("lsun_bedroom_300k", tmp_path)
    np.testing.assert_array_equal(dataset.train, middles(pictures, sorted(lowest)))
    np.testing.assert_array_equal(dataset.test, middles(pictures, KEYS[6:9]))


def test_a_smaller_picture_is_padded_with_black_and_a_gray_one_coloured():
    whole = lsun_bedroom.crop_or_pad(np.full((100, 200, 1), 7, np.uint8))
    assert (whole[14:114] == 7).all() and not whole[:14].any() and not whole[114:].any()
    assert whole.shape == (128, 128, 3)


def test_without_lmdb_the_extra_is_named(monkeypatch, tmp_path):
    (tmp_path / "bedroom_train_lmdb").mkdir()
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(DataError, match=r"lmdb is not installed; pip install ganscape\[lsun\]"):
        load("lsun_bedroom", tmp_path)


def test_a_truncated_database_is_refused_before_it_is_read(database):
    file = database / "bedroom_train_lmdb" / "data.mdb"
    file.write_bytes(file.read_bytes()[: 2**18])
    with pytest.raises(DataError, match=r"data.mdb: 262144 bytes, but its header announces \d+; copy it again"):
        load("lsun_bedroom", database)


def test_a_folder_that_is_no_database_is_refused(tmp_path):
    pytest.importorskip("lmdb", reason="lmdb is not installed")
    (tmp_path / "bedroom_train_lmdb").mkdir()
    (tmp_path / "bedroom_train_lmdb" / "data.mdb").write_bytes(b"x" * 100_000)
    with pytest.raises(DataError, match="not an LMDB database that can be read"):
        load("lsun_bedroom", tmp_path)


def test_a_part_of_the_pictures_is_refused_with_the_way_to_train_on_it(tmp_path, pictures):
    write_folder(tmp_path, dict(list(pictures.items())[:5]))
    with pytest.raises(DataError, match=r"5 pictures, expected the 10 of LSUN bedroom; .* `--data FOLDER`"):
        load("lsun_bedroom", tmp_path)


def test_a_damaged_picture_is_named_by_its_key(tmp_path, pictures):
    write_folder(tmp_path, pictures)
    (file,) = (tmp_path / "lsun_bedroom").rglob(f"{KEYS[3].decode()}.webp")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError, match=f"{KEYS[3].decode()}.webp: not a picture"):
        load("lsun_bedroom", tmp_path)


def test_no_files_are_refused_with_where_they_belong(tmp_path):
    with pytest.raises(DataError, match="no folder bedroom_train_lmdb or bedroom_train in"):
        load("lsun_bedroom", tmp_path)
