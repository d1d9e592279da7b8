"""CelebA, read from small files in its published forms."""

import hashlib
import zipfile

import numpy as np
import pytest
from PIL import Image

from ganscape.data import DATASETS, DataError, celeba, load

NAMES = [f"{number:06}.jpg" for number in range(1, 10)]
PARTS = {"train": NAMES[:4], "valid": NAMES[4:7], "test": NAMES[7:]}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Nine pictures: four to train on, three and two in the other parts; any MD5 sum."""
    monkeypatch.setattr(celeba, "PARTS", {part: len(names) for part, names in PARTS.items()})
    monkeypatch.setattr(celeba, "TESTED", 2)
    monkeypatch.setattr(celeba, "MD5", {})


def write_partitions(folder, order=NAMES):
    number = {name: part for part, names in enumerate(PARTS.values()) for name in names}
    (folder / "list_eval_partition.txt").write_text("".join(f"{name} {number[name]}\n" for name in order))


@pytest.fixture
def files(tmp_path):
    """A data root with the folder of pictures, each of one colour, and the list of partitions."""
    folder = tmp_path / "celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    for index, name in enumerate(NAMES):
        Image.new("RGB", (178, 218), (20 * index, 100, 255 - 20 * index)).save(folder / name, quality=95)
    write_partitions(tmp_path / "celeba", NAMES[::-1])
    return tmp_path


def levels(images):
    return np.rint(images[:, 32, 32, 0] / 20)


def test_the_parts_are_those_of_the_list_in_the_order_of_names(files):
    dataset = load("celeba", files)
    np.testing.assert_array_equal(levels(dataset.train), [0, 1, 2, 3])
    np.testing.assert_array_equal(levels(dataset.test), [4, 5])
    np.testing.assert_array_equal(levels(load("celeba_test", files).test), [7, 8])
    assert dataset.train.shape == (4, 64, 64, 3) and dataset.train.dtype == np.uint8
    assert (dataset.name, dataset.image_shape) == ("celeba", DATASETS["celeba"].image_shape)


def test_an_archive_and_a_table_of_partitions_give_the_same_images(files, tmp_path_factory):
    other = tmp_path_factory.mktemp("zip")
    with zipfile.ZipFile(other / "img_align_celeba.zip", "w") as archive:
        for name in NAMES:
            archive.write(files / "celeba" / "img_align_celeba" / name, f"img_align_celeba/{name}")
    lines = (files / "celeba" / "list_eval_partition.txt").read_text().replace(" ", ",")
    (other / "list_eval_partition.csv").write_text(f"image_id,partition\n{lines}")
    assert load("celeba", other).fingerprint == load("celeba", files).fingerprint


def test_prepared_images_need_the_pictures_no_more(files):
    first = load("celeba", files)
    for file in (files / "celeba" / "img_align_celeba").iterdir():
        file.unlink()
    again = load("celeba", files)
    assert isinstance(again.train, np.memmap)
    np.testing.assert_array_equal(again.train, first.train)


def test_pixels_are_bilinear_at_two_and_a_half_times_the_place():
    picture = np.random.default_rng(0).integers(0, 256, (218, 178, 3), np.uint8)
    found = celeba.prepare_face(picture, "one")
    central = picture[29:189, 9:169].astype(float)
    for i, j in ((0, 0), (1, 0), (0, 1), (3, 5), (63, 63)):
        y, x = 2.5 * i, 2.5 * j
        top, left = int(y), int(x)
        dy, dx = y - top, x - left
        square = central[top : top + 2, left : left + 2]
        expected = (
            square[0, 0] * (1 - dy) * (1 - dx) + square[0, 1] * (1 - dy) * dx
            + square[1, 0] * dy * (1 - dx) + square[1, 1] * dy * dx
        )  # fmt: skip
        assert np.abs(found[i, j] - expected).max() <= 0.5


def test_published_numbers_and_hashes_are_the_whole_set(monkeypatch):
    monkeypatch.undo()
    assert sum(celeba.PARTS.values()) == 202_599
    assert "162,770 train, 10,000 test" in DATASETS["celeba"].summary
    assert {len(digest) for digest in celeba.MD5.values()} == {32}


def truncate(file):
    file.write_bytes(file.read_bytes()[:300])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "list_eval_partition.txt").unlink(), "no img_align_celeba .* put the aligned"),
        (lambda folder: (folder / "img_align_celeba" / NAMES[2]).unlink(), f"no {NAMES[2]}, one of 1 pictures"),
        (lambda folder: truncate(folder / "img_align_celeba" / NAMES[5]), f"{NAMES[5]}: not a picture"),
        (lambda folder: write_partitions(folder, NAMES[:8]), "1 pictures of the test part, expected 2"),
        (
            lambda folder: (folder / "list_eval_partition.txt").write_text("000001.jpg 3\n"),
            "line 1: '000001.jpg 3', expected",
        ),
        (
            lambda folder: Image.new("RGB", (64, 64)).save(folder / "img_align_celeba" / NAMES[0]),
            f"{NAMES[0]} is 64x64x3, expected 218x178x3",
        ),
    ],
)
def test_what_is_missing_or_damaged_is_named_in_one_line_and_nothing_is_left_half_prepared(files, damage, words):
    damage(files / "celeba")
    for _ in range(2):  # nothing prepared by the first attempt is taken for whole by the second
        with pytest.raises(DataError, match=words) as caught:
            load("celeba", files)
        assert "\n" not in str(caught.value)
    assert not list((files / "prepared").rglob("prepared.json"))


def test_a_file_of_another_md5_is_refused(files, monkeypatch):
    content = (files / "celeba" / "list_eval_partition.txt").read_bytes()
    monkeypatch.setattr(celeba, "MD5", {"list_eval_partition.txt": hashlib.md5(content).hexdigest()})
    load("celeba", files)
    monkeypatch.setattr(celeba, "MD5", {"list_eval_partition.txt": "0" * 32})
    (files / "prepared" / "celeba" / "prepared.json").unlink()
    with pytest.raises(DataError, match=r"list_eval_partition.txt: md5 \w{32}, expected 0{32}"):
        load("celeba", files)


def test_prepared_images_of_another_shape_are_refused(files):
    load("celeba", files)
    np.save(files / "prepared" / "celeba" / "train.npy", np.zeros((3, 64, 64, 3), np.uint8))
    with pytest.raises(DataError, match=r"train.npy: uint8 of shape \(3, 64, 64, 3\), expected .* delete"):
        load("celeba", files)
