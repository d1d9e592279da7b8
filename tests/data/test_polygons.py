"""The generator against published anchors and against matplotlib and scipy, point by point."""

import errno

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from scipy.ndimage import convolve
from scipy.spatial.distance import pdist

from ganscape import data
from ganscape.data import DataError, polygons

UPRIGHT = np.array([[10.03, 10.03], [20.03, 10.03], [20.03, 20.03], [10.03, 20.03]])  # edges along the axes


def shuffle_order(count, corners, seed):
    """The permutation that follows count * (corners + 1) draws: place in the data set -> number of the drawing."""
    rng = np.random.RandomState(seed)
    for _ in range(count * (corners + 1)):
        rng.rand()
    return rng.permutation(count)


def unshuffled(levels, corners, seed):
    """Images in the order they were drawn."""
    return levels[np.argsort(shuffle_order(len(levels), corners, seed))]


def drawn_one_by_one(corners, rng):
    """Vertices of one polygon in pixels, by the recipe, one draw at a time."""
    sector = 360 / corners
    angles = [np.radians(i * sector + 10 + rng.rand() * (sector - 10)) for i in range(corners)]
    points = np.array([[(np.cos(a) + 1) / 2, (np.sin(a) + 1) / 2] for a in angles])
    turn = np.radians(rng.rand() * 2 * np.pi)
    points = points @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * 21
    return points + 14 - points.mean(axis=0)


def rasterised_by_matplotlib(points):
    """Share of white in each pixel: matplotlib's inside test, scipy's box filter."""
    grid = np.mgrid[0:224, 0:224].reshape(2, -1).T
    outside = ~Outline(points * 8).contains_points(grid).reshape(224, 224)
    return convolve(outside.astype(float), np.ones((8, 8)), mode="constant", cval=1.0)[::8, ::8] / 64


def test_anchors_of_triangles():
    levels = polygons.generate_levels(100, 3, 0)
    white = levels / 64
    area = 784 - white.sum(axis=(1, 2))
    assert shuffle_order(100, 3, 0)[:5].tolist() == [15, 86, 67, 98, 13]
    assert unshuffled(white, 3, 0)[0].sum() == 644.5
    assert white.mean() == pytest.approx(0.86466, abs=5e-6)
    assert white.std() == pytest.approx(0.32665, abs=5e-6)
    assert [round(value, 1) for value in (area.mean(), area.min(), area.max())] == [106.1, 37.0, 142.0]
    assert pdist(white.reshape(100, -1)).mean() == pytest.approx(7.80, abs=0.005)
    assert pdist(white.reshape(100, -1)).min() == pytest.approx(0.56, abs=0.005)


def test_anchors_of_squares():
    white = polygons.generate_levels(100, 4, 0) / 64
    assert white.mean() == pytest.approx(0.76126, abs=5e-6)
    assert unshuffled(white, 4, 0)[0].sum() == pytest.approx(565.797, abs=5e-4)
    assert (784 - white.sum(axis=(1, 2))).mean() == pytest.approx(187.2, abs=0.05)


@pytest.mark.parametrize("corners", [3, 4])
def test_images_equal_matplotlibs_point_by_point(corners):
    drawn = unshuffled(polygons.generate_levels(12, corners, 5), corners, 5)
    rng = np.random.RandomState(5)
    for image in drawn:
        expected = rasterised_by_matplotlib(drawn_one_by_one(corners, rng))
        np.testing.assert_array_equal(image / 64, expected)


def test_first_images_do_not_depend_on_the_chunk(monkeypatch):
    whole = polygons.generate_levels(7, 3, 1)
    monkeypatch.setattr(polygons, "CHUNK", 3)
    np.testing.assert_array_equal(polygons.generate_levels(7, 3, 1), whole)


@pytest.mark.parametrize("corners", [3, 4])
def test_vertices_lie_on_a_circle_around_the_image_centre_of_mass(corners):
    draws = np.random.RandomState(0).random_sample((50, corners + 1))
    points = polygons.vertices(draws)
    np.testing.assert_allclose(points.mean(axis=1), 14, atol=1e-12)
    first, second, third = points[:, 0], points[:, 1], points[:, 2]
    sides = [np.linalg.norm(a - b, axis=1) for a, b in ((first, second), (second, third), (third, first))]
    cross = (second - first)[:, 0] * (third - first)[:, 1] - (second - first)[:, 1] * (third - first)[:, 0]
    assert (cross > 0).all()  # counter-clockwise
    np.testing.assert_allclose(np.prod(sides, axis=0) / (2 * cross), 10.5, rtol=1e-9)  # circumradius abc / 4A
    gaps = 2 * np.arcsin(np.linalg.norm(points - np.roll(points, -1, axis=1), axis=2) / 21)
    assert np.degrees(gaps.min()) > 10


def test_edges_along_the_axes_cover_exactly_their_points():
    levels = polygons.rasterise(UPRIGHT[None])
    np.testing.assert_array_equal(levels[0] / 64, rasterised_by_matplotlib(UPRIGHT))
    assert (64 - levels.astype(int)).sum() == 80 * 80


def test_points_beyond_the_grid_count_as_white():
    everything = np.array([[-50.5, -50.5], [90.5, -50.5], [90.5, 90.5], [-50.5, 90.5]])
    levels = polygons.rasterise(everything[None])[0]
    assert levels[0, 0] == 64 - 5 * 5
    assert (levels[0, 1:] == 3 * 8).all() and (levels[1:, 0] == 3 * 8).all()
    assert (levels[1:, 1:] == 0).all()
    nothing = polygons.rasterise(everything[None] + 200)[0]
    assert (nothing == 64).all()


def test_uint8_values_give_the_level_back():
    levels = np.arange(65)
    stored = polygons.to_uint8(levels)
    assert (stored[0], stored[64]) == (0, 255)
    assert np.abs(stored - levels * 255 / 64).max() <= 0.5
    np.testing.assert_array_equal(np.round(stored * (64 / 255)), levels)


@pytest.fixture
def few(monkeypatch):
    """Makes the data sets of 80 drawings, where 80,000 take seconds."""
    for name, count in (("COUNT", 80), ("TRAIN_END", 60), ("TEST_END", 70)):
        monkeypatch.setattr(polygons, name, count)
    for name, corners in polygons.CORNERS.items():
        images = polygons.to_uint8(polygons.generate_levels(80, corners, 0))[..., None]
        monkeypatch.setitem(polygons.SHA256, name, polygons.array_hash(images))


def assert_in_order(name, corners, root, count):
    """The first five drawings are at the places of the shuffle, in train, test and holdout one after the other."""
    dataset, held_out = data.load(name, root), polygons.holdout(name, root)
    assert [len(images) / count for images in (dataset.train, dataset.test, held_out)] == [6 / 8, 1 / 8, 1 / 8]
    together = np.concatenate([dataset.train, dataset.test, held_out])
    assert together.shape == (count, 28, 28, 1)
    rng = np.random.RandomState(0)
    for place in np.argsort(shuffle_order(count, corners, 0))[:5]:
        white = np.round(together[place, :, :, 0] * (64 / 255)) / 64
        np.testing.assert_array_equal(white, rasterised_by_matplotlib(drawn_one_by_one(corners, rng)))
    assert len({image.tobytes() for image in together}) == count


each_name = pytest.mark.parametrize(("name", "corners"), [("triangles", 3), ("squares", 4)])


@each_name
def test_splits_and_holdout_are_the_shuffled_images_in_order(name, corners, tmp_path, few):
    assert_in_order(name, corners, tmp_path, 80)


@pytest.mark.slow
@each_name
def test_splits_and_holdout_of_all_images_are_the_shuffled_ones_in_order(name, corners, data_root):
    assert_in_order(name, corners, data_root, 80_000)


def test_second_load_reads_the_file(tmp_path, few, monkeypatch):
    first = data.load("triangles", tmp_path)

    def refuse(count, corners, seed):
        raise AssertionError("made again")

    monkeypatch.setattr(polygons, "generate_levels", refuse)
    assert data.load("triangles", tmp_path).fingerprint == first.fingerprint
    assert [path.name for path in (tmp_path / "polygons").iterdir()] == ["triangles-v1.npz"]


def save_npy(path):
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))


CORRUPTIONS = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no archive"),
    "no archive but an array": save_npy,
    "another array name": lambda path: np.savez(path, pictures=np.zeros(3)),
    "pickled objects": lambda path: np.savez(path, images=np.array([{}], dtype=object)),
    "other images": lambda path: np.savez(path, images=np.zeros((80000, 28, 28, 1), np.uint8)),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_corrupt_file_is_named_with_the_way_out(tmp_path, corruption):
    path = tmp_path / "polygons" / "squares-v1.npz"
    path.parent.mkdir()
    CORRUPTIONS[corruption](path)
    with pytest.raises(DataError, match=r"expected .*; delete it to have it made again") as caught:
        data.load("squares", tmp_path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "flipped byte"])
def test_damaged_file_is_refused(few, tmp_path, damage):
    data.load("triangles", tmp_path)
    path = tmp_path / "polygons" / "triangles-v1.npz"
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle] ^= 0xFF
    path.write_bytes(content if damage == "flipped byte" else content[:middle])
    with pytest.raises(DataError, match=f"{path}: .*delete it to have it made again"):
        data.load("triangles", tmp_path)


def test_full_disk_leaves_no_file_behind(tmp_path, monkeypatch):
    def fill_disk(file, **arrays):
        file.write(b"half an arch")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fill_disk)
    with pytest.raises(OSError, match="No space left on device"):
        polygons.write_array(tmp_path / "polygons" / "squares-v1.npz", np.zeros(3, np.uint8))
    assert list((tmp_path / "polygons").iterdir()) == []


def test_images_other_than_the_pinned_ones_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(polygons, "generate_levels", lambda count, corners, seed: np.zeros((9, 28, 28), np.uint8))
    with pytest.raises(DataError, match=r"triangles: images generated by numpy .*, expected"):
        data.load("triangles", tmp_path)
    assert not (tmp_path / "polygons").exists()


def test_a_root_that_cannot_be_written_costs_time_and_one_line(tmp_path, monkeypatch, caplog):
    levels = np.zeros((polygons.TEST_END + 1, 28, 28), np.uint8)
    levels[-1] = 64
    generated = polygons.to_uint8(levels)[..., None]
    monkeypatch.setattr(polygons, "generate_levels", lambda count, corners, seed: levels)
    monkeypatch.setitem(polygons.SHA256, "triangles", polygons.array_hash(generated))
    (tmp_path / "polygons").write_text("a file where the folder would be")
    assert np.array_equal(polygons.holdout("triangles", tmp_path), generated[-1:])
    (line,) = caplog.messages
    assert line.startswith(f"images of triangles cannot be kept in {tmp_path}/polygons (")
