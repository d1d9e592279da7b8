"""Family `vae`: an encoder and a Bernoulli decoder under one variational bound (Kingma and Welling 2014).

The exact form is that of the code of Lucic et al. 2018.
"""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.family import Family, SamplingWeights
from ganscape.models.networks import NetworkState, apply_discriminator, apply_generator, init_networks, update_network

if TYPE_CHECKING:
    from ganscape.models.config import Config


class State(NamedTuple):
    """All that training changes in one VAE."""

    decoder: NetworkState
    encoder: NetworkState


def init(config: "Config", image_shape, key) -> State:
    """Returns the initial State as numpy arrays, drawn from key (uint32 [2])."""
    return State(*init_networks(config, image_shape, key))


def posterior(encoded: Array) -> tuple[Array, Array]:
    """Returns the means and standard deviations of z, [batch, z_dim] each, from the encoder's output.

    encoded: [batch, 2 * z_dim]. The deviation is 1e-6 + softplus of its second half, as in the code of Lucic et al.
    2018.
    """
    mean, raw_deviation = jnp.split(encoded, 2, axis=-1)
    return mean, 1e-6 + jax.nn.softplus(raw_deviation)


def negative_log_likelihood(images: Array, logits: Array) -> Array:
    """Cross-entropy of pixels in [0, 1] with Bernoulli logits, summed over height and width, averaged over
    batch AND channels as in the code of Lucic et al. 2018: for three channels a third of the bound's term.

    Their code clips probabilities to [1e-8, 1 - 1e-8], but 1 - 1e-8 is 1 in float32. Computed from logits, the value
    is finite and has a gradient at black and white.
    """
    entropies = jax.nn.softplus(logits) - images * logits
    return jnp.mean(jnp.sum(entropies, axis=(1, 2)))


def kl_divergence(mean: Array, deviation: Array) -> Array:
    """KL of N(mean, deviation^2) from N(0, 1), summed over z, averaged over the batch.

    Reference: Kingma and Welling 2014, appendix B, with 1e-8 inside the logarithm as in the code of
    Lucic et al. 2018.
    """
    variance = deviation**2
    terms = mean**2 + variance - jnp.log(1e-8 + variance) - 1.0
    return jnp.mean(0.5 * jnp.sum(terms, axis=-1))


def update_networks(config: "Config", networks, state: State, images: Array, noise: Array):
    """Updates both networks to minimise negative log-likelihood + KL divergence, at z = mean + deviation * noise.

    The decoder's learning rate is g_lr, the encoder's d_lr. Lucic et al. 2018 have one optimizer for both: the same
    at equal rates, because optimizers update every weight independently.
    """
    decoder, encoder = state

    def objective(params):
        encoded, e_statistics = apply_discriminator(networks, params[1], encoder.statistics, images)
        mean, deviation = posterior(encoded)
        z = mean + deviation * noise
        logits, d_statistics = apply_generator(networks, params[0], decoder.statistics, z)
        nll, kl = negative_log_likelihood(images, logits), kl_divergence(mean, deviation)
        return nll + kl, (State(d_statistics, e_statistics), {"nll": nll, "kl": kl})

    (_, (statistics, logs)), gradients = jax.value_and_grad(objective, has_aux=True)((decoder.params, encoder.params))
    decoder = update_network(config, config.g_lr, decoder, gradients[0])
    encoder = update_network(config, config.d_lr, encoder, gradients[1])
    return State(
        decoder._replace(statistics=statistics.decoder),
        encoder._replace(statistics=statistics.encoder),
    ), logs


def step(config: "Config", state: State, images, key: Array, labels: Array | None = None):
    """Returns the state after one update on each of disc_iters batches, and the mean of their logs.

    disc_iters only sets how many batches a cycle has, as in the code of Lucic et al. 2018. Labels are ignored.
    """
    networks = build(config, images.shape[1:])
    batches = images.reshape(config.disc_iters, config.batch_size, *images.shape[1:])
    noise = jax.random.normal(key, (config.disc_iters, config.batch_size, config.z_dim))
    if config.disc_iters == 1:
        return update_networks(config, networks, state, batches[0], noise[0])
    state, logs = jax.lax.scan(
        lambda state, inputs: update_networks(config, networks, state, *inputs), state, (batches, noise)
    )
    return state, jax.tree.map(jnp.mean, logs)


def generator_of(config: "Config", state: State) -> SamplingWeights:
    """Returns the decoder's last weights; images_seen is 0, because no network of this family grows."""
    return SamplingWeights(state.decoder.params, state.decoder.statistics, 0.0)


# The decoder returns logits; sampled images are the probabilities.
FAMILY = Family(init, step, generator_of, ("nll", "kl"), jax.nn.sigmoid)
