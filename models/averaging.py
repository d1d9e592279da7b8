"""Averages of the generator's weights for sampling, and the historical averaging of both players' weights.

AVERAGINGS are functions (config, average, params, count) -> the new average.

average: the average so far, a tree like params; at the start a copy of the initial weights.
params: the weights after an update.
count: number of updates so far, this one included, >= 1.
"""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.schedules import ema_half_life

if TYPE_CHECKING:
    from ganscape.models.config import Config


def no_averaging(config: "Config", average, params, count):
    """Returns the current weights."""
    return params


def exponential_average(config: "Config", average, params, count):
    """Returns ema_decay * average + (1 - ema_decay) * params: without debiasing, as it starts from the initial weights.

    Reference: Yazici et al. 2019 (arXiv:1806.04498); Karras et al. 2018.
    """
    decay = config.ema_decay
    return jax.tree.map(lambda old, latest: decay * old + (1.0 - decay) * latest, average, params)


def half_life_average(config: "Config", average, params, count):
    """Returns `exponential_average` with the decay after which weights count half as much ema_half_life images later.

    The decay is 2^(-images per update / half-life). At a half-life of 0 it is 0.

    Reference: the codes of Karras et al. 2020 (arXiv:2006.06676) and Huang et al. 2024 (arXiv:2501.05441).
    """
    images = config.disc_iters * config.batch_size
    half_life = ema_half_life(config, jnp.float32(count - 1) * images)
    decay = 0.5 ** (images / jnp.maximum(half_life, 1e-8))
    return jax.tree.map(lambda old, latest: decay * old + (1.0 - decay) * latest, average, params)


def uniform_average(config: "Config", average, params, count):
    """Returns the mean of the weights after each update; the initial weights do not count.

    Reference: Yazici et al. 2019 (arXiv:1806.04498), MA.
    """
    return running_mean(average, params, count)


def running_mean(mean, values, count):
    """Returns the mean of `count` trees, given the `mean` of the first count - 1 and the last one, `values`."""
    share = 1.0 / count
    return jax.tree.map(lambda old, latest: (1.0 - share) * old + share * latest, mean, values)


def squared_distance(params, history) -> Array:
    """Returns the sum of squared differences of all weights from `history`, the `running_mean` of their past values.

    Reference: Salimans et al. 2016, section 3.3.
    """
    differences = jax.tree.map(lambda value, mean: jnp.sum((value - mean) ** 2), params, history)
    return sum(jax.tree.leaves(differences), start=jnp.zeros(()))


def no_historical_penalty(params, history) -> Array:
    """Returns 0."""
    return jnp.zeros(())


AVERAGINGS = {
    "none": no_averaging,
    "ema": exponential_average,
    "ema_half_life": half_life_average,
    "uniform": uniform_average,
}
HISTORICAL_AVERAGINGS = {"none": no_historical_penalty, "squared_distance": squared_distance}
