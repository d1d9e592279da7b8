"""What holds for every entry of DATASETS, and for `load` itself."""

import numpy as np
import pytest

from ganscape import data
from ganscape.data import DATASETS, DataError, Dataset, Source


def tiny(train_value=0, test_value=0, count=3):
    train = np.full((count, 2, 2, 1), train_value, np.uint8)
    return Dataset("tiny", train, np.full((2, 2, 2, 1), test_value, np.uint8), None, None)


def image_set(images):
    return {image.tobytes() for image in images}


def test_image_shape_is_known_before_loading(dataset):
    assert DATASETS[dataset.name].image_shape == dataset.image_shape
    assert dataset.test.shape[1:] == dataset.image_shape


def test_images_are_uint8_and_use_the_whole_range(dataset):
    for images in (dataset.train, dataset.test):
        assert images.dtype == np.uint8 and images.ndim == 4
        assert (images.min(), images.max()) == (0, 255)


def test_no_image_occurs_in_both_splits(dataset):
    assert image_set(dataset.train).isdisjoint(image_set(dataset.test))


def test_labels_belong_to_the_images(dataset):
    for images, labels in ((dataset.train, dataset.train_labels), (dataset.test, dataset.test_labels)):
        assert labels is None or (labels.dtype == np.int64 and labels.shape == images.shape[:1])


def test_classes_have_like_shares_in_both_splits(dataset):
    if dataset.train_labels is None:
        assert dataset.test_labels is None
        return
    if dataset.classes == 1_000:
        pytest.skip("classes of independent draws, see test_stacked_mnist")
    train = np.bincount(dataset.train_labels, minlength=10) / len(dataset.train)
    test = np.bincount(dataset.test_labels, minlength=10) / len(dataset.test)
    assert train.shape == test.shape == (10,)
    assert np.abs(train - test).max() < 0.007 and train.min() > 0.08


def test_no_split_is_sorted_by_label(dataset):
    for labels in (dataset.train_labels, dataset.test_labels):
        if labels is not None:
            assert len(np.unique(labels[:100])) >= 10


def test_classes_are_known_before_loading(dataset):
    assert DATASETS[dataset.name].classes == dataset.classes


def test_summary_states_the_split_sizes_in_one_line(dataset):
    summary = DATASETS[dataset.name].summary
    assert f"({len(dataset.train):,} train, {len(dataset.test):,} test)" in summary
    assert "\n" not in summary


# What takes long to make or decode, and what needs private files.
NOT_AGAIN = {
    "cifar10_jpeg",
    "squares",
    "triangles",
    "stacked_mnist",
    "stacked_mnist16",
    "celeba",
    "celeba_test",
    "celeba_hq_128",
}
NOT_AGAIN |= {"lsun_bedroom", "lsun_bedroom_300k"}


@pytest.mark.parametrize("name", sorted(DATASETS.keys() - NOT_AGAIN))
def test_loading_again_gives_the_same_fingerprint(name, loaded, root_of):
    assert data.load(name, str(root_of(name))).fingerprint == loaded(name).fingerprint


def test_fingerprint_changes_with_one_pixel_of_either_split():
    base = tiny()
    fingerprints = {base.fingerprint}
    for split in ("train", "test"):
        changed = getattr(base, split).copy()
        changed[-1, -1, -1, -1] = 1
        fingerprints.add(base._replace(**{split: changed}).fingerprint)
    assert len(fingerprints) == 3
    assert all(len(fingerprint) == 64 for fingerprint in fingerprints)


def test_fingerprint_tells_apart_equal_bytes_of_another_shape():
    base = tiny()
    flat = base._replace(train=base.train.reshape(3, 1, 4, 1))
    moved = base._replace(train=base.train[:2], test=np.concatenate([base.train[2:], base.test]))
    assert len({base.fingerprint, flat.fingerprint, moved.fingerprint}) == 3


def test_fingerprint_is_of_the_content_alone():
    base = tiny(train_value=3)
    strided = np.full((3, 2, 4, 1), 3, np.uint8)[:, :, ::2]
    assert base._replace(name="other", train=strided).fingerprint == base.fingerprint


def test_unknown_name_lists_the_choices():
    with pytest.raises(DataError) as caught:
        data.load("minst")
    message = str(caught.value)
    assert message == (
        "unknown data set 'minst' (did you mean 'mnist'?); the path of your images, or one of: celeba, celeba_hq_128, "
        "celeba_test, cifar10, cifar10_jpeg, digits, fashion_mnist, lsun_bedroom, lsun_bedroom_300k, mnist, mnist16, "
        "mnist16_5k, mnist5k, squares, stacked_mnist, stacked_mnist16, stacked_mnist16_5k, stacked_mnist_5k, triangles"
    )


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_root_that_is_a_file_is_refused(name, tmp_path):
    root = tmp_path / "root"
    root.write_text("")
    with pytest.raises(DataError, match=f"{root} is not a folder"):
        data.load(name, root)


def test_root_of_an_unknown_user_is_refused():
    with pytest.raises(DataError, match="data root ~no-such-user/data"):
        data.load("digits", "~no-such-user/data")


def test_root_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=str(tmp_path / "file")):
        data.load("mnist", tmp_path / "file" / "deeper")


def test_operating_system_errors_name_the_file(tmp_path):
    in_the_way = tmp_path / "train-images-idx3-ubyte"
    in_the_way.mkdir()
    with pytest.raises(DataError, match=str(in_the_way)) as caught:
        data.load("mnist", tmp_path)
    assert "\n" not in str(caught.value)


def test_root_is_argument_then_environment_then_home(monkeypatch, tmp_path):
    seen = []

    def probe(root):
        seen.append(root)
        return tiny()

    monkeypatch.setitem(DATASETS, "probe", Source(probe, (2, 2, 1), None, "records its root"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GANSCAPE_DATA", str(tmp_path / "environment"))
    data.load("probe", "~/argument")
    data.load("probe")
    monkeypatch.setenv("GANSCAPE_DATA", "")
    data.load("probe")
    assert seen == [tmp_path / "argument", tmp_path / "environment", tmp_path / ".cache" / "ganscape"]
