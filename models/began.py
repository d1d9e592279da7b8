"""Family `began`: the discriminator is an autoencoder, and k balances the players (Berthelot et al. 2017).

The exact form is that of the code of Lucic et al. 2018.
"""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.family import Family, SamplingWeights
from ganscape.models.latents import LATENTS
from ganscape.models.networks import NetworkState, apply_discriminator, apply_generator, init_networks, update_network

if TYPE_CHECKING:
    from ganscape.models.config import Config

# Bounds of k: none in the code of Lucic et al. 2018, [0, 1] in the paper.
K_RANGES = {
    "unbounded": lambda k: k,
    "zero_to_one": lambda k: jnp.clip(k, 0.0, 1.0),
}


class State(NamedTuple):
    """All that training changes in one BEGAN; k, a float32 scalar, balances the players."""

    generator: NetworkState
    discriminator: NetworkState
    k: Array | np.ndarray | np.float32


def init(config: "Config", image_shape, key) -> State:
    """Returns the initial State as numpy arrays, drawn from key (uint32 [2]); k is 0."""
    return State(*init_networks(config, image_shape, key), np.float32(0.0))


def reconstruction_loss(images: Array, reconstructed: Array) -> Array:
    """Returns L, the mean absolute difference of images and their reconstructions, over all pixels of the batch."""
    return jnp.mean(jnp.abs(images - reconstructed))


def update_discriminator(config: "Config", networks, state: State, real: Array, z: Array):
    """Updates the discriminator to minimise L(x) - k L(G(z)). Returns the state and this loss.

    Real and generated images take separate forward passes.
    """
    generator, discriminator, k = state
    fake, g_statistics = apply_generator(networks, generator.params, generator.statistics, z)

    def objective(params):
        reconstructed, statistics = apply_discriminator(networks, params, discriminator.statistics, real)
        real_loss = reconstruction_loss(real, reconstructed)
        reconstructed, statistics = apply_discriminator(networks, params, statistics, fake)
        return real_loss - k * reconstruction_loss(fake, reconstructed), statistics

    (loss, statistics), gradients = jax.value_and_grad(objective, has_aux=True)(discriminator.params)
    discriminator = update_network(config, config.d_lr, discriminator, gradients)
    return State(generator._replace(statistics=g_statistics), discriminator._replace(statistics=statistics), k), loss


def update_generator(config: "Config", networks, state: State, z: Array):
    """Updates the generator to minimise L(G(z)). Returns the state and this loss."""
    generator, discriminator, k = state

    def objective(params):
        fake, g_statistics = apply_generator(networks, params, generator.statistics, z)
        reconstructed, d_statistics = apply_discriminator(
            networks, discriminator.params, discriminator.statistics, fake
        )
        return reconstruction_loss(fake, reconstructed), (g_statistics, d_statistics)

    (loss, (g_statistics, d_statistics)), gradients = jax.value_and_grad(objective, has_aux=True)(generator.params)
    generator = update_network(config, config.g_lr, generator, gradients)
    return State(generator._replace(statistics=g_statistics), discriminator._replace(statistics=d_statistics), k), loss


def update_balance(config: "Config", networks, state: State, real: Array, z: Array):
    """Adds k_learning_rate (gamma L(x) - L(G(z))) to k. Returns the state and the convergence measure
    L(x) + |gamma L(x) - L(G(z))|.

    Both are computed with the updated players, in further forward passes in training mode, which update batch
    statistics like any other.
    """
    generator, discriminator, k = state
    fake, g_statistics = apply_generator(networks, generator.params, generator.statistics, z)
    reconstructed, statistics = apply_discriminator(networks, discriminator.params, discriminator.statistics, real)
    real_loss = reconstruction_loss(real, reconstructed)
    reconstructed, statistics = apply_discriminator(networks, discriminator.params, statistics, fake)
    imbalance = config.gamma * real_loss - reconstruction_loss(fake, reconstructed)
    k = K_RANGES[config.k_range](k + config.k_learning_rate * imbalance)
    return State(
        generator._replace(statistics=g_statistics), discriminator._replace(statistics=statistics), k
    ), real_loss + jnp.abs(imbalance)


def step(config: "Config", state: State, images, key: Array, labels: Array | None = None):
    """Returns the state after one cycle, and its logs.

    Updates the discriminator and then k on each of disc_iters batches, and on the first batch the generator between
    the two, on the same latents, as in the code of Lucic et al. 2018. Labels are ignored.
    """
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
        state, (d_losses, convergences) = jax.lax.scan(discriminator_and_balance, state, (batches[1:], z[1:]))
        d_loss = (d_loss + jnp.sum(d_losses)) / config.disc_iters
        convergence = convergences[-1]
    return state, {"d_loss": d_loss, "g_loss": g_loss, "k": state.k, "convergence": convergence}


def generator_of(config: "Config", state: State) -> SamplingWeights:
    """Returns the generator's last weights; images_seen is 0, because no network of this family grows."""
    return SamplingWeights(state.generator.params, state.generator.statistics, 0.0)


FAMILY = Family(init, step, generator_of, ("d_loss", "g_loss", "k", "convergence"))
