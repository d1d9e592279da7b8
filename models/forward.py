"""The arguments of a forward pass besides its input (Context), and the results of passes that are not one array."""

from typing import NamedTuple

from jax import Array


class Context(NamedTuple):
    """The arguments of a forward pass besides its input.

    training: if True, normalizations use the batch and update their running averages; if False, they use the averages.
    classes: float32 [batch, classes], one-hot; None if the networks are not conditional.
    noise: scalar, the standard deviation or dropout rate of the generator's own noise.
    progress: scalar, the real images seen so far divided by fade_images, for networks that grow.
    """

    training: bool = True
    classes: Array | None = None
    noise: Array | float = 0.0
    progress: Array | float = 0.0


TRAINING = Context()


class DiscriminatorOutput(NamedTuple):
    """The output of a discriminator.

    logits: [batch]; [batch, discriminators] with several `discriminator_scales`.
    features: [batch, f], the input of the last layer.
    """

    logits: Array
    features: Array


class Completion(NamedTuple):
    """The output of a generator that completes masked images.

    completed: [batch, height, width, channels] in [0, 1], the known pixels as in the input.
    outputs: the whole images that its networks returned, of the same shape each, the last the one that fills the hole.
    """

    completed: Array
    outputs: tuple[Array, ...]


def generated_images(output: Array | Completion) -> Array:
    """Returns the images of a generator's output in training: the output itself, or the completed images."""
    return output.completed if isinstance(output, Completion) else output
