"""Schedules: how a hyperparameter moves from its initial to its final value while real images are seen.

SCHEDULES are functions (progress) -> the share of the distance to the final value that is left, in [0, 1].

progress: real images that the discriminator was trained on so far, in units of the schedule's length in images; >= 0.

A schedule depends on the images seen alone, so a value is the same however training is divided into segments, and
whether or not it was resumed. `scheduled` applies all schedules of a config.
"""

import copy
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array

from ganscape.models.fields import members

if TYPE_CHECKING:
    from ganscape.models.config import Config


def constant_schedule(progress: Array) -> Array:
    """Returns 1: the value never changes."""
    return jnp.ones_like(progress)


def linear(progress: Array) -> Array:
    """Returns 1 - progress, and 0 from progress 1 on.

    Reference: Miyato et al. 2018 (arXiv:1802.05957) and Lee and Town 2020 (mimicry, arXiv:2005.02494), whose learning
    rates fall to 0.
    """
    return jnp.maximum(0.0, 1.0 - progress)


def cosine(progress: Array) -> Array:
    """Returns (1 + cos(pi progress)) / 2, and 0 from progress 1 on.

    Reference: Loshchilov and Hutter 2017 (arXiv:1608.03983), equation 5, without restarts; Huang et al. 2024
    (arXiv:2501.05441).
    """
    return 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.minimum(progress, 1.0)))


def exponential(progress: Array) -> Array:
    """Returns 2^-progress: the schedule's length is a half-life, and the final value is never reached."""
    return 2.0**-progress


SCHEDULES = {"constant": constant_schedule, "linear": linear, "cosine": cosine, "exponential": exponential}
# What has a schedule: the first part of the names of its fields `_schedule` and `_images`.
SCHEDULED = ("learning_rate", "beta2", "penalty", "ema")
WARMUPS = ("none", "linear")
# Those that have reached their final value after their length; the length of the others is a half-life.
ENDING = ("linear", "cosine")


def scheduled_value(schedule: str, initial, final, progress: Array) -> Array:
    """Returns final + (initial - final) * share, the share being that of SCHEDULES[schedule]."""
    return final + (initial - final) * SCHEDULES[schedule](progress)


def learning_rate_factor(config: "Config", images_seen: Array) -> Array:
    """Returns the factor of both learning rates after so many real images.

    With warm-up it rises linearly from 0 to 1 in `warmup_images`; then the schedule begins. One that ends does so after
    `learning_rate_images` images in all, warm-up included, as in optax.warmup_cosine_decay_schedule.
    """
    factor, start = jnp.ones(()), 0.0
    if config.warmup == "linear":
        start = config.warmup_images
        factor = jnp.minimum(images_seen / start, 1.0)
    if config.learning_rate_schedule == "constant":
        return factor
    length = config.learning_rate_images
    if config.learning_rate_schedule in ENDING:
        length = length - start
    progress = jnp.maximum(images_seen - start, 0.0) / length
    return factor * scheduled_value(config.learning_rate_schedule, 1.0, config.learning_rate_final, progress)


def penalty_factor(config: "Config", images_seen: Array) -> Array:
    """Returns the factor of all penalties' weights after so many real images."""
    return scheduled_value(config.penalty_schedule, 1.0, config.penalty_final, images_seen / config.penalty_images)


def beta2_value(config: "Config", images_seen: Array) -> Array:
    """Returns Adam's beta2 after so many real images."""
    return scheduled_value(config.beta2_schedule, config.beta2, config.beta2_final, images_seen / config.beta2_images)


def ema_half_life(config: "Config", images_seen: Array) -> Array:
    """Returns the half-life, in real images, of the generator's average after so many real images.

    It rises from 0 to the config's `ema_half_life` along `ema_schedule`. Linear is the ramp-up of Karras et al. 2020
    (arXiv:2006.06676), whose half-life is at most `ema_rampup` of the images seen: `ema_images` = `ema_half_life` /
    `ema_rampup`.
    """
    if config.ema_schedule == "constant":
        return jnp.asarray(config.ema_half_life)
    return scheduled_value(config.ema_schedule, 0.0, config.ema_half_life, images_seen / config.ema_images)


def scheduled(config: "Config", images_seen: Array) -> "Config":
    """Returns the config with learning rates, beta2 and penalty weights as they are after so many real images.

    A config without schedules is returned unchanged.
    """
    values: dict[str, Array] = {}
    if (config.learning_rate_schedule, config.warmup) != ("constant", "none"):
        factor = learning_rate_factor(config, images_seen)
        values |= {"g_lr": config.g_lr * factor, "d_lr": config.d_lr * factor}
    if config.beta2_schedule not in (None, "constant"):
        values["beta2"] = beta2_value(config, images_seen)
    if config.penalty_schedule not in (None, "constant"):
        factor = penalty_factor(config, images_seen)
        names = ["penalty_weight", *(f"{name}_weight" for name in members(config.penalty))]
        weights = {name: getattr(config, name, None) for name in names}
        values |= {name: weight * factor for name, weight in weights.items() if weight is not None}
    if not values:
        return config
    changed = copy.copy(config)
    for name, value in values.items():
        # Past __init__, which validates plain numbers: these are traced.
        object.__setattr__(changed, name, value)
    return changed
