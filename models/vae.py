"""Family `vae`: an encoder and a Bernoulli decoder under one variational bound (Kingma and Welling 2014).

The exact form is that of the code of Lucic et al. 2018.
"""

from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.family import Family
from ganscape.models.forward import Context
from ganscape.models.networks import NetworkState, between, discriminate, generate, init_networks, update_network
from ganscape.models.normalizations import STATISTICS


class State(NamedTuple):
    """One member in training."""

    decoder: NetworkState
    encoder: NetworkState


def init(config, image_shape, key) -> State:
    """A fresh State of numpy arrays, drawn from key (uint32 [2])."""
    return State(*init_networks(config, image_shape, key))


def posterior(encoded: Array) -> tuple[Array, Array]:
    """Means and standard deviations of z, [batch, z_dim] each, of what the encoder returns; the
    deviation is 1e-6 + softplus of its half, as in the code of Lucic et al. 2018."""
    mean, before = jnp.split(encoded, 2, axis=-1)
    return mean, 1e-6 + jax.nn.softplus(before)


def negative_log_likelihood(images: Array, logits: Array) -> Array:
    """Cross-entropy of pixels in [0, 1] with Bernoulli logits, summed over height and width, averaged over
    batch AND channels as in the code of Lucic et al. 2018: with three channels a third of the bound's.

    There the probabilities are clipped to [1e-8, 1 - 1e-8], which is no bound in float32; on logits it
    is finite and has a gradient at black and white.
    """
    entropies = jax.nn.softplus(logits) - images * logits
    return jnp.mean(jnp.sum(entropies, axis=(1, 2)))


def divergence(mean: Array, deviation: Array) -> Array:
    """KL of N(mean, deviation^2) from N(0, 1), summed over z, averaged over the batch.

    Reference: Kingma and Welling 2014, appendix B, with 1e-8 inside the logarithm as in the code of
    Lucic et al. 2018.
    """
    variance = deviation**2
    terms = mean**2 + variance - jnp.log(1e-8 + variance) - 1.0
    return jnp.mean(0.5 * jnp.sum(terms, axis=-1))


def update(config, networks, state: State, images: Array, noise: Array):
    """One step of both networks on negative log-likelihood + divergence, z = mean + deviation * noise.

    The decoder's rate is g_lr, the encoder's d_lr. Optimizers move every weight by itself, so with equal
    rates the two are the one optimizer of the study.
    """
    decoder, encoder = state

    def objective(params):
        encoded, e_statistics = discriminate(networks, params[1], encoder.statistics, images)
        mean, deviation = posterior(encoded)
        z = mean + deviation * noise
        logits, d_statistics = generate(networks, params[0], decoder.statistics, z)
        nll, kl = negative_log_likelihood(images, logits), divergence(mean, deviation)
        return nll + kl, (State(d_statistics, e_statistics), {"nll": nll, "kl": kl})

    (_, (statistics, logs)), gradients = jax.value_and_grad(objective, has_aux=True)((decoder.params, encoder.params))
    decoder = update_network(config, config.g_lr, decoder, gradients[0])
    encoder = update_network(config, config.d_lr, encoder, gradients[1])
    return State(
        decoder._replace(statistics=statistics.decoder),
        encoder._replace(statistics=statistics.encoder),
    ), logs


def step(config, state: State, images, key: Array, labels: Array | None = None):
    """One cycle: an update on each of its disc_iters batches, so that disc_iters does nothing but group
    them, as in the code of Lucic et al. 2018; logs are means over the cycle."""
    networks = build(config, images.shape[1:])
    batches = images.reshape(config.disc_iters, config.batch_size, *images.shape[1:])
    noise = jax.random.normal(key, (config.disc_iters, config.batch_size, config.z_dim))
    if config.disc_iters == 1:
        return update(config, networks, state, batches[0], noise[0])
    state, logs = jax.lax.scan(lambda state, inputs: update(config, networks, state, *inputs), state, (batches, noise))
    return state, jax.tree.map(jnp.mean, logs)


def sample(config, state: State, image_shape, key: Array, count: int) -> Array:
    """The decoder's probabilities, images [count, height, width, channels] in [0, 1], of z ~ N(0, 1);
    batch norm by its running averages."""
    return decode(config, state, image_shape, latents(config, key, count))


def walk(config, state: State, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] as of `sample`, from one latent to another."""
    return decode(config, state, image_shape, between(latents(config, key, 2), count))


def latents(config, key: Array, count: int) -> Array:
    """z [count, z_dim] ~ N(0, 1)."""
    return jax.random.normal(key, (count, config.z_dim))


def generate_from(config, state: State, image_shape, key: Array, z: Array) -> Array:
    """The decoder's probabilities of z [count, z_dim]; nothing is drawn."""
    return decode(config, state, image_shape, z)


def decode(config, state: State, image_shape, z: Array) -> Array:
    """The decoder's probabilities of z [count, z_dim]."""
    networks = build(config, image_shape)
    variables = {"params": state.decoder.params, STATISTICS: state.decoder.statistics}
    logits = networks.generator.apply(variables, z, Context(training=False))
    return jax.nn.sigmoid(cast(Array, logits))


FAMILY = Family(init, step, sample, walk, latents, generate_from, lambda config: jnp.inf, ("nll", "kl"))
