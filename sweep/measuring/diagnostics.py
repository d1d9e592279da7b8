"""Signs of failure in a trial that still trains: what its losses, gradients and samples say at a rung."""

from typing import NamedTuple

import numpy as np

from ganscape.models import Config
from ganscape.models.losses import LOSSES

WON = 1e-3
EXPLODED = 1e4
COLLAPSED = 0.05


class Diagnostic(NamedTuple):
    """One quantity of a trial at a rung.

    quantity: a log of the trial's method, its mean over about the last 100 cycles; `diversity`: the summed
    variance of the features of its samples, over that of the reference's; or what else the metric found, such as
    `precision` and `recall`.
    cause: None, or what the value is a sign of: `discriminator_won` (its loss within 1e-3 of the least that
    the loss can come to), `exploding_gradient` (a norm above 1e4), `mode_collapse` (diversity below 0.05).
    The bounds are ours.
    """

    quantity: str
    value: float
    cause: str | None


def diagnose(config: Config, values: dict[str, float]) -> tuple[Diagnostic, ...]:
    """The signs of a trial at a rung, by name, from its logs and what was found beside its score."""
    return tuple(Diagnostic(name, float(value), _cause(config, name, value)) for name, value in sorted(values.items()))


def spread(features: np.ndarray) -> float:
    """The summed variance of features [n, dimension], n >= 2."""
    return float(np.sum(np.var(features, axis=0, dtype=np.float64)))


def _cause(config: Config, quantity: str, value: float) -> str | None:
    if quantity == "d_loss" and config.loss is not None:
        floor = LOSSES[config.loss].floor
        return "discriminator_won" if floor is not None and value - floor < WON else None
    if quantity.endswith("_gradient"):
        return "exploding_gradient" if value > EXPLODED else None
    if quantity == "diversity":
        return "mode_collapse" if value < COLLAPSED else None
    return None
