"""Prepares images for the discriminator: augmentation, instance noise, packing."""

from typing import TYPE_CHECKING

import jax
from jax import Array

from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.augmentations import AUGMENTATIONS
from ganscape.models.instance_noise import INSTANCE_NOISES
from ganscape.models.packing import pack_images

if TYPE_CHECKING:
    from ganscape.models.config import Config


def prepare_images(config: "Config", images: Array, key: Array, images_seen: Array) -> Array:
    """Returns the images augmented, then with instance noise, then packed.

    images_seen: real images that the discriminator was trained on so far, which noise schedules depend on.
    """
    augmentation_key, noise_key = jax.random.split(key)
    images = AUGMENTATIONS[config.augmentation](images, augmentation_key)
    if config.noise_std is not None:
        deviation = INSTANCE_NOISES[config.instance_noise](config, images_seen)
        images = images + deviation * jax.random.normal(noise_key, images.shape)
    return pack_images(images, config.packing)


def prepare_both(config: "Config", real: Array, fake: Array, key: Array, images_seen: Array) -> tuple[Array, Array]:
    """Returns real and generated images, both prepared in the same way, with independent randomness.

    For growing networks, real images are first blurred to the detail that the generator can produce so far.
    """
    real_key, fake_key = jax.random.split(key)
    real = ARCHITECTURES[config.architecture].blur_real(config, real, images_seen)
    return prepare_images(config, real, real_key, images_seen), prepare_images(config, fake, fake_key, images_seen)
