"""Folders of pictures of any size and format, looked at and made alike."""

import numpy as np
import pytest
from PIL import Image

from ganscape import data
from ganscape.data import DataError
from ganscape.data.pictures import Rules, read_picture
from ganscape.data.preparing import prepare_once, prepare_pictures, survey

RULES = Rules(size=8, crop="center")


def save(path, *shape, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path, **({"lossless": True} if path.suffix == ".webp" else {}))
    return path


@pytest.fixture
def photos(tmp_path):
    """Two classes in three formats and four sizes, with a copy, a broken picture, a small one and a text."""
    folder = tmp_path / "photos"
    for number in range(6):
        save(folder / "cats" / f"{number}.png", 10 + number % 2, 12, 3, seed=number)
        save(folder / "dogs" / f"{number}.webp", 16, 16, 3, seed=10 + number)
    save(folder / "cats" / "gray.tif", 20, 20, seed=20)
    (folder / "dogs" / "copy.webp").write_bytes((folder / "dogs" / "0.webp").read_bytes())
    (folder / "dogs" / "broken.jpg").write_bytes(b"no picture")
    save(folder / "dogs" / "small.png", 7, 9, 3)
    (folder / "notes.txt").write_text("")
    return folder


def test_a_survey_counts_everything_and_names_what_would_be_refused(photos):
    found = survey(photos, RULES)
    assert found.files == 16 and found.others == {".txt": 1}
    assert found.sizes == {(16, 16): 7, (10, 12): 3, (11, 12): 3, (20, 20): 1, (7, 9): 1}
    assert found.modes == {"RGB": 14, "L": 1}
    assert found.classes == {"cats": 7, "dogs": 9}
    assert found.duplicates == [[photos / "dogs" / "0.webp", photos / "dogs" / "copy.webp"]]
    broken, small = found.refused
    assert "broken.jpg: not a picture" in broken and "small.png: 7x7 is smaller than 8x8" in small


def test_without_rules_only_what_cannot_be_read_is_refused(photos):
    assert len(survey(photos, Rules()).refused) == 1


def test_prepared_pictures_are_those_of_the_rules_in_order_with_their_classes(photos, tmp_path):
    made = prepare_pictures(photos, tmp_path / "new" / "photos.npz", RULES)
    assert (made.kept, made.image_shape, made.classes) == (14, (8, 8, 3), ("cats", "dogs"))
    assert len(made.refused) == 2
    with np.load(tmp_path / "new" / "photos.npz") as archive:
        assert archive["labels"].tolist() == [0] * 7 + [1] * 7
        names = [*(f"cats/{number}.png" for number in range(6)), "cats/gray.tif", "dogs/0.webp"]
        expected = [read_picture(photos / name, RULES._replace(colour="rgb")) for name in names]
        np.testing.assert_array_equal(archive["images"][:8], expected)
    dataset = data.load(str(tmp_path / "new" / "photos.npz"))
    assert dataset.image_shape == (8, 8, 3) and dataset.classes == 2
    assert dataset.test_labels.tolist() == [0, 1]
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "photos.npz"]


def test_an_npy_file_has_as_many_rows_as_pictures_were_kept(photos, tmp_path):
    prepare_pictures(photos, tmp_path / "a.npy", RULES)
    prepare_pictures(photos, tmp_path / "b.npz", RULES)
    with np.load(tmp_path / "b.npz") as archive:
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), archive["images"])


def test_gray_pictures_alone_stay_gray(tmp_path):
    for number in range(3):
        save(tmp_path / "gray" / f"{number}.png", 9, 9, seed=number)
    assert prepare_pictures(tmp_path / "gray", tmp_path / "gray.npy", RULES).image_shape == (8, 8, 1)
    assert prepare_pictures(tmp_path / "gray", tmp_path / "rgb.npy", RULES._replace(colour="rgb")).image_shape == (
        8,
        8,
        3,
    )


@pytest.mark.parametrize(
    ("to", "rules", "message"),
    [
        ("out.npz", Rules(), "a size is needed"),
        ("out.png", RULES, "out.png must end in .npy or .npz"),
        ("old.npy", RULES, "old.npy exists; nothing is overwritten"),
        (
            "out.npy",
            Rules(size=99, crop="center"),
            "none of 16 pictures can be taken; the first: .*0.png: 10x10 is small",
        ),
    ],
)
def test_what_cannot_be_prepared_leaves_nothing_behind(photos, tmp_path, to, rules, message):
    (tmp_path / "old.npy").write_bytes(b"kept")
    with pytest.raises(DataError, match=message):
        prepare_pictures(photos, tmp_path / to, rules)
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "old.npy"}
    assert (tmp_path / "old.npy").read_bytes() == b"kept"


def test_a_folder_of_a_class_without_pictures_is_refused_by_name(photos, tmp_path):
    (photos / "birds").mkdir()
    with pytest.raises(DataError, match=r"photos/birds: no pictures in this folder, beside 2 folders of classes"):
        prepare_pictures(photos, tmp_path / "out.npz", RULES)


def test_pictures_are_prepared_once_and_anew_when_they_or_the_rules_change(tmp_path):
    folder = tmp_path / "my.photos"
    folder.mkdir()
    for number in range(11):
        Image.new("RGB", (8, 6), (20 * number, 0, 0)).save(folder / f"{number:02}.png")
    first, made = prepare_once(folder, Rules(4, "center"), tmp_path)
    assert (made.kept, made.image_shape) == (11, (4, 4, 3)) and first.parent == tmp_path / "prepared" / "own"
    dataset = data.load(str(first))
    assert [int(image[0, 0, 0]) for image in dataset.test] == [80, 180]
    assert prepare_once(folder, Rules(4, "center"), tmp_path) == (first, None)
    other, _ = prepare_once(folder, Rules(3, "center"), tmp_path)
    (folder / "00.png").unlink()
    fewer, made = prepare_once(folder, Rules(4, "center"), tmp_path)
    assert made.kept == 10 and len({first, other, fewer}) == 3


def test_folders_train_and_test_stay_the_splits_with_the_classes_in_them(tmp_path):
    for split, shade in (("train", 10), ("test", 200)):
        for number, name in enumerate(("cats", "dogs", "cats", "dogs", "dogs")):
            (tmp_path / "photos" / split / name).mkdir(parents=True, exist_ok=True)
            Image.new("L", (9, 9), shade + number).save(tmp_path / "photos" / split / name / f"{number}.png")
    (tmp_path / "photos" / "train" / "cats" / "0.png").write_bytes(b"torn")
    found = survey(tmp_path / "photos", Rules())
    assert (found.splits, found.classes) == ({"train": 5, "test": 5}, {"cats": 4, "dogs": 6})
    made = prepare_pictures(tmp_path / "photos", tmp_path / "made", RULES)
    assert (made.kept, made.classes, len(made.refused)) == (9, ("cats", "dogs"), 1)
    once, _ = prepare_once(tmp_path / "photos", RULES, tmp_path)
    for dataset in (data.load(str(tmp_path / "made")), data.load(str(once))):
        assert dataset.train[:, 0, 0, 0].tolist() == [12, 11, 13, 14]
        assert dataset.test[:, 0, 0, 0].tolist() == [200, 202, 201, 203, 204]
        assert dataset.train_labels.tolist() == [0, 1, 1, 1] and dataset.test_labels.tolist() == [0, 0, 1, 1, 1]
    with pytest.raises(DataError, match=r"has the splits train and test, .* such as --to .*/one/$"):
        prepare_pictures(tmp_path / "photos", tmp_path / "one.npz", RULES)


def test_a_class_of_which_no_picture_can_be_taken_is_refused_by_name(photos, tmp_path):
    (photos / "birds").mkdir()
    for number in range(2):
        (photos / "birds" / f"{number}.png").write_bytes(b"torn")
    with pytest.raises(DataError, match=r"none of 2 pictures of class 'birds' can be taken; .*birds/0.png: not a pict"):
        prepare_pictures(photos, tmp_path / "out.npz", RULES)
    assert [*tmp_path.iterdir()] == [photos]


def test_classes_that_one_split_lacks_are_not_kept_and_told(photos, tmp_path):
    save(photos / "birds" / "only.png", 9, 9, 3)
    made = prepare_pictures(photos, tmp_path / "made", RULES)
    assert made.classes == () and made.unlabelled.endswith("the test split has no picture of 'birds'")
    dataset = data.load(str(tmp_path / "made"))
    assert dataset.classes is None and len(dataset.train) + len(dataset.test) == made.kept == 15
    assert prepare_pictures(photos, tmp_path / "one.npz", RULES).classes == ("birds", "cats", "dogs")
    array = prepare_pictures(photos, tmp_path / "one.npy", RULES)
    assert array.classes == () and array.unlabelled.startswith("an .npy file holds no labels")
