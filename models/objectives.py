"""The loss terms of both players in family gan: adversarial losses, gradient penalties, historical averaging."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.averaging import HISTORICAL_AVERAGINGS
from ganscape.models.losses import LOSSES
from ganscape.models.penalties import PENALTIES
from ganscape.models.targets import LABEL_FLIPS, LABEL_SMOOTHINGS

if TYPE_CHECKING:
    from ganscape.models.config import Config


def discriminator_loss(config: "Config", real_logits: Array, fake_logits: Array, key: Array) -> Array:
    """Returns the discriminator's adversarial loss; draws label smoothing and label flips from the key."""
    loss = LOSSES[config.loss]
    if config.label_smoothing == config.label_flipping == "none":
        return per_discriminator(loss.discriminator, real_logits, fake_logits)
    smoothing_key, flipping_key = jax.random.split(key)
    real = LABEL_SMOOTHINGS[config.label_smoothing](config, smoothing_key, len(real_logits))
    targets = LABEL_FLIPS[config.label_flipping](config, flipping_key, real, jnp.zeros_like(real))

    def targeted_loss(real_logits, fake_logits):
        assert loss.targeted is not None
        return jnp.mean(loss.targeted(real_logits, targets[0])) + jnp.mean(loss.targeted(fake_logits, targets[1]))

    return per_discriminator(targeted_loss, real_logits, fake_logits)


def per_discriminator(loss, real: Array | None, fake: Array) -> Array:
    """Returns the loss for logits [batch]; for logits [batch, discriminators], its mean over the discriminators."""
    if fake.ndim == 1:
        return loss(real, fake)
    return jnp.mean(jax.vmap(loss, in_axes=(None if real is None else 1, 1))(real, fake))


def generator_loss(config: "Config", real, fake) -> Array:
    """Returns the generator's loss from the DiscriminatorOutputs of real and generated images.

    real is None where the loss does not depend on real images.
    """
    loss = LOSSES[config.loss]
    if loss.generator_sees_features:
        return loss.generator(real.features, fake.features)
    return per_discriminator(loss.generator, None if real is None else real.logits, fake.logits)


def penalty(config: "Config", critic, kernels, real: Array, fake: Array, key: Array, update: Array) -> Array:
    """Returns the weighted penalty: penalty_every times as large at every penalty_every-th update, and 0 at the others.

    critic, kernels, real, fake, key: as in `models.penalties`. For logits [batch, discriminators] it is the mean of
    the discriminators' penalties.
    update: number of this update, from 0.

    Reference: Karras et al. 2020 (arXiv:1912.04958), section 3.1, lazy regularization, without their correction of
    Adam's hyperparameters.
    """

    def penalty_of(index):
        def one_critic(images):
            return critic(images)[:, index]

        return PENALTIES[config.penalty](one_critic, kernels, real, fake, key)

    def weighted():
        weight = config.penalty_weight * config.penalty_every
        if config.discriminator_scales == 1:
            return weight * PENALTIES[config.penalty](critic, kernels, real, fake, key)
        return weight * jnp.mean(jnp.stack([penalty_of(index) for index in range(config.discriminator_scales)]))

    if config.penalty_every == 1:
        return weighted()
    return jax.lax.cond(update % config.penalty_every == 0, weighted, lambda: jnp.zeros(()))


def historical_penalty(config: "Config", params, history) -> Array | float:
    """Returns the weighted penalty on a player's distance from the mean of its past weights.

    history: a tuple of that mean; empty without historical averaging, when the penalty is 0.
    """
    penalties = [HISTORICAL_AVERAGINGS[config.historical_averaging](params, mean) for mean in history]
    return config.historical_weight * penalties[0] if penalties else 0.0
