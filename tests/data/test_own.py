import numpy as np
import pytest
from PIL import Image

from ganscape import data
from ganscape.data import DataError


def pixels(count, *shape):
    return np.random.default_rng(count).integers(256, size=(count, *shape), dtype=np.uint8)


def write(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03d}.png")


def test_every_fifth_image_is_for_testing(tmp_path):
    images = pixels(11, 6, 7, 3)
    write(tmp_path / "faces", images)
    dataset = data.load(str(tmp_path / "faces"))
    np.testing.assert_array_equal(dataset.test, images[[4, 9]])
    np.testing.assert_array_equal(dataset.train, images[[0, 1, 2, 3, 5, 6, 7, 8, 10]])
    assert dataset.name == "faces" and dataset.classes is None and dataset.test_labels is None
    assert data.find_source(str(tmp_path / "faces")).image_shape == dataset.image_shape == (6, 7, 3)


def test_folders_called_train_and_test_are_the_splits(tmp_path):
    train, test = pixels(3, 5, 5), pixels(2, 5, 5)
    write(tmp_path / "train" / "deeper", train)
    write(tmp_path / "test", test)
    dataset = data.load(str(tmp_path))
    np.testing.assert_array_equal(dataset.train[..., 0], train)
    np.testing.assert_array_equal(dataset.test[..., 0], test)


def test_arrays_are_read_and_floats_become_bytes(tmp_path):
    images = pixels(10, 4, 4, 1)
    np.save(tmp_path / "bytes.npy", images)
    np.savez(tmp_path / "floats.npz", images=images.astype(np.float32) / 255)
    found = [data.load(str(tmp_path / name)) for name in ("bytes.npy", "floats.npz")]
    assert [each.name for each in found] == ["bytes", "floats"]
    assert len({each.fingerprint for each in found}) == 1


def test_a_name_comes_before_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "digits", pixels(10, 4, 4))
    assert data.load("digits").image_shape == (8, 8, 1)
    assert data.load("./digits").image_shape == (4, 4, 1)


def test_what_cannot_be_trained_on_is_told_in_one_line(tmp_path):
    (tmp_path / "none").mkdir()
    write(tmp_path / "few", pixels(9, 4, 4))
    write(tmp_path / "two" / "train", pixels(2, 4, 4))
    write(tmp_path / "two" / "test", pixels(2, 5, 4))
    faults = {
        "absent": "unknown data set .*absent'; the path of your images, or one of: .*cifar10",
        "none": "no pictures in .*none",
        "few": "few: 1 images for the test split; a score needs at least 2 of each",
        "two": "two: images of 4x4x1 and 5x4x1 in train and test; all must be alike",
    }
    for name, message in faults.items():
        with pytest.raises(DataError, match=message) as caught:
            data.load(str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_one_folder_per_class_gives_labels_in_the_order_of_names(tmp_path):
    write(tmp_path / "pets" / "dogs", pixels(10, 4, 4))
    write(tmp_path / "pets" / "cats", pixels(5, 4, 4))
    dataset = data.load(str(tmp_path / "pets"))
    assert dataset.classes == data.find_source(str(tmp_path / "pets")).classes == 2
    assert dataset.train_labels.tolist() == [0] * 4 + [1] * 8 and dataset.test_labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(dataset.train[0, ..., 0], pixels(5, 4, 4)[0])


def test_pictures_beside_folders_or_a_class_that_only_one_split_has_give_no_labels(tmp_path):
    write(tmp_path / "mixed", pixels(9, 4, 4))
    write(tmp_path / "mixed" / "a", pixels(1, 4, 4))
    write(tmp_path / "rare" / "a", pixels(9, 4, 4))
    write(tmp_path / "rare" / "b", pixels(1, 4, 4))
    assert [data.load(str(tmp_path / name)).classes for name in ("mixed", "rare")] == [None, None]


def test_splits_of_class_folders_must_have_the_same_classes(tmp_path):
    for split in ("train", "test"):
        for name in "ab":
            write(tmp_path / split / name, pixels(2, 4, 4))
    assert data.load(str(tmp_path)).test_labels.tolist() == [0, 0, 1, 1]
    write(tmp_path / "train" / "c", pixels(2, 4, 4))
    with pytest.raises(DataError, match="class 'c' is in one of train and test alone"):
        data.load(str(tmp_path))


@pytest.mark.parametrize("names", [("train", "val"), ("Train", "Test"), ("test", "validation")])
def test_folders_called_like_splits_are_no_classes(names, tmp_path):
    for name in names:
        write(tmp_path / "photos" / name, pixels(5, 4, 4))
    with pytest.raises(DataError, match="called like splits, not classes; name them train and test"):
        data.load(str(tmp_path / "photos"))
    write(tmp_path / "photos" / "cats", pixels(5, 4, 4))
    assert data.load(str(tmp_path / "photos")).classes == 3


def test_gray_and_coloured_pictures_become_coloured(tmp_path):
    coloured, gray = pixels(5, 4, 4, 3), pixels(5, 4, 4)
    for number in range(5):
        write(tmp_path / "mixed" / str(number), [gray[number], coloured[number]])
    dataset = data.load(str(tmp_path / "mixed"))
    assert dataset.image_shape == (4, 4, 3)
    np.testing.assert_array_equal(dataset.train[0], np.repeat(gray[0][..., None], 3, axis=2))
    np.testing.assert_array_equal(dataset.train[1], coloured[0])


def test_labels_of_an_archive_are_one_whole_number_for_each_image(tmp_path):
    images = pixels(10, 4, 4, 1)
    np.savez(tmp_path / "good.npz", images=images, labels=np.arange(10, dtype=np.uint8) // 5)
    assert data.load(str(tmp_path / "good.npz")).train_labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    faults = {
        "labels of shape (9,) for 10 images": np.zeros(9, int),
        "labels of type float64": np.zeros(10),
        "labels are 0, 2 ...; expected 0, 1, 2, ... without gaps": np.arange(10) % 2 * 2,
    }
    for message, labels in faults.items():
        np.savez(tmp_path / "bad.npz", images=images, labels=labels)
        with pytest.raises(DataError) as caught:
            data.load(str(tmp_path / "bad.npz"))
        assert message in str(caught.value)
