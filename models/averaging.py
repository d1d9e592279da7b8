"""What is kept of the generator's weights for sampling: (config, average, params, count) -> average.

average: what was kept before, a tree like params; at the start a copy of the first weights;
params: the weights after an update; count: the updates so far, this one included, >= 1.
"""

import jax
import jax.numpy as jnp
from jax import Array


def none(config, average, params, count):
    """The weights as they are."""
    return params


def ema(config, average, params, count):
    """ema_decay * average + (1 - ema_decay) * params: not debiased, as it starts from the first weights.

    Reference: Yazici et al. 2019 (arXiv:1806.04498); Karras et al. 2018.
    """
    decay = config.ema_decay
    return jax.tree.map(lambda old, latest: decay * old + (1.0 - decay) * latest, average, params)


def uniform(config, average, params, count):
    """The mean of the weights after each update, the first weights not among them.

    Reference: Yazici et al. 2019 (arXiv:1806.04498), MA.
    """
    return running_mean(average, params, count)


def running_mean(mean, values, count):
    """The mean of count trees: mean is that of those before, values the last; at count = 1 it is values."""
    part = 1.0 / count
    return jax.tree.map(lambda old, latest: (1.0 - part) * old + part * latest, mean, values)


def squared_distance(params, history) -> Array:
    """Sum of the squared differences of all weights from history, their `running_mean`: what historical
    averaging adds to a player's loss.

    Reference: Salimans et al. 2016, section 3.3.
    """
    differences = jax.tree.map(lambda value, mean: jnp.sum((value - mean) ** 2), params, history)
    return sum(jax.tree.leaves(differences), start=jnp.zeros(()))


AVERAGINGS = {"none": none, "ema": ema, "uniform": uniform}
