"""Adversarial losses: pure functions of the discriminator's logits (feature matching: of its features)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.divergences import DIVERGENCES, Divergence


class Loss(NamedTuple):
    """An adversarial loss: the function that each player minimises.

    discriminator: (real_logits [batch], fake_logits [batch]) -> scalar.
    generator: (real_logits [batch], fake_logits [batch]) -> scalar. real_logits is None unless
      generator_sees_real, because the forward pass that computes them updates batch statistics. With
      generator_sees_features both arguments are the discriminator's last features [batch, f] instead.
    targeted: (logits [batch], targets [batch] in [0, 1]) -> the discriminator's loss of each image,
      [batch]; `discriminator` is its mean over real images with target 1 plus its mean over generated images with
      target 0. None for a loss without targets.
    floor: the infimum of the discriminator's loss, approached as it separates real from generated images; None where
      it has no lower bound or the bound depends on the data.
    """

    discriminator: Callable[[Array, Array], Array]
    generator: Callable[..., Array]
    generator_sees_real: bool = False
    generator_sees_features: bool = False
    targeted: Callable[[Array, Array], Array] | None = None
    floor: float | None = None


def cross_entropy_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean softplus(-real) + mean softplus(fake): binary cross-entropy, real 1, fake 0.

    Reference: Goodfellow et al. 2014, equation 1.
    """
    return jnp.mean(jax.nn.softplus(-real_logits)) + jnp.mean(jax.nn.softplus(fake_logits))


def cross_entropy(logits: Array, targets: Array) -> Array:
    """t softplus(-logit) + (1 - t) softplus(logit) for target t: cross-entropy with a probability of t, [batch]."""
    return targets * jax.nn.softplus(-logits) + (1.0 - targets) * jax.nn.softplus(logits)


def non_saturating_generator(real_logits: Array | None, fake_logits: Array) -> Array:
    """mean softplus(-fake), that is -mean log D(G(z)).

    Reference: Goodfellow et al. 2014, section 3.
    """
    return jnp.mean(jax.nn.softplus(-fake_logits))


def minimax_generator(real_logits: Array | None, fake_logits: Array) -> Array:
    """-mean softplus(fake), that is mean log(1 - D(G(z))): what the discriminator maximises.

    Reference: Goodfellow et al. 2014, equation 1.
    """
    return -jnp.mean(jax.nn.softplus(fake_logits))


def least_squares_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """(mean (s(real) - 1)^2 + mean s(fake)^2) / 2 on the sigmoid outputs s.

    The sigmoid is the convention of Lucic et al. 2018's code; Mao et al. 2017 (equation 9)
    write the same squares of unbounded outputs, here `least_squares_logits`.
    """
    real, fake = jax.nn.sigmoid(real_logits), jax.nn.sigmoid(fake_logits)
    return 0.5 * (jnp.mean((real - 1.0) ** 2) + jnp.mean(fake**2))


def least_squares(logits: Array, targets: Array) -> Array:
    """(s - t)^2 / 2 of the sigmoid outputs s, [batch]."""
    return 0.5 * (jax.nn.sigmoid(logits) - targets) ** 2


def least_squares_generator(real_logits: Array | None, fake_logits: Array) -> Array:
    """mean (s(fake) - 1)^2 / 2 on the sigmoid outputs s (Mao et al. 2017, equation 9)."""
    return 0.5 * jnp.mean((jax.nn.sigmoid(fake_logits) - 1.0) ** 2)


def wasserstein_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean fake - mean real (Arjovsky et al. 2017, equation 3, negated to be minimised)."""
    return jnp.mean(fake_logits) - jnp.mean(real_logits)


def wasserstein_generator(real_logits: Array | None, fake_logits: Array) -> Array:
    """-mean fake (Arjovsky et al. 2017, algorithm 1)."""
    return -jnp.mean(fake_logits)


def hinge_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean relu(1 - real) + mean relu(1 + fake) (Lim and Ye 2017; Miyato et al. 2018, equation 16)."""
    return jnp.mean(jax.nn.relu(1.0 - real_logits)) + jnp.mean(jax.nn.relu(1.0 + fake_logits))


def least_squares_logits_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """(mean (real - 1)^2 + mean fake^2) / 2 (Mao et al. 2017, equation 9)."""
    return 0.5 * (jnp.mean((real_logits - 1.0) ** 2) + jnp.mean(fake_logits**2))


def least_squares_logits(logits: Array, targets: Array) -> Array:
    """(logit - t)^2 / 2, [batch]."""
    return 0.5 * (logits - targets) ** 2


def least_squares_logits_generator(real_logits: Array | None, fake_logits: Array) -> Array:
    """mean (fake - 1)^2 / 2 (Mao et al. 2017, equation 9)."""
    return 0.5 * jnp.mean((fake_logits - 1.0) ** 2)


def feature_matching_generator(real_features: Array, fake_features: Array) -> Array:
    """Squared distance between the mean features [batch, f] of real and of generated images.

    Reference: Salimans et al. 2016, section 3.1.
    """
    return jnp.sum((jnp.mean(real_features, axis=0) - jnp.mean(fake_features, axis=0)) ** 2)


def relativistic_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean softplus(fake - real) over pairs of a real and a generated image.

    Reference: Jolicoeur-Martineau 2019 (arXiv:1807.00734), relativistic standard GAN.
    """
    return jnp.mean(jax.nn.softplus(fake_logits - real_logits))


def relativistic_average_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """Cross-entropy of each logit minus the mean logit of the other kind.

    The two terms are summed as in the paper; its author's code halves the sum.

    Reference: Jolicoeur-Martineau 2019 (arXiv:1807.00734), relativistic average standard GAN.
    """
    return cross_entropy_discriminator(*_relative_logits(real_logits, fake_logits))


def relativistic_average_least_squares_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """mean (real - mean fake - 1)^2 + mean (fake - mean real + 1)^2, summed as in the paper.

    Reference: Jolicoeur-Martineau 2019 (arXiv:1807.00734), relativistic average least squares GAN.
    """
    real, fake = _relative_logits(real_logits, fake_logits)
    return jnp.mean((real - 1.0) ** 2) + jnp.mean((fake + 1.0) ** 2)


def relativistic_average_hinge_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    """The hinge loss of each logit minus the mean logit of the other kind, summed as in the paper.

    Reference: Jolicoeur-Martineau 2019 (arXiv:1807.00734), relativistic average hinge GAN.
    """
    return hinge_discriminator(*_relative_logits(real_logits, fake_logits))


def _relative_logits(real_logits: Array, fake_logits: Array) -> tuple[Array, Array]:
    """Returns each kind of logits minus the mean of the other kind."""
    return real_logits - jnp.mean(fake_logits), fake_logits - jnp.mean(real_logits)


def _relativistic(discriminator: Callable[[Array, Array], Array]) -> Loss:
    """Returns the Loss whose generator minimises the discriminator's loss with real and generated images exchanged."""
    return Loss(discriminator, lambda real, fake: discriminator(fake, real), generator_sees_real=True, floor=0.0)


def _f_divergence(divergence: Divergence) -> Loss:
    """Returns the Loss of an f-divergence: D -mean T(real) + mean f*(T(fake)), G -mean f*(T(fake)).

    The loss of an optimal D is minus the divergence of real from generated images.

    Reference: Nowozin et al. 2016, equation 6.
    """
    output, conjugate = divergence
    return Loss(
        lambda real, fake: jnp.mean(conjugate(fake)) - jnp.mean(output(real)),
        lambda real, fake: -jnp.mean(conjugate(fake)),
    )


LOSSES = {
    "non_saturating": Loss(cross_entropy_discriminator, non_saturating_generator, targeted=cross_entropy, floor=0.0),
    "minimax": Loss(cross_entropy_discriminator, minimax_generator, targeted=cross_entropy, floor=0.0),
    "least_squares": Loss(least_squares_discriminator, least_squares_generator, targeted=least_squares, floor=0.0),
    "wasserstein": Loss(wasserstein_discriminator, wasserstein_generator),
    "hinge": Loss(hinge_discriminator, wasserstein_generator, floor=0.0),
    "least_squares_logits": Loss(
        least_squares_logits_discriminator, least_squares_logits_generator, targeted=least_squares_logits, floor=0.0
    ),
    "feature_matching": Loss(
        cross_entropy_discriminator,
        feature_matching_generator,
        generator_sees_real=True,
        generator_sees_features=True,
        targeted=cross_entropy,
        floor=0.0,
    ),
    "relativistic": _relativistic(relativistic_discriminator),
    "relativistic_average": _relativistic(relativistic_average_discriminator),
    "relativistic_average_least_squares": _relativistic(relativistic_average_least_squares_discriminator),
    "relativistic_average_hinge": _relativistic(relativistic_average_hinge_discriminator),
    **{name: _f_divergence(divergence) for name, divergence in DIVERGENCES.items()},
}
