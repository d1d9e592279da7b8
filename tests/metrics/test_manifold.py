import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.data import polygons as data
from ganscape.metrics import METRICS, MetricError, check_images_alone, make_encoder, manifold
from ganscape.metrics.manifold import (
    OTHER_DELTAS,
    Inverted,
    f1,
    invert,
    manifold_facts,
    nearest_polygons,
    polygon_precision,
    targets,
)
from ganscape.metrics.polygons import draw_polygon, order_corners, pixel_coverage, render_polygon

SIDE = 28


def drawn(count, corners, seed=0):
    """Corners [count, corners, 2] of polygons as in the data sets, and their images [count, 784] in [0, 1]."""
    points = data.vertices(np.random.RandomState(seed).random_sample((count, corners + 1)))
    return points, data.to_uint8(data.rasterise(points)).reshape(count, -1) / 255


@pytest.fixture(autouse=True)
def _in_chunks_of_eight(monkeypatch):
    """The last chunk of a few images is filled up with copies, which would be most of the work."""
    monkeypatch.setattr(manifold, "CHUNK", 8)


@pytest.fixture(scope="module")
def triangles():
    return drawn(8, 3)


@pytest.mark.parametrize("corners", [3, 4])
def test_the_renderer_makes_the_images_of_the_data_set(corners):
    points, images = drawn(60, corners, seed=corners)
    made = np.asarray(jax.jit(jax.vmap(render_polygon))(points.astype(np.float32))).reshape(60, -1)
    wrong = np.abs(made - images) > 1e-6
    assert wrong.mean() < 1e-4 and np.abs(made - images).max() < 5 / 255


@pytest.mark.parametrize("corners", [3, 4])
def test_draws_become_the_images_that_the_data_set_has_for_them(corners):
    draws = np.random.RandomState(corners).random_sample((60, corners + 1))
    images = data.to_uint8(data.rasterise(data.vertices(draws))) / 255
    made = np.asarray(jax.jit(jax.vmap(draw_polygon))((2 * draws - 1).astype(np.float32)))
    assert (np.abs(made - images) > 1e-6).mean() < 3e-4 and np.abs(made - images).max() < 5 / 255
    other = np.asarray(jax.jit(jax.vmap(draw_polygon))((1 - 2 * draws).astype(np.float32)))
    assert (np.abs(other - images) > 1e-6).mean() > 0.02


def test_polygons_that_leave_the_image_and_thin_ones_are_drawn_as_the_data_s_code_draws_them():
    points, _ = drawn(40, 3, seed=5)
    moved = points + np.random.default_rng(0).uniform(-14, 14, (40, 1, 2))
    moved[:20, :, 0] = 14 + (moved[:20, :, 0] - 14) * 0.05
    kept = np.array([np.asarray(order_corners(jnp.asarray(each))) for each in moved.astype(np.float32)])
    expected = data.to_uint8(data.rasterise(kept.astype(np.float64))) / 255
    made = np.asarray(jax.jit(jax.vmap(render_polygon))(moved.astype(np.float32)))
    assert (np.abs(made - expected) > 1e-6).mean() < 1e-3
    assert (expected != 1).any(axis=(1, 2)).sum() > 30


def shoelace(points):
    x, y = points[..., 0], points[..., 1]
    return 0.5 * (x * jnp.roll(y, -1, -1) - jnp.roll(x, -1, -1) * y).sum(-1)


def area(corners):
    """By the shoelace formula."""
    x, y = corners[..., 0], corners[..., 1]
    return 0.5 * (x * np.roll(y, -1, -1) - np.roll(x, -1, -1) * y).sum(-1)


@pytest.mark.parametrize("corners", [3, 4])
def test_coverage_adds_up_to_the_area_and_changes_as_it_does(corners):
    """Grown about its mean by a part e, a polygon gains 2 e of its area; moved, it gains none."""
    points = drawn(12, corners, seed=9)[0].astype(np.float32)
    grown, moved = points - points.mean(axis=1, keepdims=True), np.full_like(points, 1.0)

    @jax.jit
    @jax.vmap
    def covered(points, grown, moved):
        along = [jax.jvp(lambda p: 784 - render_polygon(p).sum(), (points,), (way,))[1] for way in (grown, moved)]
        return pixel_coverage(points).sum(), *along

    total, gain, shift = covered(points, grown, moved)
    np.testing.assert_allclose(total, area(points), rtol=0.005)
    wrong = np.abs(gain / (2 * area(points)) - 1)
    assert np.median(wrong) < 0.03 and wrong.max() < 0.4
    assert np.median(np.abs(shift)) < 1


def test_every_iterate_is_convex():
    """A corner inside the others' triangle leaves a polygon; the order of the corners does not matter."""
    draw = jax.jit(render_polygon)
    star = jnp.array([[4.0, 4.0], [24.0, 6.0], [13.0, 11.0], [12.0, 24.0]])
    image = np.asarray(draw(star)) < 0.5
    assert image.sum() > 10
    for lines in (image, image.T):
        runs = [np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]]))) for line in lines]
        assert all(len(run) in (0, 2) for run in runs)
    np.testing.assert_array_equal(draw(star[jnp.array([2, 0, 3, 1])]), draw(star))


def test_images_of_triangles_are_found(triangles):
    points, images = triangles
    found = nearest_polygons(images, 3)
    assert found.distances.max() < 0.5 and np.median(found.distances) < 0.1
    near = np.linalg.norm(found.corners[:, :, None] - points[:, None], axis=-1).min(axis=1)
    assert np.median(near) < 0.05
    recomputed = np.linalg.norm(np.asarray(jax.vmap(render_polygon)(found.corners)).reshape(8, -1) - images, axis=1)
    np.testing.assert_allclose(found.distances, recomputed, atol=1e-4)
    assert polygon_precision(images, 3) == 1


def test_a_spot_far_from_the_triangle_is_the_distance(triangles):
    """No triangle is nearer than the one below the spot: the distance is that of the one pixel."""
    images = triangles[1].copy()
    images[:, 27] -= 0.7
    assert nearest_polygons(images, 3).distances == pytest.approx(0.7, abs=0.12)
    images[:, 27] -= 0.2
    assert polygon_precision(images, 3) == 0


def test_what_is_no_triangle_is_far(triangles):
    rng = np.random.default_rng(0)
    two = triangles[1] * np.roll(triangles[1].reshape(-1, 28, 28)[:, ::-1, ::-1], 6, axis=1).reshape(-1, 784)
    others = [rng.random((1, 784)), two[:2], drawn(2, 4)[1], 1 - triangles[1][:2], np.full((1, 784), 0.5)]
    assert nearest_polygons(np.concatenate(others), 3).distances.min() > 1


def test_more_starts_come_no_farther_and_squares_need_four_corners():
    images = drawn(8, 4, seed=3)[1]
    one, more = (nearest_polygons(images, 4, restarts=restarts).distances for restarts in (1, 4))
    assert (more <= one + 1e-5).all() and more.max() < 0.75 < one.max()


def test_shares_and_their_harmonic_mean(triangles):
    half = np.concatenate([triangles[1][:4], np.random.default_rng(1).random((4, 784))])
    inverted = Inverted(np.array([0.1, 0.75, 0.76, 9.0]), np.array([True, False, False, False]))
    found = manifold_facts(half, inverted, 3)
    assert {"precision": 0.5, "recall": 0.5, "f1": 0.5, "one_minus_f1": 0.5, "moving": 0.25}.items() <= found.items()
    recall = {delta: found[f"recall_{delta:g}"] for delta in OTHER_DELTAS}
    assert recall == {0.25: 0.25, 0.5: 0.25, 1.0: 0.75, 1.5: 0.75, 2.0: 0.75, 3.0: 0.75}
    assert found["recall_median"] == pytest.approx(0.755)
    shares = [found[f"precision_{delta:g}"] for delta in OTHER_DELTAS]
    assert shares == sorted(shares) and found["precision_0.5"] <= 0.5 <= found["precision_1"]
    distances = np.sort(nearest_polygons(half, 3).distances)
    assert distances[3] < found["precision_median"] < distances[4], "between the last triangle and the first noise"
    assert f1(1.0, 0.5) == pytest.approx(2 / 3) and f1(0.0, 0.0) == 0 and f1(0.0, 1.0) == 0


@pytest.mark.parametrize("bound", [np.inf, 0.5])
def test_latents_are_found_where_the_least_squares_are_known(bound):
    """An orthonormal generator: the nearest latent is the projection, cut at the bound in each coordinate."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(20, 4)))[0].T.astype(np.float32)
    z = rng.uniform(-1, 1, (70, 4))
    images = (z @ basis + 0.1 * rng.normal(size=(70, 20))).astype(np.float32)
    pool = rng.uniform(-min(bound, 1), min(bound, 1), (256, 4)).astype(np.float32)
    found = jax.jit(lambda pool, images: invert(lambda z: z @ basis, pool, images, bound))(pool, images)
    nearest = np.clip(images @ basis.T, -bound, bound) @ basis
    np.testing.assert_allclose(found.squared, np.square(images - nearest).sum(axis=1), rtol=1e-2, atol=1e-3)
    assert not np.asarray(found.moving).any()


def test_an_inversion_cut_short_says_so():
    images = np.full((3, 2), 9.0, np.float32)
    found = invert(lambda z: z, np.zeros((256, 2), np.float32), images, steps=20)
    assert np.asarray(found.moving).all()


def test_targets_are_spread_over_the_images():
    images = np.arange(12.0).reshape(6, 2)
    np.testing.assert_array_equal(targets(images, 3), images[[0, 2, 4]])
    np.testing.assert_array_equal(targets(images, 10), images)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 64)), "polygons are images of 28x28x1; these are 3 of 64 values"),
        (np.zeros((0, 784)), "these are 0 of 784 values"),
        (np.full((2, 784), np.nan), "1568 of 1568 feature values are not finite"),
    ],
)
def test_what_is_no_image_is_refused(images, message):
    with pytest.raises(MetricError, match=message):
        polygon_precision(images, 3)


def test_the_metrics_of_polygons_are_of_their_images_and_f1_of_a_generator_alone(triangles):
    metric = METRICS["manifold_precision_triangles"]
    assert metric.compare(metric.summarise(triangles[1]), triangles[1]) == 1
    with pytest.raises(MetricError, match="one_minus_f1_squares takes images of 28x28x1, not 8x8x1"):
        make_encoder("one_minus_f1_squares", (8, 8, 1))
    check_images_alone("manifold_precision_squares")
    for name in ("one_minus_f1_triangles", "one_minus_f1_squares"):
        with pytest.raises(MetricError, match=f"{name} looks for the latents of images, so only a sweep"):
            check_images_alone(name)
