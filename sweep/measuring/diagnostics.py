"""Diagnostics of a trial at a rung: its losses, gradient norms and diversity, and which failure they are a sign of."""

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
    """Returns the diagnostics of a trial at a rung, sorted by name.

    values: means of its logs, and the quantities that its evaluation gives beside the score.
    """
    return tuple(Diagnostic(name, float(value), _cause(config, name, value)) for name, value in sorted(values.items()))


def feature_variance(features: np.ndarray) -> float:
    """Returns the variance of features [n, dimension], summed over dimensions."""
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
