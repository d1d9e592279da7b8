"""Family `completion`: a generator completes images that have holes, against a discriminator of family gan.

Its input is the image with the pixels of the hole made grey, beside the mask; its output a whole image, of which the
hole is put into the input. The discriminator sees the completed images. The generator's loss is that of the game with
weight `adversarial_weight`, plus pair losses of the whole output and the true image.

Reference: Pathak et al. 2016 (arXiv:1604.07379); Yu et al. 2019 (arXiv:1806.03589).
"""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models import gan
from ganscape.models.architectures import build
from ganscape.models.family import Family
from ganscape.models.masks import MASKS

if TYPE_CHECKING:
    from ganscape.models.config import Config

GREY = 0.5


def mask_images(config: "Config", images: Array, key: Array) -> Array:
    """Returns the generator's input [batch, height, width, channels + 1] for images in [0, 1]: each image with a hole
    of its own, drawn from the key and filled with grey, and the mask as the last channel."""
    batch, height, width, _ = images.shape
    mask = MASKS[config.mask](key, batch, height, width, config.mask_share)
    return jnp.concatenate([jnp.where(mask > 0.0, GREY, images), mask], axis=-1)


def step(config: "Config", state: gan.State, images, key: Array, labels: Array | None = None):
    """Returns the state after one cycle, as that of family gan, and its logs.

    images: [disc_iters * batch_size, height, width, channels]; the discriminator compares those of a batch with their
    own completions. Labels are ignored.
    """
    mask_key, *keys = jax.random.split(key, 1 + config.disc_iters)
    inputs = mask_images(config, images, mask_key)
    real, masked = (leaf.reshape(config.disc_iters, config.batch_size, *leaf.shape[1:]) for leaf in (images, inputs))
    return gan.cycle(config, build(config, images.shape[1:]), state, gan.Batch(real, masked, jnp.stack(keys)))


FAMILY = Family(gan.init, step, gan.generator_of, gan.LOGS)
