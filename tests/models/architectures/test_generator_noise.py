import flax.linen as nn
import jax
import numpy as np
import pytest

from ganscape.models.architectures.generator_noise import GENERATOR_NOISES

X = np.random.default_rng(0).normal(3.0, 1.0, (50, 10, 20)).astype(np.float32)


class Host(nn.Module):
    """Disturbed twice, side by side."""

    name_of_slot: str

    @nn.compact
    def __call__(self, x, level):
        noise = GENERATOR_NOISES[self.name_of_slot]
        return noise(self, x, level), noise(self, x, level)


@jax.jit
def _gaussian(level, key):
    return Host("gaussian").apply({}, X, level, rngs={"noise": key})


@jax.jit
def _dropout(level, key):
    return Host("dropout").apply({}, X, level, rngs={"noise": key})


NOISES = {"gaussian": _gaussian, "dropout": _dropout}


def test_none_needs_no_randomness_and_changes_nothing():
    for made in Host("none").apply({}, X, 0.3):
        np.testing.assert_array_equal(made, X)


@pytest.mark.parametrize("name", NOISES)
def test_noise_is_of_its_key_and_its_place(name):
    first, second = NOISES[name](0.5, jax.random.key(0))
    again, _ = NOISES[name](0.5, jax.random.key(0))
    other, _ = NOISES[name](0.5, jax.random.key(1))
    np.testing.assert_array_equal(first, again)
    for one in (second, other):
        assert np.mean(first != one) > 0.4


@pytest.mark.parametrize("name", NOISES)
def test_at_level_0_nothing_changes(name):
    np.testing.assert_array_equal(NOISES[name](0.0, jax.random.key(0))[0], X)


@pytest.mark.parametrize("level", [0.1, 2.0])
def test_gaussian_noise_has_its_deviation_for_every_value(level):
    noise = np.asarray(_gaussian(level, jax.random.key(0))[0]) - X
    np.testing.assert_allclose([noise.std(), 1.0 + noise.mean()], [level, 1.0], atol=0.05 * level)
    assert np.abs(np.corrcoef(noise.reshape(50, -1))[~np.eye(50, dtype=bool)]).max() < 0.4


@pytest.mark.parametrize("level", [0.2, 0.7])
def test_dropout_drops_its_share_and_keeps_the_mean(level):
    made = np.asarray(_dropout(level, jax.random.key(0))[0])
    kept = made != 0.0
    assert abs(kept.mean() - (1.0 - level)) < 0.02
    np.testing.assert_allclose(made[kept], X[kept] / (1.0 - level), rtol=1e-5)
    assert kept.mean((1, 2)).std() > 0.0
