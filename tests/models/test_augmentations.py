import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from ganscape.models.augmentations import AUGMENTATIONS

KEY = jax.random.key(0)
MANY = 3000
SMALL = (8, 8, 3)
MOVES = [name for name in AUGMENTATIONS if name != "none"]
PARTS = [name for name in MOVES if name != "diffaugment"]  # which is made of them


@functools.cache
def compiled(name):
    return jax.jit(AUGMENTATIONS[name])


def images_of(count, height, width, channels, seed=0):
    return np.random.default_rng(seed).uniform(0.0, 1.0, (count, height, width, channels)).astype(np.float32)


def matches(made, candidates):
    """How many images [batch, ...] are each candidate, an array [batch, ...]; each image is exactly one."""
    equal = np.stack([(made == candidate).all((1, 2, 3)) for candidate in candidates])
    np.testing.assert_array_equal(equal.sum(0), 1)
    return equal.sum(1)


def assert_uniform(draws, low, high):
    assert stats.kstest(draws, stats.uniform(low, high - low).cdf).pvalue > 0.01


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(8, 8, 1), (12, 10, 3)])
def test_an_augmentation_keeps_shape_and_type(name, shape):
    made = jax.eval_shape(AUGMENTATIONS[name], jax.ShapeDtypeStruct((5, *shape), jnp.float32), KEY)
    assert (made.shape, made.dtype) == ((5, *shape), jnp.float32)


def test_none_leaves_the_images():
    images = images_of(3, 8, 8, 2)
    np.testing.assert_array_equal(AUGMENTATIONS["none"](images, KEY), images)


@pytest.mark.parametrize("name", MOVES)
def test_each_image_has_its_own_draw_and_each_key_another(name):
    same = np.broadcast_to(images_of(1, *SMALL), (30, *SMALL))
    made, again, other = (np.asarray(compiled(name)(same, jax.random.key(i))) for i in (0, 0, 1))
    assert len(np.unique(made, axis=0)) > 6
    np.testing.assert_array_equal(made, again)
    assert (made != other).any()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_image_does_not_see_the_others(name):
    images = images_of(30, *SMALL)
    changed = images.copy()
    changed[1:] = 0.3
    np.testing.assert_array_equal(compiled(name)(images, KEY)[0], compiled(name)(changed, KEY)[0])


@pytest.mark.parametrize("name", PARTS)
def test_gradients_are_the_slopes(name):
    """An augmentation is affine in the images, so that a difference is its derivative."""
    images, other, weights = (images_of(30, *SMALL, seed) for seed in range(3))
    weighed = jax.jit(jax.value_and_grad(lambda images: jnp.sum(weights * AUGMENTATIONS[name](images, KEY))))
    value, gradient = weighed(images)
    np.testing.assert_allclose(np.sum(gradient * (other - images)), weighed(other)[0] - value, rtol=1e-3, atol=1e-2)
    assert np.abs(gradient).max() > 0.1


@pytest.mark.parametrize("name", PARTS)
def test_a_population_is_its_members(name):
    images, keys = images_of(60, *SMALL).reshape(2, 30, *SMALL), jax.random.split(KEY, 2)
    together = jax.jit(jax.vmap(AUGMENTATIONS[name]))(images, keys)
    for member in range(2):
        alone = compiled(name)(images[member], keys[member])
        np.testing.assert_allclose(together[member], alone, rtol=1e-6, atol=1e-7)


# Color: means over pixels and channels tell the three draws apart


def color_draws(channels):
    """Brightness, saturation and contrast of each image, from what they do to means; checked to be all there is."""
    images = np.float64(images_of(MANY, 4, 4, channels))
    made = np.float64(compiled("color")(np.float32(images), KEY))
    mean, grey = images.mean((1, 2, 3), keepdims=True), images.mean(3, keepdims=True)
    made_mean, made_grey = made.mean((1, 2, 3), keepdims=True), made.mean(3, keepdims=True)
    axes = (1, 2, 3)
    contrast = np.sum((made_grey - made_mean) * (grey - mean), axes) / np.sum((grey - mean) ** 2, axes)
    both = np.ones(MANY)
    if channels > 1:
        both = np.sum((made - made_grey) * (images - grey), axes) / np.sum((images - grey) ** 2, axes)
    shaped = (slice(None), None, None, None)
    np.testing.assert_allclose(
        made, made_mean + contrast[shaped] * (grey - mean) + both[shaped] * (images - grey), atol=1e-5
    )
    return (made_mean - mean)[:, 0, 0, 0], both / contrast, contrast


@pytest.mark.parametrize("channels", [1, 3])
def test_color_draws_brightness_saturation_and_contrast(channels):
    brightness, saturation, contrast = color_draws(channels)
    assert_uniform(brightness, -0.25, 0.25)
    assert_uniform(contrast, 0.5, 1.5)
    if channels > 1:
        assert_uniform(saturation, 0.0, 2.0)
        correlations = np.corrcoef([brightness, saturation, contrast])
        assert np.abs(correlations[np.triu_indices(3, 1)]).max() < 4.0 / np.sqrt(MANY)


# Translation and cutout: every outcome enumerated


def moved(images, down, right):
    """Moved by whole pixels, 0.5 coming in."""
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (height, height), (width, width), (0, 0)), constant_values=0.5)
    return padded[:, height - down : 2 * height - down, width - right : 2 * width - right]


def test_translation_is_by_whole_pixels_uniform_up_to_an_eighth():
    images = images_of(1000, 16, 25, 1)
    candidates = (moved(images, down, right) for down in range(-2, 3) for right in range(-3, 4))
    counts = matches(np.asarray(compiled("translation")(images, KEY)), candidates)
    assert stats.chisquare(counts).pvalue > 0.01


def holes(size):
    """Every stretch of half an axis that has its middle on it."""
    length = size // 2
    middles = np.arange(size) if length % 2 else np.arange(size + 1)
    starts = middles - length // 2
    pixels = np.arange(size)
    return [(pixels >= start) & (pixels < start + length) for start in starts]


def cut(images, rows, columns):
    return np.where((rows[:, None] & columns)[:, :, None], np.float32(0.5), images)


@pytest.mark.parametrize(("height", "width"), [(8, 6), (7, 4)])
def test_cutout_is_half_of_each_axis_anywhere(height, width):
    images = images_of(MANY, height, width, 2)
    candidates = (cut(images, rows, columns) for rows in holes(height) for columns in holes(width))
    counts = matches(np.asarray(compiled("cutout")(images, KEY)), candidates)
    assert stats.chisquare(counts).pvalue > 0.01


def test_diffaugment_is_all_three_in_order():
    """White images: whatever is cut or has moved in is grey, untouched by color; the rest is one shade."""
    made = np.asarray(compiled("diffaugment")(np.ones((MANY, 8, 8, 1), np.float32), KEY))
    shade = made.max((1, 2, 3), keepdims=True)
    np.testing.assert_array_equal(made, np.where(made == 0.5, np.float32(0.5), shade))
    assert_uniform(shade.ravel() - 1.0, -0.25, 0.25)
    mask = np.ones((1, 8, 8, 1), np.float32)
    masks = {
        cut(moved(mask, down, right), rows, columns).tobytes()
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        for rows in holes(8)
        for columns in holes(8)
    }
    seen = {np.where(each == 0.5, np.float32(0.5), np.float32(1.0)).tobytes() for each in made}
    assert seen <= masks
    assert len(seen) > 0.9 * len(masks)
