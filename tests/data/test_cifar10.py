"""CIFAR10's files: small ones of the same formats, and the compressed pictures where they are at hand."""

import hashlib
import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from ganscape import data
from ganscape.data import DataError, cifar10
from ganscape.data.parquet import read_pictures

SHAPE = (32, 32, 3)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, *SHAPE), dtype=np.uint8)


def record(label, image):
    """As the data set's page says: a label, 1,024 red, 1,024 green, 1,024 blue bytes."""
    return bytes([label]) + b"".join(image[:, :, channel].tobytes() for channel in range(3))


def write_binary(folder, images, monkeypatch):
    folder.mkdir(exist_ok=True)
    hashes = {}
    for number, name in enumerate(cifar10.FILES):
        content = record(number, images[number])
        (folder / name).write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(cifar10, "FILES", hashes)


def encoded(image, kind):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind)
    return stream.getvalue()


def write_table(path, pictures, labels, column="img"):
    rows = [{"bytes": picture, "path": None} for picture in pictures]
    pyarrow.parquet.write_table(pyarrow.table({column: rows, "label": labels}), path)


@pytest.mark.parametrize("below", [".", "cifar10", "cifar-10-batches-bin"])
def test_binary_files_are_read_in_order(tmp_path, images, monkeypatch, below):
    write_binary(tmp_path / below, images, monkeypatch)
    dataset = data.load("cifar10", tmp_path)
    np.testing.assert_array_equal(dataset.train, images[:5])
    np.testing.assert_array_equal(dataset.test, images[5:])
    assert dataset.train_labels.tolist() == [0, 1, 2, 3, 4] and dataset.test_labels.tolist() == [5]


def test_a_damaged_or_missing_binary_file_is_named(tmp_path, images, monkeypatch):
    write_binary(tmp_path, images, monkeypatch)
    damaged = tmp_path / "data_batch_3.bin"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match=r"data_batch_3.bin: 3073 bytes with sha256 .*, expected "):
        data.load("cifar10", tmp_path)
    damaged.unlink()
    with pytest.raises(DataError, match=r"no data_batch_3.bin in .*put all six there"):
        data.load("cifar10", tmp_path)


def test_offline_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(cifar10, "URL", "http://127.0.0.1:9/nothing")
    with pytest.raises(DataError, match=r"no test_batch.bin in .*put the six .bin files") as caught:
        data.load("cifar10", tmp_path)
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("column", ["img", "image"])
def test_losslessly_encoded_pictures_keep_their_pixels(tmp_path, images, column):
    for part, name in ((images[:4], "a"), (images[4:], "b")):
        pictures = [encoded(image, "PNG") for image in part]
        write_table(tmp_path / f"{name}.parquet", pictures, list(range(len(part))), column)
    found, labels = read_pictures([tmp_path / "a.parquet", tmp_path / "b.parquet"], SHAPE, {"PNG"})
    np.testing.assert_array_equal(found, images)
    assert labels.tolist() == [0, 1, 2, 3, 0, 1] and labels.dtype == np.int64


def test_tables_that_are_not_such_pictures_are_refused(tmp_path, images):
    path = tmp_path / "train.parquet"
    write_table(path, [encoded(images[0], "JPEG")], [0])
    with pytest.raises(DataError, match="picture 0 is JPEG, which changes pixels; one of: PNG"):
        read_pictures([path], SHAPE, {"PNG"})
    write_table(path, [encoded(images[0][:8], "PNG")], [0])
    with pytest.raises(DataError, match="picture 0 is 8x32x3, expected 32x32x3"):
        read_pictures([path], SHAPE)
    write_table(path, [b"nothing"], [0])
    with pytest.raises(DataError, match="picture 0 cannot be read"):
        read_pictures([path], SHAPE)
    write_table(path, [b""], [0], "photograph")
    with pytest.raises(DataError, match="columns photograph, label; needs label and one of: img, image"):
        read_pictures([path], SHAPE)
    write_table(path, [None], [0])
    with pytest.raises(DataError, match="picture 0 has no `bytes`"):
        read_pictures([path], SHAPE)
    for labels, wrong in (([None], "None"), ([-1], "-1"), (["cat"], "'cat'")):
        write_table(path, [encoded(images[0], "PNG")], labels)
        with pytest.raises(DataError, match=f"1 of 1 labels are no class, as {wrong}; needs 0, 1, 2, ..."):
            read_pictures([path], SHAPE)
    path.write_bytes(b"no table")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_pictures([path], SHAPE)


def test_compressed_pictures_do_not_pass_for_cifar10(tmp_path, images):
    """And neither do too few of them."""
    for split in ("train", "test"):
        write_table(tmp_path / f"{split}.parquet", [encoded(images[0], "JPEG")], [0])
    with pytest.raises(DataError, match="JPEG, which changes pixels"):
        data.load("cifar10", tmp_path)
    with pytest.raises(DataError, match=r"images per class of the train split are \[1, 0, .*not 5000 each"):
        data.load("cifar10_jpeg", tmp_path)
    with pytest.raises(DataError, match=r"no train.parquet and test.parquet in "):
        data.load("cifar10_jpeg", tmp_path / "elsewhere")


def test_hashes_are_well_formed():
    assert len(cifar10.FILES) == 6 and {len(bytes.fromhex(each)) for each in cifar10.FILES.values()} == {32}
    assert len(bytes.fromhex(cifar10.SHA256)) == 32 and cifar10.URL.startswith("https://")
