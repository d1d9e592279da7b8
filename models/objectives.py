"""The loss terms of both players in family gan: adversarial losses, gradient penalties, historical averaging."""

import functools
import operator
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.averaging import HISTORICAL_AVERAGINGS
from ganscape.models.fields import members
from ganscape.models.losses import LOSSES
from ganscape.models.penalties import PENALTIES, number_of
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
    """Returns the sum of the config's penalties, each with its weight and at its interval.

    A penalty of interval n is n times as large at every n-th update, and 0 at the others.

    critic, kernels, real, fake, key: as in `models.penalties`. For logits [batch, discriminators] it is the mean of
    the discriminators' penalties.
    update: number of this update, from 0.

    Reference: Karras et al. 2020 (arXiv:1912.04958), section 3.1, lazy regularization, without their correction of
    Adam's hyperparameters.
    """

    def sum_of(names, critic):
        values = [PENALTIES[name](critic, kernels, real, fake, _own_key(config, name, key)) for name in names]
        return functools.reduce(operator.add, values)

    def term(names, weight, every):
        def weighted():
            factor = weight * every
            if config.discriminator_scales == 1:
                return factor * sum_of(names, critic)
            critics = [_column(critic, index) for index in range(config.discriminator_scales)]
            return factor * jnp.mean(jnp.stack([sum_of(names, one) for one in critics]))

        return weighted() if every == 1 else jax.lax.cond(update % every == 0, weighted, lambda: jnp.zeros(()))

    terms = [term(names, getattr(config, weight), every) for (weight, every), names in _alike_penalties(config).items()]
    return functools.reduce(operator.add, terms)


def _alike_penalties(config: "Config") -> dict[tuple[str, int], list[str]]:
    """Returns the config's penalties, together those that share the field of their weight and their interval."""
    groups: dict[tuple[str, int], list[str]] = {}
    for name in members(config.penalty):
        every = getattr(config, f"{name}_every", None) or config.penalty_every
        groups.setdefault((weight_field(config, name), every), []).append(name)
    return groups


def weight_field(config: "Config", name: str) -> str:
    """Returns the name of the field that has the weight of one of the config's penalties."""
    own = f"{name}_weight"  # penalties from outside have no such field
    return "penalty_weight" if getattr(config, own, None) is None else own


def _own_key(config: "Config", name: str, key: Array) -> Array:
    """Returns the key itself for a single penalty, and one for each penalty of a set."""
    return key if config.penalty == name else jax.random.fold_in(key, number_of(name))


def _column(critic, index: int):
    """Returns one discriminator of a critic whose logits are [batch, discriminators]."""
    return lambda images: critic(images)[:, index]


def historical_penalty(config: "Config", params, history) -> Array | float:
    """Returns the weighted penalty on a player's distance from the mean of its past weights.

    history: a tuple of that mean; empty without historical averaging, when the penalty is 0.
    """
    penalties = [HISTORICAL_AVERAGINGS[config.historical_averaging](params, mean) for mean in history]
    return config.historical_weight * penalties[0] if penalties else 0.0
