"""How images are prepared for the discriminator: augmentation, instance noise, packing."""

from typing import TYPE_CHECKING

import jax
from jax import Array

from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.augmentations import AUGMENTATIONS
from ganscape.models.instance_noise import INSTANCE_NOISES
from ganscape.models.packing import pack

if TYPE_CHECKING:
    from ganscape.models.config import Config


def prepare(config: "Config", images: Array, key: Array, seen: Array) -> Array:
    """Returns the images augmented, then with instance noise, then packed.

    seen: real images that the discriminator was trained on so far; schedules depend on it.
    """
    augmentation_key, noise_key = jax.random.split(key)
    images = AUGMENTATIONS[config.augmentation](images, augmentation_key)
    if config.noise_std is not None:
        deviation = INSTANCE_NOISES[config.instance_noise](config, seen)
        images = images + deviation * jax.random.normal(noise_key, images.shape)
    return pack(images, config.packing)


def prepare_both(config: "Config", real: Array, fake: Array, key: Array, seen: Array) -> tuple[Array, Array]:
    """Returns real and generated images prepared alike, each with randomness of its own.

    Networks that grow get real images first reduced to the detail that the generator can make so far.
    """
    real_key, fake_key = jax.random.split(key)
    real = ARCHITECTURES[config.architecture].real(config, real, seen)
    return prepare(config, real, real_key, seen), prepare(config, fake, fake_key, seen)
