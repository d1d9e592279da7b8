"""NormContext, the arguments of every normalization of activations."""

from typing import NamedTuple

from jax import Array


class NormContext(NamedTuple):
    """The constants of a normalization, and the mode of the current forward pass.

    momentum: decay of running averages per forward pass, in [0, 1).
    epsilon: added to variances, > 0.
    training: whether to normalise by the batch's statistics; else by their running averages.
    condition: [batch, d], the input of conditional batch norm.
    reference: how many examples at the start of the batch are the reference of virtual batch norm.
    """

    momentum: float
    epsilon: float
    training: bool = True
    condition: Array | None = None
    reference: int = 0
