"""What the discriminator gets to see of images: functions of (config, images, key, images seen so far)."""

import jax
from jax import Array

from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.augmentations import AUGMENTATIONS
from ganscape.models.instance_noise import INSTANCE_NOISES
from ganscape.models.packing import pack


def shown(config, images: Array, key: Array, seen: Array) -> Array:
    """What the discriminator sees of images: augmented, then with noise, then packed."""
    augmentation_key, noise_key = jax.random.split(key)
    images = AUGMENTATIONS[config.augmentation](images, augmentation_key)
    if config.noise_std is not None:
        deviation = INSTANCE_NOISES[config.instance_noise](config, seen)
        images = images + deviation * jax.random.normal(noise_key, images.shape)
    return pack(images, config.packing)


def shown_both(config, real: Array, fake: Array, key: Array, seen: Array) -> tuple[Array, Array]:
    """What the discriminator sees of real and of generated images."""
    real_key, fake_key = jax.random.split(key)
    real = ARCHITECTURES[config.architecture].real(config, real, seen)
    return shown(config, real, real_key, seen), shown(config, fake, fake_key, seen)
