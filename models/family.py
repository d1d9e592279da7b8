"""The interface between training and the sweep engine: what a family of generative models has to offer."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array


class SamplingWeights(NamedTuple):
    """What images are sampled with: a generator's weights and statistics, averaged ones where there are any, and the
    real images that it has been trained on so far (float32; only networks that grow look at it)."""

    params: Any
    statistics: Any
    images_seen: Array | float


def keep_pixels(output: Array) -> Array:
    """The generator's output, for generators that return images."""
    return output


class Family(NamedTuple):
    """One way of training: a state, a step that changes it, and the generator in it.

    `models.sampling` makes images of any family's state.

    init: (config, image_shape (height, width, channels), key uint32 [2]) -> State, on the host:
      numpy arrays. Compiling random initialisation costs more than training a small GAN.
    step: (config, state, images [disc_iters * batch_size, height, width, channels] in [0, 1], key,
      labels int32 [disc_iters * batch_size] or None) -> (state, logs): one cycle, in a game disc_iters
      discriminator updates and one generator update; logs is a dict of scalars, non-finite ones
      meaning divergence. labels are for configs with classes.
    generator_of: (config, state) -> SamplingWeights.
    logs: the names of step's logs.
    to_pixels: the generator's output -> images in [0, 1].
    """

    init: Callable
    step: Callable
    generator_of: Callable[..., SamplingWeights]
    logs: tuple[str, ...]
    to_pixels: Callable[[Array], Array] = keep_pixels
