"""What a forward pass through a network is given besides its input, and what a discriminator's says."""

from typing import NamedTuple

from jax import Array


class Context(NamedTuple):
    """What a forward pass is given besides its input.

    training: whether normalizations go by the batch (and learn from it) or by what they have learnt.
    classes: float32 [batch, classes], one-hot, or None where the networks know no classes.
    noise: scalar, the level of the generator's own noise.
    progress: scalar, the real images seen so far divided by fade_images, for networks that grow.
    """

    training: bool = True
    classes: Array | None = None
    noise: Array | float = 0.0
    progress: Array | float = 0.0


TRAINING = Context()


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of images: logits [batch], and the features [batch, f] they were read from.

    Of several discriminators the logits are [batch, discriminators].
    """

    logits: Array
    features: Array
