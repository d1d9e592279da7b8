"""Family `gan`, the logit game: a generator against a discriminator. Read this file first."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from models.architectures import ARCHITECTURES
from models.initialization import initialise
from models.losses import LOSSES
from models.method import Method
from models.normalizations import STATISTICS
from models.optimizers import OPTIMIZERS
from models.penalties import PENALTIES
from models.projections import PROJECTIONS


class Player(NamedTuple):
    """Everything of one network that changes: its weights, the statistics that its forward passes
    leave behind (batch-norm averages, spectral-norm vectors), its optimizer's state."""

    params: Any
    statistics: Any
    optimizer: Any


class State(NamedTuple):
    """One member in training."""

    generator: Player
    discriminator: Player


def init(config, image_shape, key) -> State:
    """A fresh State of numpy arrays, drawn from key (uint32 [2])."""
    networks = ARCHITECTURES[config.architecture].build(config, image_shape)
    words = np.asarray(key)
    generator = initialise(networks.generator, np.append(words, 0), (2, config.z_dim))
    discriminator = initialise(networks.discriminator, np.append(words, 1), (2, *image_shape))
    return State(
        new_player(generator, config, config.g_lr),
        new_player(discriminator, config, config.d_lr),
    )


def new_player(variables, config, learning_rate) -> Player:
    """A network of these variables, and its optimizer before the first update."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    moments = jax.tree.map(np.asarray, optimizer.init(variables["params"]))
    return Player(variables["params"], variables.get(STATISTICS, {}), moments)


def generate(networks, params, statistics, z):
    """Images of z in training mode, and the statistics that this pass leaves."""
    variables = {"params": params, STATISTICS: statistics}
    images, left = networks.generator.apply(variables, z, mutable=[STATISTICS])
    return images, left.get(STATISTICS, {})


def discriminate(networks, params, statistics, images):
    """What the discriminator makes of images, for this game logits, and the statistics that this pass leaves."""
    variables = {"params": params, STATISTICS: statistics}
    logits, left = networks.discriminator.apply(variables, images, mutable=[STATISTICS])
    return logits, left.get(STATISTICS, {})


def kernels_of(params) -> list[Array]:
    """The matrices and filters of a network, as they are before any normalization: no biases, no scales."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return [leaf for path, leaf in leaves if path[-1].key == "kernel"]


def update_discriminator(config, networks, state: State, real: Array, z: Array, key: Array):
    """One step on real and generated images, in separate passes as in the studies, then projected.

    A penalty looks at the discriminator as these passes left it, and leaves no statistics itself.
    """
    fake, g_statistics = generate(networks, state.generator.params, state.generator.statistics, z)

    def objective(params):
        statistics = state.discriminator.statistics
        real_logits, statistics = discriminate(networks, params, statistics, real)
        fake_logits, statistics = discriminate(networks, params, statistics, fake)
        loss = LOSSES[config.loss].discriminator(real_logits, fake_logits)
        if config.penalty_weight is not None:

            def critic(images):
                return discriminate(networks, params, statistics, images)[0]

            penalty = PENALTIES[config.penalty](critic, kernels_of(params), real, fake, key)
            loss = loss + config.penalty_weight * penalty
        return loss, statistics

    (loss, statistics), gradients = jax.value_and_grad(objective, has_aux=True)(
        state.discriminator.params
    )
    player = update_player(config, config.d_lr, state.discriminator, gradients)
    params = PROJECTIONS[config.projection](player.params, config)
    return State(
        state.generator._replace(statistics=g_statistics),
        Player(params, statistics, player.optimizer),
    ), loss


def update_generator(config, networks, state: State, real: Array, z: Array):
    """One step against the discriminator as it is.

    It passes over the real images, before the generated ones, only for a loss whose generator sees them.
    """
    loss = LOSSES[config.loss]

    def objective(params):
        fake, g_statistics = generate(networks, params, state.generator.statistics, z)
        d_params, d_statistics = state.discriminator.params, state.discriminator.statistics
        real_logits = None
        if loss.generator_sees_real:
            real_logits, d_statistics = discriminate(networks, d_params, d_statistics, real)
        fake_logits, d_statistics = discriminate(networks, d_params, d_statistics, fake)
        return loss.generator(real_logits, fake_logits), (g_statistics, d_statistics)

    (value, (g_statistics, d_statistics)), gradients = jax.value_and_grad(objective, has_aux=True)(
        state.generator.params
    )
    player = update_player(config, config.g_lr, state.generator, gradients)
    return State(
        player._replace(statistics=g_statistics),
        state.discriminator._replace(statistics=d_statistics),
    ), value


def update_player(config, learning_rate, player: Player, gradients) -> Player:
    """The player after one update of its optimizer."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    updates, moments = optimizer.update(gradients, player.optimizer, player.params)
    return Player(optax.apply_updates(player.params, updates), player.statistics, moments)


def step(config, state: State, images: Array, key: Array):
    """One cycle: a discriminator update, the generator's on the same z, the other discriminator updates.

    The generator moves right after the first discriminator update of a cycle, on the latents that this
    update saw, as in the code of Lucic et al. 2018 and Kurach et al. 2019; there the WGAN-GP class alone
    drew new latents for the generator.
    """
    networks = ARCHITECTURES[config.architecture].build(config, images.shape[1:])
    batches = images.reshape(config.disc_iters, config.batch_size, *images.shape[1:])
    z_key, *penalty_keys = jax.random.split(key, 1 + config.disc_iters)
    z = latents(config, z_key, config.disc_iters, config.batch_size)

    def discriminator_step(state, inputs):
        return update_discriminator(config, networks, state, *inputs)

    state, d_loss = discriminator_step(state, (batches[0], z[0], penalty_keys[0]))
    state, g_loss = update_generator(config, networks, state, batches[0], z[0])
    if config.disc_iters > 1:
        others = (batches[1:], z[1:], jnp.stack(penalty_keys[1:]))
        state, d_losses = jax.lax.scan(discriminator_step, state, others)
        d_loss = (d_loss + jnp.sum(d_losses)) / config.disc_iters
    return state, {"d_loss": d_loss, "g_loss": g_loss}


def latents(config, key: Array, *shape: int) -> Array:
    """z [*shape, z_dim], uniform on [-1, 1] as in both studies."""
    return jax.random.uniform(key, (*shape, config.z_dim), minval=-1.0, maxval=1.0)


def sample(config, state: State, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] in [0, 1], batch norm by its running averages."""
    networks = ARCHITECTURES[config.architecture].build(config, image_shape)
    variables = {"params": state.generator.params, STATISTICS: state.generator.statistics}
    images = networks.generator.apply(variables, latents(config, key, count), training=False)
    return cast(Array, images)


METHOD = Method(init, step, sample)
