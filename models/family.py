"""The seam between learning and running: what is trained is three pure functions of one member."""

from collections.abc import Callable
from typing import NamedTuple


class Family(NamedTuple):
    """Everything that runs trials sees only this.

    init: (config, image_shape (height, width, channels), key uint32 [2]) -> State, on the host:
      numpy arrays. Compiling random initialisation costs more than training a small GAN.
    step: (config, state, images [disc_iters * batch_size, height, width, channels] in [0, 1], key,
      labels int32 [disc_iters * batch_size] or None) -> (state, logs): one cycle, in a game disc_iters
      discriminator updates and one generator update; logs is a dict of scalars, non-finite ones
      meaning divergence. labels are for configs with classes.
    walk: as sample, images on the way from one latent to another.
    latents: (config, key, count) -> z [count, z_dim], as sample draws them.
    generate: (config, state, image_shape, key, z) -> images of these z, one class and one noise drawn for all.
    bound: config -> the largest magnitude of a coordinate of z, inf if there is none.
    logs: the names of step's logs.
    sample: (config, state, image_shape, key, count) -> images [count, height, width, channels]
      in [0, 1].
    """

    init: Callable
    step: Callable
    sample: Callable
    walk: Callable
    latents: Callable
    generate: Callable
    bound: Callable
    logs: tuple[str, ...] = ()
