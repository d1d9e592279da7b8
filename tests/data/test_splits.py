"""Folders with train.npy and test.npy, and the sources that they are written from."""

import numpy as np
import pytest
from PIL import Image

from ganscape.data import DataError, load, map_source
from ganscape.data.pictures import Rules
from ganscape.data.preparing import prepare_pictures

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (10, 4, 6, 3), np.uint8)


class Items:
    """A data set of the protocol: __len__ and __getitem__, nothing else."""

    def __init__(self, items):
        self.items, self.asked = items, []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, position):
        self.asked.append(position)
        return self.items[position]


FORMS = {
    "images": lambda image, label: image,
    "pairs": lambda image, label: (image, label),
    "mappings": lambda image, label: {"image": image, "label": label},
    "floats": lambda image, label: (image / 255, label),
    "pictures": lambda image, label: [Image.fromarray(image), label],
}


@pytest.mark.parametrize("form", FORMS)
def test_any_source_becomes_a_data_set_that_is_mapped(form, tmp_path):
    labels = [i % 2 for i in range(10)]
    sources = [
        Items([FORMS[form](image, label) for image, label in zip(IMAGES[at], labels[at], strict=True)])
        for at in (slice(0, 6), slice(6, 10))
    ]
    map_source(*sources, tmp_path / "mine")
    dataset = load(str(tmp_path / "mine"))
    np.testing.assert_array_equal(dataset.train, IMAGES[:6])
    np.testing.assert_array_equal(dataset.test, IMAGES[6:])
    assert dataset.name == "mine" and isinstance(dataset.train, np.memmap)
    assert dataset.classes == (None if form == "images" else 2)
    if form != "images":
        np.testing.assert_array_equal(dataset.train_labels, labels[:6])
    assert [source.asked for source in sources] == [[*range(6)], [*range(4)]]  # each image once, in order


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([IMAGES[0], IMAGES[0, :3]], "item 1 of train is 3x6x3, the first 4x6x3"),
        ([IMAGES[0].transpose(2, 0, 1)] * 2, r"item 0 of train has shape \(3, 4, 6\), .*; move the channels"),
        ([IMAGES[0] / 2.0] * 2, "item 0 of train holds float64 from"),
        ([IMAGES[0].astype(int)] * 2, "item 0 of train holds int64 from"),
        ([(IMAGES[0], 0), (IMAGES[1], None)], "item 1 of train has no class, unlike those before"),
        ([IMAGES[0], (IMAGES[1], 0)], "item 1 of train has a class, unlike those before"),
        ([IMAGES[0]], "1 images for the train split"),
        ([], "0 images for the train split"),
    ],
)
def test_items_that_do_not_fit_are_refused_by_their_position(items, words, tmp_path):
    with pytest.raises(DataError, match=words):
        map_source(Items(items), Items(list(IMAGES)), tmp_path)
    assert not (tmp_path / "train.npy").exists()


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        ([0, 1], [0, 2], "mine/test_labels.npy: labels are 0, 2 ...; expected 0, 1, 2, ... without gaps"),
        ([0, 1], [None, None], "mine: labels of one split alone"),
        ([None, None], [None], "1 images for the test split"),
    ],
)
def test_sources_of_which_one_does_not_fit_leave_neither_split_behind(train, test, words, tmp_path):
    sources = [Items([(IMAGES[0], label) for label in labels]) for labels in (train, test)]
    with pytest.raises(DataError, match=words):
        map_source(*sources, tmp_path / "mine")
    assert not [*tmp_path.iterdir()]


def test_nothing_is_overwritten(tmp_path):
    map_source(IMAGES, IMAGES, tmp_path)
    with pytest.raises(DataError, match="holds images already"):
        map_source(IMAGES, IMAGES, tmp_path)


@pytest.mark.parametrize(
    ("file", "array", "words"),
    [
        ("test.npy", IMAGES[:, :3], "images of 4x6x3 and 3x6x3 in train and test"),
        ("test.npy", IMAGES.astype(float), "test.npy: float64 of shape"),
        ("train.npy", IMAGES[:1], "train.npy: uint8 of shape .1, 4, 6, 3., expected"),
        ("train_labels.npy", np.zeros(10, int), "labels of one split alone"),
        ("test_labels.npy", np.zeros(3, int), r"test_labels.npy: labels of shape \(3,\) for 10 images"),
        ("test_labels.npy", np.full(10, 2), "test_labels.npy: labels are 2 ...; expected 0, 1, 2"),
    ],
)
def test_files_that_do_not_fit_are_refused_by_name(file, array, words, tmp_path):
    map_source(IMAGES, IMAGES, tmp_path)
    np.save(tmp_path / file, array)
    with pytest.raises(DataError, match=words):
        load(str(tmp_path))


def test_a_folder_of_pictures_is_prepared_as_splits_with_its_classes(tmp_path):
    for index, image in enumerate(IMAGES):
        folder = tmp_path / "pictures" / ("cat", "dog")[index % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:4, :4]).save(folder / f"{index}.png")
    prepare_pictures(tmp_path / "pictures", tmp_path / "made", Rules(4))
    dataset = load(str(tmp_path / "made"))
    order = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]  # by path: cats, then dogs; every fifth for testing
    np.testing.assert_array_equal(dataset.train, IMAGES[[0, 2, 4, 6, 1, 3, 5, 7], :4, :4])
    np.testing.assert_array_equal(dataset.test, IMAGES[[order[4], order[9]], :4, :4])
    np.testing.assert_array_equal(dataset.train_labels, [0, 0, 0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(dataset.test_labels, [0, 1])
