from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from ganscape.models.targets import LABEL_FLIPS, LABEL_SMOOTHINGS

KEY = jax.random.key(0)
MANY = 4000


def smoothed(name, smoothing, batch=MANY, key=KEY):
    return np.asarray(LABEL_SMOOTHINGS[name](SimpleNamespace(smoothing=smoothing), key, batch))


def flipped(name, probability, real, fake, key=KEY):
    return LABEL_FLIPS[name](SimpleNamespace(flip_probability=probability), key, real, fake)


@pytest.mark.parametrize("name", LABEL_SMOOTHINGS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_targets_of_real_images_are_between_1_minus_smoothing_and_1(name, smoothing):
    targets = smoothed(name, smoothing, 64)
    assert (targets.shape, targets.dtype) == ((64,), np.float32)
    assert (targets >= np.float32(1.0 - smoothing)).all()
    assert (targets <= 1.0).all()


@pytest.mark.parametrize(("name", "target"), [("none", 1.0), ("one_sided", 0.75)])
def test_targets_that_are_not_drawn(name, target):
    np.testing.assert_array_equal(smoothed(name, 0.25, 5), np.full(5, target))


def test_random_smoothing_is_uniform():
    targets = smoothed("one_sided_random", 0.25)
    assert stats.kstest(targets, stats.uniform(0.75, 0.25).cdf).pvalue > 0.01
    assert len(np.unique(targets)) > MANY - 10


def test_no_flips_leave_the_targets():
    real, fake = jnp.linspace(0.6, 1.0, 5), jnp.zeros(5)
    kept = flipped("none", 1.0, real, fake)
    np.testing.assert_array_equal(kept[0], real)
    np.testing.assert_array_equal(kept[1], fake)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_flips(probability):
    real, fake = jnp.linspace(0.6, 1.0, MANY), jnp.linspace(0.0, 0.1, MANY)
    flips = flipped("random", probability, real, fake)
    for got, expected in zip(flips, (real, fake) if probability == 0.0 else (fake, real), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_an_image_is_flipped_with_its_probability_and_by_itself():
    """The four outcomes of a real image and its partner are those of two independent draws."""
    real, fake = flipped("random", 0.3, jnp.full(MANY, 0.9), jnp.full(MANY, 0.2))
    assert set(np.unique(real)) == set(np.unique(fake)) == {np.float32(0.9), np.float32(0.2)}
    real_flipped, fake_flipped = np.asarray(real) < 0.5, np.asarray(fake) > 0.5
    outcomes = np.bincount(2 * real_flipped + fake_flipped, minlength=4)
    assert stats.chisquare(outcomes, MANY * np.array([0.49, 0.21, 0.21, 0.09])).pvalue > 0.01
    runs = np.corrcoef(real_flipped[:-1], real_flipped[1:])[0, 1]
    assert abs(runs) < 4.0 / np.sqrt(MANY)


def test_random_smoothing_is_a_function_of_the_key():
    first, again, other = (smoothed("one_sided_random", 0.3, 8, jax.random.key(i)) for i in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).all()


def test_the_numbers_can_be_traced():
    @jax.jit
    def both(smoothing, probability):
        config = SimpleNamespace(smoothing=smoothing, flip_probability=probability)
        real = LABEL_SMOOTHINGS["one_sided"](config, KEY, 6)
        return LABEL_FLIPS["random"](config, KEY, real, jnp.zeros(6))

    np.testing.assert_allclose(both(0.2, 1.0)[1], 0.8, rtol=1e-6)
    np.testing.assert_allclose(both(0.4, 0.0)[0], 0.6, rtol=1e-6)
    assert both._cache_size() == 1
