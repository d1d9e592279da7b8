"""The arguments of a forward pass besides its input, and the output of a discriminator's."""

from typing import NamedTuple

from jax import Array


class Context(NamedTuple):
    """The arguments of a forward pass besides its input.

    training: True: normalizations use the batch and update their running averages; False: they use those averages.
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
    """A discriminator's logits [batch], and the features [batch, f] before its last layer.

    Several discriminators (`discriminator_scales`) have logits [batch, discriminators].
    """

    logits: Array
    features: Array
