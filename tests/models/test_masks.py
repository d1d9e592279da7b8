import functools

import jax
import numpy as np
import pytest

from ganscape.models.masks import MASKS

KEY = jax.random.key(3)


COMPILED = {name: jax.jit(mask, static_argnums=(1, 2, 3)) for name, mask in MASKS.items()}


@functools.cache
def masks_of(name, share, count=50, height=16, width=24):
    return np.asarray(COMPILED[name](KEY, count, height, width, share))


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("share", [0.0625, 0.25, 0.5625])
def test_a_hole_has_its_share_of_the_pixels(name, share):
    """All of them are shares that a box of whole pixels has too."""
    masks = masks_of(name, share)
    assert masks.shape == (50, 16, 24, 1)
    assert set(np.unique(masks)) == {0.0, 1.0}
    np.testing.assert_array_equal(masks.mean(axis=(1, 2, 3)), np.float32(share))


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("share", [1e-6, 1 - 1e-6])
def test_every_image_has_a_hole_and_a_known_pixel(name, share):
    shares = masks_of(name, share).mean(axis=(1, 2, 3))
    assert (shares > 0).all() and (shares < 1).all()


def test_a_box_is_a_rectangle_that_can_lie_at_every_place():
    masks = masks_of("box", 0.25, count=2000, height=8, width=8)[..., 0]
    rows, columns = masks.max(axis=2), masks.max(axis=1)
    np.testing.assert_array_equal(masks, rows[:, :, None] * columns[:, None, :])
    places = {(int(row.argmax()), int(column.argmax())) for row, column in zip(rows, columns, strict=True)}
    assert places == {(row, column) for row in range(5) for column in range(5)}


def test_an_irregular_hole_is_one_piece_and_no_rectangle():
    from scipy.ndimage import label

    masks = masks_of("irregular", 0.25)[..., 0]
    assert all(label(mask, np.ones((3, 3)))[1] == 1 for mask in masks)
    rectangles = masks.max(axis=2)[:, :, None] * masks.max(axis=1)[:, None, :]
    assert ((rectangles != masks).any(axis=(1, 2))).mean() > 0.9


@pytest.mark.parametrize("name", MASKS)
def test_images_have_holes_of_their_own(name):
    masks = masks_of(name, 0.25)
    assert len(np.unique(masks.reshape(50, -1), axis=0)) > 30
