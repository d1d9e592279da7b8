"""The arguments of a normalization of activations."""

from typing import NamedTuple

from jax import Array


class NormContext(NamedTuple):
    """The constants of a normalization, and the mode of the current forward pass.

    momentum: how much of a running average stays at each pass, in [0, 1).
    epsilon: what is added to a variance, > 0.
    training: whether the batch's own statistics normalise; else running averages do.
    condition: [batch, d], what conditional batch norm depends on.
    reference: virtual batch norm: so many of the batch, the first, are its reference.
    """

    momentum: float
    epsilon: float
    training: bool = True
    condition: Array | None = None
    reference: int = 0
