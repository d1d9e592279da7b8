"""Optimizers: functions (config, learning_rate) -> an Optax optimizer, called inside the update with traced numbers."""

from typing import TYPE_CHECKING

import optax

if TYPE_CHECKING:
    from ganscape.models.config import Config


def adam(config: "Config", learning_rate):
    """Adam (Kingma and Ba 2015, algorithm 1; epsilon 1e-8)."""
    return optax.adam(learning_rate, b1=config.beta1, b2=config.beta2, eps=1e-8)


def rmsprop(config: "Config", learning_rate):
    """RMSProp with TensorFlow 1's constants: decay 0.9, epsilon 1e-10 inside the root, first moment one."""
    return optax.rmsprop(learning_rate, decay=0.9, eps=1e-10, initial_scale=1.0)


def rmsprop_torch(config: "Config", learning_rate):
    """RMSProp with PyTorch's constants: decay 0.99, epsilon 1e-8 outside the root, first moment zero.

    Where gradients are below 1e-5, as behind clipped weights, `rmsprop` hardly moves and this does.
    """
    return optax.rmsprop(learning_rate, decay=0.99, eps=1e-8, eps_in_sqrt=False)


def sgd(config: "Config", learning_rate):
    """Gradient descent without momentum."""
    return optax.sgd(learning_rate)


OPTIMIZERS = {"adam": adam, "rmsprop": rmsprop, "rmsprop_torch": rmsprop_torch, "sgd": sgd}
