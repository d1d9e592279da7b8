"""Own images in Parquet files with any names of columns and classes."""

import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from ganscape.data import DataError, load

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 5, 4, 3), np.uint8)


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "png")
    return stream.getvalue()


def write(file, images, **columns):
    file.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({"picture": [{"bytes": png(i)} for i in images], **columns}), file)


def test_splits_are_those_of_the_names_and_classes_those_of_the_values(tmp_path):
    kinds = np.array(["dog", "cat"] * 5)
    write(tmp_path / "data" / "train-00000-of-00002.parquet", IMAGES[:3], species=kinds[:3], label=kinds[:3])
    write(tmp_path / "data" / "train-00001-of-00002.parquet", IMAGES[3:6], species=kinds[3:6], label=kinds[3:6])
    write(tmp_path / "data" / "test-00000-of-00001.parquet", IMAGES[6:], species=kinds[6:], label=kinds[6:])
    dataset = load(str(tmp_path / "data"))
    np.testing.assert_array_equal(dataset.train, IMAGES[:6])
    np.testing.assert_array_equal(dataset.test, IMAGES[6:])
    np.testing.assert_array_equal(dataset.train_labels, [1, 0, 1, 0, 1, 0])  # cat, dog
    assert dataset.classes == 2


def test_one_file_is_split_as_a_folder_of_pictures_is(tmp_path):
    write(tmp_path / "mine.parquet", IMAGES, age=[3, 1] * 5)
    dataset = load(str(tmp_path / "mine.parquet"))
    np.testing.assert_array_equal(dataset.test, IMAGES[[4, 9]])
    np.testing.assert_array_equal(dataset.train_labels, [1, 0, 1, 0, 0, 1, 0, 1])  # the only whole numbers, from 0


@pytest.mark.parametrize("columns", [{}, {"number": range(10)}, {"a": [0, 1] * 5, "b": [0, 1] * 5}, {"x": [0.5] * 10}])
def test_without_a_column_of_classes_there_are_no_labels(columns, tmp_path):
    write(tmp_path / "mine.parquet", IMAGES, **{name: list(values) for name, values in columns.items()})
    assert load(str(tmp_path / "mine.parquet")).classes is None


def test_gray_and_coloured_pictures_meet_as_coloured_ones(tmp_path):
    write(tmp_path / "mine.parquet", [IMAGES[0, ..., 0], *IMAGES[1:]])
    dataset = load(str(tmp_path / "mine.parquet"))
    np.testing.assert_array_equal(dataset.train[0], np.repeat(IMAGES[0, ..., :1], 3, axis=2))
    np.testing.assert_array_equal(dataset.train[1], IMAGES[1])


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([IMAGES[0], IMAGES[1, :3]], r"mine.parquet: picture 1 is 3x4x3, the first 5x4x3"),
        ([], "no pictures in its Parquet files"),
    ],
)
def test_pictures_that_do_not_fit_are_named(images, words, tmp_path):
    write(tmp_path / "mine.parquet", images) if images else pyarrow.parquet.write_table(
        pyarrow.table({"picture": pyarrow.array([], pyarrow.binary())}), tmp_path / "mine.parquet"
    )
    with pytest.raises(DataError, match=words):
        load(str(tmp_path / "mine.parquet"))


def test_a_file_that_is_no_table_is_named(tmp_path):
    (tmp_path / "mine.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=r"mine.parquet: not a Parquet file"):
        load(str(tmp_path / "mine.parquet"))


def test_in_a_folder_of_pictures_the_pictures_are_meant(tmp_path):
    write(tmp_path / "mine" / "list.parquet", IMAGES[:2])
    for number, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / "mine" / f"{number}.png")
    assert len(load(str(tmp_path / "mine")).train) == 8
