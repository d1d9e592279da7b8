"""The interface between training and the sweep engine: the functions that a family of generative models provides."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array


class SamplingWeights(NamedTuple):
    """The generator's weights for sampling.

    params, statistics: averaged over training if the config averages, else the last.
    images_seen: float32, real images trained on so far; only networks that grow depend on it.
    """

    params: Any
    statistics: Any
    images_seen: Array | float


def keep_pixels(output: Array) -> Array:
    """Returns the generator's output unchanged: it is images already."""
    return output


class Family(NamedTuple):
    """One way of training: its initial state, its training step, and access to its generator.

    `models.sampling` generates images from the state of any family.

    init: (config, image_shape (height, width, channels), key uint32 [2]) -> State of numpy arrays, drawn on the
      host, because compiling random initialisation costs more than training a small GAN.
    step: (config, state, images [disc_iters * batch_size, height, width, channels] in [0, 1], key,
      labels int32 [disc_iters * batch_size] or None) -> (state, logs): one cycle; in family gan
      disc_iters discriminator updates and one generator update. logs is a dict of scalars; a non-finite one means
      that training diverged. labels are None unless the config has classes.
    generator_of: (config, state) -> SamplingWeights.
    logs: the keys of the logs that `step` returns.
    to_pixels: (the generator's output) -> images in [0, 1].
    """

    init: Callable
    step: Callable
    generator_of: Callable[..., SamplingWeights]
    logs: tuple[str, ...]
    to_pixels: Callable[[Array], Array] = keep_pixels
