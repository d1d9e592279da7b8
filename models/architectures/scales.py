"""Multi-scale discriminators, and average pooling."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput


class Scales(nn.Module):
    """Several discriminators with separate weights, each on images half as large as the one before.

    The logits are [batch, discriminators]; the features of all discriminators are concatenated.

    Reference: Wang et al. 2018 (arXiv:1711.11585), section 3.2.
    """

    discriminators: tuple[nn.Module, ...]

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        outputs = [self.discriminators[0](images, context)]
        for discriminator in self.discriminators[1:]:
            images = average_pool(images)
            outputs.append(discriminator(images, context))
        return DiscriminatorOutput(
            jnp.stack([output.logits for output in outputs], axis=-1),
            jnp.concatenate([output.features for output in outputs], axis=-1),
        )


def average_pool(images: Array) -> Array:
    """Returns the means of the 2x2 squares of images [batch, height, width, channels] of even height and width."""
    batch, height, width, channels = images.shape
    return jnp.mean(images.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))
