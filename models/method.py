"""The seam between learning and running: what is trained is three pure functions of one member."""

from collections.abc import Callable
from typing import NamedTuple


class Method(NamedTuple):
    """Everything that runs trials sees only this triple.

    init: (config, image_shape (height, width, channels), key uint32 [2]) -> State, on the host:
      numpy arrays. Compiling random initialisation costs more than training a small GAN.
    step: (config, state, images [disc_iters * batch_size, height, width, channels] in [0, 1], key,
      labels int32 [disc_iters * batch_size] or None) -> (state, logs): one cycle, in a game disc_iters
      discriminator updates and one generator update; logs is a dict of scalars, non-finite ones
      meaning divergence. labels are for configs with classes.
    logs: the names of step's logs.
    sample: (config, state, image_shape, key, count) -> images [count, height, width, channels]
      in [0, 1].
    """

    init: Callable
    step: Callable
    sample: Callable
    logs: tuple[str, ...] = ()
