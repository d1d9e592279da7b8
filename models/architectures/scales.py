"""Multi-scale discriminators, and the average pooling between their scales."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from ganscape.models.forward import TRAINING, Context, DiscriminatorOutput


class Scales(nn.Module):
    """Discriminators with weights of their own, each on images of half the size of the one before.

    Their logits are [batch, discriminators]; their features stand side by side.

    Reference: Wang et al. 2018 (arXiv:1711.11585), section 3.2.
    """

    discriminators: tuple[nn.Module, ...]

    @nn.compact
    def __call__(self, images: Array, context: Context = TRAINING) -> DiscriminatorOutput:
        judgements = [self.discriminators[0](images, context)]
        for discriminator in self.discriminators[1:]:
            images = average_pool(images)
            judgements.append(discriminator(images, context))
        return DiscriminatorOutput(
            jnp.stack([each.logits for each in judgements], axis=-1),
            jnp.concatenate([each.features for each in judgements], axis=-1),
        )


def average_pool(images: Array) -> Array:
    """Returns the means of the 2x2 squares of images [batch, height, width, channels] of even height and width."""
    batch, height, width, channels = images.shape
    return jnp.mean(images.reshape(batch, height // 2, 2, width // 2, 2, channels), axis=(2, 4))
