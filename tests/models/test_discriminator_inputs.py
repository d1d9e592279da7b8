import dataclasses

import jax
import numpy as np
import pytest

from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.augmentations import AUGMENTATIONS
from ganscape.models.discriminator_inputs import prepare_both, prepare_images

IMAGES = np.random.default_rng(0).uniform(0.0, 1.0, (6, 4, 4, 2)).astype(np.float32)
KEY = jax.random.key(0)


def test_without_tricks_images_are_shown_as_they_are():
    np.testing.assert_array_equal(prepare_images(Config(), IMAGES, KEY, 0.0), IMAGES)


def test_packs_are_of_noisy_images_and_noise_is_on_augmented_ones(monkeypatch):
    """An augmentation to grey leaves the noise alone, of its deviation and for every pixel of every pack."""
    monkeypatch.setitem(AUGMENTATIONS, "color", lambda images, key: 0.0 * images + 0.5)
    noisy = {"instance_noise": "constant", "noise_std": 0.3}
    config = Config(augmentation="color", **noisy, packing=3, batch_size=1500)
    packs = np.asarray(prepare_images(config, np.tile(IMAGES, (250, 1, 1, 1)), KEY, 0.0))
    assert packs.shape == (500, 4, 4, 6)
    noise = packs - 0.5
    assert abs(noise.std() - 0.3) < 0.01
    assert abs(noise.mean()) < 0.01
    assert np.abs(np.corrcoef(noise.reshape(500, -1).T) - np.eye(96)).max() < 0.3


def test_augmentations_and_noise_have_keys_of_their_own(monkeypatch):
    seen = []
    monkeypatch.setitem(AUGMENTATIONS, "color", lambda images, key: seen.append(key) or images)
    monkeypatch.setattr(jax.random, "normal", lambda key, shape: seen.append(key) or np.zeros(shape))
    config = Config(augmentation="color", instance_noise="constant", noise_std=0.3)
    prepare_both(config, IMAGES, IMAGES, KEY, 0.0)
    keys = {tuple(np.asarray(jax.random.key_data(key))) for key in seen}
    assert len(seen) == len(keys) == 4


@pytest.mark.parametrize("images_seen", [0.0, 5.0])
def test_real_images_alone_are_as_the_architecture_wants_them(images_seen, monkeypatch):
    plain = dataclasses.replace(Config(), architecture="mlp")
    mlp = ARCHITECTURES["mlp"]
    monkeypatch.setitem(ARCHITECTURES, "mlp", mlp._replace(blur_real=lambda config, images, seen: images * seen))
    real, fake = prepare_both(plain, IMAGES, IMAGES + 1.0, KEY, images_seen)
    np.testing.assert_array_equal(real, IMAGES * images_seen)
    np.testing.assert_array_equal(fake, IMAGES + 1.0)
