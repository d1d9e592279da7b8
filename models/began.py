"""Family `began`: the discriminator is an autoencoder, and k balances the players (Berthelot et al. 2017).

The exact form is that of the code of Lucic et al. 2018.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.family import Family
from ganscape.models.latents import LATENTS
from ganscape.models.networks import (
    NetworkState,
    bound,
    discriminate,
    generate,
    init_networks,
    latents,
    made,
    sampled,
    update_network,
    walked,
)

# How far k may go: as it comes in the code of Lucic et al. 2018, held in [0, 1] in the paper.
K_RANGES = {
    "unbounded": lambda k: k,
    "zero_to_one": lambda k: jnp.clip(k, 0.0, 1.0),
}


class State(NamedTuple):
    """One member in training; k, a float32 scalar, is not trained by gradients."""

    generator: NetworkState
    discriminator: NetworkState
    k: Array | np.ndarray | np.float32


def init(config, image_shape, key) -> State:
    """A fresh State of numpy arrays, drawn from key (uint32 [2]); k is 0."""
    return State(*init_networks(config, image_shape, key), np.float32(0.0))


def reconstruction_loss(images: Array, reconstructed: Array) -> Array:
    """L: the mean absolute difference of two batches, over batch, height, width and channels."""
    return jnp.mean(jnp.abs(images - reconstructed))


def update_discriminator(config, networks, state: State, real: Array, z: Array):
    """One step on L(x) - k L(G(z)), in separate passes for real and generated images."""
    generator, discriminator, k = state
    fake, g_statistics = generate(networks, generator.params, generator.statistics, z)

    def objective(params):
        reconstructed, statistics = discriminate(networks, params, discriminator.statistics, real)
        real_loss = reconstruction_loss(real, reconstructed)
        reconstructed, statistics = discriminate(networks, params, statistics, fake)
        return real_loss - k * reconstruction_loss(fake, reconstructed), statistics

    (loss, statistics), gradients = jax.value_and_grad(objective, has_aux=True)(discriminator.params)
    discriminator = update_network(config, config.d_lr, discriminator, gradients)
    return State(generator._replace(statistics=g_statistics), discriminator._replace(statistics=statistics), k), loss


def update_generator(config, networks, state: State, z: Array):
    """One step on L(G(z)), the discriminator as it is."""
    generator, discriminator, k = state

    def objective(params):
        fake, g_statistics = generate(networks, params, generator.statistics, z)
        reconstructed, d_statistics = discriminate(networks, discriminator.params, discriminator.statistics, fake)
        return reconstruction_loss(fake, reconstructed), (g_statistics, d_statistics)

    (loss, (g_statistics, d_statistics)), gradients = jax.value_and_grad(objective, has_aux=True)(generator.params)
    generator = update_network(config, config.g_lr, generator, gradients)
    return State(generator._replace(statistics=g_statistics), discriminator._replace(statistics=d_statistics), k), loss


def update_balance(config, networks, state: State, real: Array, z: Array):
    """k + k_learning_rate (gamma L(x) - L(G(z))), measured on the players as they are now, and the
    convergence measure L(x) + |gamma L(x) - L(G(z))|.

    These are passes in training mode of their own, which leave statistics as every other.
    """
    generator, discriminator, k = state
    fake, g_statistics = generate(networks, generator.params, generator.statistics, z)
    reconstructed, statistics = discriminate(networks, discriminator.params, discriminator.statistics, real)
    real_loss = reconstruction_loss(real, reconstructed)
    reconstructed, statistics = discriminate(networks, discriminator.params, statistics, fake)
    imbalance = config.gamma * real_loss - reconstruction_loss(fake, reconstructed)
    k = K_RANGES[config.k_range](k + config.k_learning_rate * imbalance)
    return State(
        generator._replace(statistics=g_statistics), discriminator._replace(statistics=statistics), k
    ), real_loss + jnp.abs(imbalance)


def step(config, state: State, images, key: Array, labels: Array | None = None):
    """One cycle: disc_iters times the discriminator and then k, the generator once, between the two of
    the first batch and on its latents, as in the code of Lucic et al. 2018. Labels are not looked at."""
    networks = build(config, images.shape[1:])
    batches = images.reshape(config.disc_iters, config.batch_size, *images.shape[1:])
    z = LATENTS[config.latent].training(config, key, (config.disc_iters, config.batch_size, config.z_dim))

    def discriminator_and_balance(state, inputs):
        state, d_loss = update_discriminator(config, networks, state, *inputs)
        state, convergence = update_balance(config, networks, state, *inputs)
        return state, (d_loss, convergence)

    state, d_loss = update_discriminator(config, networks, state, batches[0], z[0])
    state, g_loss = update_generator(config, networks, state, z[0])
    state, convergence = update_balance(config, networks, state, batches[0], z[0])
    if config.disc_iters > 1:
        state, (d_losses, measures) = jax.lax.scan(discriminator_and_balance, state, (batches[1:], z[1:]))
        d_loss = (d_loss + jnp.sum(d_losses)) / config.disc_iters
        convergence = measures[-1]
    return state, {"d_loss": d_loss, "g_loss": g_loss, "k": state.k, "convergence": convergence}


def sample(config, state: State, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] in [0, 1], batch norm by its running averages."""
    params, statistics, _ = state.generator
    return sampled(config, params, statistics, 0.0, image_shape, key, count)


def walk(config, state: State, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] as of `sample`, from one latent to another."""
    params, statistics, _ = state.generator
    return walked(config, params, statistics, 0.0, image_shape, key, count)


def generate_from(config, state: State, image_shape, key: Array, z: Array) -> Array:
    """images [count, height, width, channels] as of `sample`, of z [count, z_dim]."""
    params, statistics, _ = state.generator
    return made(config, params, statistics, 0.0, image_shape, key, z, 1)


FAMILY = Family(init, step, sample, walk, latents, generate_from, bound, ("d_loss", "g_loss", "k", "convergence"))
