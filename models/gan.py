"""Family `gan`, the logit game: a generator against a discriminator. Read this file first."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.averaging import AVERAGINGS, running_mean
from ganscape.models.family import Family
from ganscape.models.forward import Context, DiscriminatorOutput
from ganscape.models.inputs import shown_both
from ganscape.models.latents import LATENTS
from ganscape.models.losses import LOSSES
from ganscape.models.networks import (
    NetworkState,
    bound,
    discriminate,
    generate,
    init_networks,
    kernels_of,
    latents,
    made,
    noise_level,
    norm,
    progress,
    sampled,
    update_network,
    walked,
)
from ganscape.models.objectives import discriminator_loss, generator_loss, hold, penalty
from ganscape.models.projections import PROJECTIONS


class State(NamedTuple):
    """One member in training.

    updates, cycles: updates of the discriminator and of the generator so far, int32.
    average: the generator's averaged (params, statistics), which images are sampled with; () without averaging.
    history: the means of the players' past weights, in the order of this tuple; () without historical averaging.
    """

    generator: NetworkState
    discriminator: NetworkState
    updates: Any
    cycles: Any
    average: Any = ()
    history: Any = ()


class Batch(NamedTuple):
    """What one update of a player is given.

    real: images [batch, height, width, channels] in [0, 1]. z: [batch, z_dim].
    key: all randomness of the update but z. labels: int32 [batch], the class of each real image and of the
    generated one in its place; None without classes.
    """

    real: Array
    z: Array
    key: Array
    labels: Array | None = None


def init(config, image_shape, key) -> State:
    """A fresh State of numpy arrays, drawn from key (uint32 [2])."""
    generator, discriminator = init_networks(config, image_shape, key)
    average = () if config.averaging == "none" else jax.tree.map(np.copy, generator[:2])
    history = () if config.historical_averaging == "none" else (generator.params, discriminator.params)
    none = np.zeros((), np.int32)
    return State(generator, discriminator, none, none, average, jax.tree.map(np.copy, history))


def separate(see, statistics, real, fake):
    """Judgements of real and of generated images in a pass each, real ones first, as in both studies.

    see: (statistics, images) -> (DiscriminatorOutput, the statistics that the pass leaves).
    """
    real_judgement, statistics = see(statistics, real)
    fake_judgement, statistics = see(statistics, fake)
    return real_judgement, fake_judgement, statistics


def joint(see, statistics, real, fake):
    """The same from one pass over both, as in the later code of Kurach et al. 2019 (compare_gan, version 3)."""
    judgement, statistics = see(statistics, jnp.concatenate([real, fake]))
    of_real, of_fake = zip(*(jnp.split(leaf, 2) for leaf in judgement), strict=True)
    return DiscriminatorOutput(*of_real), DiscriminatorOutput(*of_fake), statistics


PASSES = {"separate": separate, "joint": joint}


def given_to(config, state: State, labels: Array | None) -> Context:
    """What both networks are given in a training pass besides images and z."""
    classes = None if config.classes is None else jax.nn.one_hot(labels, config.classes)
    return Context(True, classes, noise_level(config), progress(config, images_seen(config, state)))


def images_seen(config, state: State) -> Array:
    """Real images that the discriminator was trained on, float32."""
    return state.updates.astype(jnp.float32) * config.batch_size


def objective(config, networks, state: State, given: Context, shown_to: tuple[Array, Array], key: Array, params):
    """What a discriminator of these weights minimises on the real and the generated images shown to it, and the
    statistics that its passes over them leave.

    A penalty looks at the discriminator as these passes left it, and leaves no statistics itself.
    """

    def see(statistics, images):
        return discriminate(networks, params, statistics, images, _repeated(given, images))

    real, fake, statistics = PASSES[config.discriminator_passes](see, state.discriminator.statistics, *shown_to)
    _, target_key = jax.random.split(jax.random.fold_in(key, 2))
    loss = discriminator_loss(config, real.logits, fake.logits, target_key)
    if config.penalty_weight is not None:

        def critic(images):
            return discriminate(networks, params, statistics, images, given)[0].logits

        loss = loss + penalty(config, critic, kernels_of(params), *shown_to, key, state.updates)
    return loss + hold(config, params, state.history[1:]), statistics


def update_discriminator(config, networks, state: State, batch: Batch):
    """One step on real and generated images, then projected."""
    generator, discriminator = state.generator, state.discriminator
    given = given_to(config, state, batch.labels)
    noise_key, _ = jax.random.split(jax.random.fold_in(batch.key, 2))
    fake, g_statistics = generate(networks, generator.params, generator.statistics, batch.z, given, noise_key)
    shown_to = shown_both(config, batch.real, fake, jax.random.fold_in(batch.key, 1), images_seen(config, state))
    minimised = functools.partial(objective, config, networks, state, given, shown_to, batch.key)
    (loss, statistics), gradients = jax.value_and_grad(minimised, has_aux=True)(discriminator.params)
    player = update_network(config, config.d_lr, discriminator, gradients)
    params = PROJECTIONS[config.projection](player.params, config)
    updates = state.updates + 1
    history = state.history and (state.history[0], running_mean(state.history[1], params, updates + 1))
    return state._replace(
        generator=generator._replace(statistics=g_statistics),
        discriminator=NetworkState(params, statistics, player.optimizer),
        updates=updates,
        history=history,
    ), {"d_loss": loss, "d_gradient": norm(gradients)}


def _repeated(given: Context, images: Array) -> Context:
    """`given`, whose classes are those of one kind of images, for a pass over both kinds."""
    if given.classes is None or len(given.classes) == len(images):
        return given
    return given._replace(classes=jnp.concatenate([given.classes, given.classes]))


def update_generator(config, networks, state: State, batch: Batch):
    """One step against the discriminator as it is, or as it would be unrolled_steps later.

    All draws but z are its own. It passes over the real images only for a loss whose generator sees them, or where
    passes are joint.
    """
    generator, discriminator = state.generator, state.discriminator
    given = given_to(config, state, batch.labels)
    noise_key, shown_key = jax.random.split(jax.random.fold_in(batch.key, 3))

    def minimised(params):
        fake, g_statistics = generate(networks, params, generator.statistics, batch.z, given, noise_key)
        shown_to = shown_both(config, batch.real, fake, shown_key, images_seen(config, state))
        d_params = unrolled(config, networks, state, given, shown_to, batch.key)

        def see(statistics, images):
            return discriminate(networks, d_params, statistics, images, _repeated(given, images))

        if LOSSES[config.loss].generator_sees_real or config.discriminator_passes == "joint":
            passes = PASSES[config.discriminator_passes]
            real, fake, d_statistics = passes(see, discriminator.statistics, *shown_to)
        else:
            real, (fake, d_statistics) = None, see(discriminator.statistics, shown_to[1])
        value = generator_loss(config, real, fake)
        return value + hold(config, params, state.history[:1]), (g_statistics, d_statistics)

    (value, (g_statistics, d_statistics)), gradients = jax.value_and_grad(minimised, has_aux=True)(generator.params)
    player = update_network(config, config.g_lr, generator, gradients)._replace(statistics=g_statistics)
    cycles = state.cycles + 1
    average = state.average and AVERAGINGS[config.averaging](config, state.average, player[:2], cycles)
    history = state.history and (running_mean(state.history[0], player.params, cycles + 1), state.history[1])
    return state._replace(
        generator=player,
        discriminator=discriminator._replace(statistics=d_statistics),
        cycles=cycles,
        average=average,
        history=history,
    ), {"g_loss": value, "g_gradient": norm(gradients)}


def unrolled(config, networks, state: State, given: Context, shown_to: tuple[Array, Array], key: Array):
    """The discriminator's weights after unrolled_steps of gradient descent on its objective on this batch, as a
    function of the generated images: the generator's gradient goes through the steps.

    The steps are of plain descent and without projection.

    Reference: Metz et al. 2017 (arXiv:1611.02163), equations 7 to 9.
    """
    slopes = jax.grad(functools.partial(objective, config, networks, state, given, shown_to, key), has_aux=True)
    params = state.discriminator.params
    for _ in range(config.unrolled_steps):
        params = jax.tree.map(lambda x, slope: x - config.unrolled_lr * slope, params, slopes(params)[0])
    return params


def alternating(config, networks, state: State, batch: Batch):
    """The discriminator's update, then the generator's against the moved discriminator; their logs."""
    state, d_logs = update_discriminator(config, networks, state, batch)
    state, g_logs = update_generator(config, networks, state, batch)
    return state, d_logs, g_logs


def simultaneous(config, networks, state: State, batch: Batch):
    """Both players' updates from one state: the gradient of the sum of their losses, in which each player's stops
    at the other's weights (Nowozin et al. 2016, algorithm 1).

    The discriminator keeps the statistics of its own update's passes.
    """
    moved, d_logs = update_discriminator(config, networks, state, batch)
    answered, g_logs = update_generator(config, networks, state, batch)
    history = state.history and (answered.history[0], moved.history[1])
    taken = {"generator": answered.generator, "cycles": answered.cycles, "average": answered.average}
    return moved._replace(**taken, history=history), d_logs, g_logs


UPDATES = {"alternating": alternating, "simultaneous": simultaneous}


def step(config, state: State, images, key: Array, labels: Array | None = None):
    """One cycle: a discriminator update, the generator's on the same z, the other discriminator updates.

    The generator moves right after the first discriminator update of a cycle, or at once with it, on the latents
    that this update saw, as in the code of Lucic et al. 2018 and Kurach et al. 2019; there the WGAN-GP class
    alone drew new latents for the generator. Logs are losses and norms of gradients, the discriminator's means over
    the cycle.
    """
    networks = build(config, images.shape[1:])
    z_key, *keys = jax.random.split(key, 1 + config.disc_iters)
    batches = Batch(
        images.reshape(config.disc_iters, config.batch_size, *images.shape[1:]),
        LATENTS[config.latent].training(config, z_key, (config.disc_iters, config.batch_size, config.z_dim)),
        jnp.stack(keys),
        None if labels is None else labels.reshape(config.disc_iters, config.batch_size),
    )
    first, others = (jax.tree.map(lambda leaf, part=part: leaf[part], batches) for part in (0, slice(1, None)))
    state, d_logs, g_logs = UPDATES[config.update](config, networks, state, first)
    if config.disc_iters > 1:
        state, more = jax.lax.scan(
            lambda state, batch: update_discriminator(config, networks, state, batch), state, others
        )
        d_logs = jax.tree.map(lambda one, rest: (one + jnp.sum(rest)) / config.disc_iters, d_logs, more)
    return state, d_logs | g_logs


def sample(config, state: State, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] in [0, 1] by the averaged weights where there are any; batch norm by
    its running averages, classes uniform."""
    params, statistics = state.average or state.generator[:2]
    return sampled(config, params, statistics, images_seen(config, state), image_shape, key, count)


def walk(config, state: State, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] as of `sample`, of one class, from one latent to another."""
    params, statistics = state.average or state.generator[:2]
    return walked(config, params, statistics, images_seen(config, state), image_shape, key, count)


def generate_from(config, state: State, image_shape, key: Array, z: Array) -> Array:
    """images [count, height, width, channels] as of `sample`, of z [count, z_dim]."""
    params, statistics = state.average or state.generator[:2]
    return made(config, params, statistics, images_seen(config, state), image_shape, key, z, 1)


LOGS = ("d_loss", "g_loss", "d_gradient", "g_gradient")
FAMILY = Family(init, step, sample, walk, latents, generate_from, bound, LOGS)
