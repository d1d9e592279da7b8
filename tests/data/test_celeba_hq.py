"""CelebA-HQ-128, read from small files in the forms that people hold."""

import io
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from ganscape.data import DataError, celeba_hq, load

COUNT = 12


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(celeba_hq, "IMAGES", COUNT)
    monkeypatch.setattr(celeba_hq, "TESTED", 3)


@pytest.fixture(scope="module")
def pictures():
    """Twelve squares of 256 pixels, each of its own level plus noise."""
    noise = np.random.default_rng(0).integers(0, 20, (COUNT, 256, 256, 3))
    return (noise + 15 * np.arange(COUNT)[:, None, None, None]).astype(np.uint8)


def png(picture):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "png")
    return stream.getvalue()


def as_folder(root, pictures):
    (root / "celeba_hq").mkdir()
    for index, picture in enumerate(pictures):
        (root / "celeba_hq" / f"{index}.png").write_bytes(png(picture))


def as_archive(root, pictures):
    (root / "celeba_hq_128").mkdir()
    with zipfile.ZipFile(root / "celeba_hq_128" / "images.zip", "w") as archive:
        for index, picture in enumerate(pictures):
            archive.writestr(f"CelebA-HQ-img/{index}.png", png(picture))


def as_array(root, pictures):
    (root / "celeba_hq_128").mkdir()
    np.save(root / "celeba_hq_128" / "images.npy", pictures)


def as_tables(root, pictures):
    (root / "celeba_hq_128").mkdir()
    for number, part in enumerate((pictures[:7], pictures[7:])):
        rows = [{"bytes": png(picture), "path": None} for picture in part]
        table = pyarrow.table({"face": rows, "age": list(range(len(part)))})
        pyarrow.parquet.write_table(table, root / "celeba_hq_128" / f"train-{number:05}-of-00002.parquet")


@pytest.mark.parametrize("write", [as_folder, as_archive, as_array, as_tables])
def test_every_form_gives_the_means_of_squares_with_the_last_held_out(write, pictures, tmp_path):
    write(tmp_path, pictures)
    dataset = load("celeba_hq_128", tmp_path)
    means = pictures.astype(float).reshape(COUNT, 128, 2, 128, 2, 3).mean(axis=(2, 4))
    assert (len(dataset.train), len(dataset.test)) == (COUNT - 3, 3)
    found = np.concatenate([dataset.train, dataset.test])
    assert np.abs(found - means).max() <= 0.5
    assert isinstance(dataset.train, np.memmap)


def test_pictures_of_the_final_size_are_left_alone(pictures, tmp_path):
    as_array(tmp_path, pictures[:, :128, :128])
    np.testing.assert_array_equal(load("celeba_hq_128", tmp_path).test, pictures[-3:, :128, :128])


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda root, pictures: None, "no folder .*celeba_hq_128 or .*celeba_hq; put the 30,000"),
        (lambda root, pictures: as_folder(root, pictures[:11]), "11 pictures, expected the 12"),
        (
            lambda root, pictures: as_array(root, pictures[..., :2]),
            "npy.0. is 256x256x2, expected coloured squares",
        ),
        (lambda root, pictures: as_array(root, pictures.astype(float)), "float64 of shape"),
        (lambda root, pictures: as_folder(root, [pictures[0, :128, :128], *pictures[1:]]), "1.png is of another size"),
        (lambda root, pictures: (root / "celeba_hq").mkdir(), "no pictures, no single"),
    ],
)
def test_what_is_missing_or_of_another_form_is_named_in_one_line(write, words, pictures, tmp_path):
    write(tmp_path, pictures)
    with pytest.raises(DataError, match=words) as caught:
        load("celeba_hq_128", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("columns", [{"a": [b"1"], "b": [b"2"]}, {"age": [3]}])
def test_a_table_without_one_column_of_pictures_is_refused(columns, tmp_path):
    (tmp_path / "celeba_hq").mkdir()
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "celeba_hq" / "a.parquet")
    with pytest.raises(DataError, match=r"a.parquet: columns .*; [02] of them hold pictures, expected one"):
        load("celeba_hq_128", tmp_path)
