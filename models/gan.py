"""Family `gan`: a generator against a discriminator that returns logits.

`step` is one training cycle; read it first, then `update_discriminator` and `update_generator`. What they minimise is
in `objectives.py`, how images are prepared for the discriminator in `discriminator_inputs.py`.
"""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.averaging import AVERAGINGS, running_mean
from ganscape.models.discriminator_inputs import prepare_both
from ganscape.models.family import Family, SamplingWeights
from ganscape.models.forward import Context, DiscriminatorOutput
from ganscape.models.latents import LATENTS
from ganscape.models.losses import LOSSES
from ganscape.models.networks import (
    NetworkState,
    discriminate,
    generate,
    init_networks,
    kernels_of,
    noise_level,
    norm,
    progress,
    update_network,
)
from ganscape.models.objectives import discriminator_loss, generator_loss, historical_penalty, penalty
from ganscape.models.projections import PROJECTIONS

if TYPE_CHECKING:
    from ganscape.models.config import Config


class State(NamedTuple):
    """Everything of one GAN that training changes.

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
    """The data and the randomness of one update.

    real: images [batch, height, width, channels] in [0, 1]. z: [batch, z_dim].
    key: all randomness of the update but z. labels: int32 [batch], the class of each real image and of the
    generated one in its place; None without classes.
    """

    real: Array
    z: Array
    key: Array
    labels: Array | None = None


def init(config: "Config", image_shape, key) -> State:
    """A fresh State of numpy arrays, drawn from key (uint32 [2])."""
    generator, discriminator = init_networks(config, image_shape, key)
    average = () if config.averaging == "none" else jax.tree.map(np.copy, generator[:2])
    history = () if config.historical_averaging == "none" else (generator.params, discriminator.params)
    none = np.zeros((), np.int32)
    return State(generator, discriminator, none, none, average, jax.tree.map(np.copy, history))


def separate(see, statistics, real, fake):
    """Returns the discriminator's outputs for real and for generated images, each from a pass of its own, and the
    statistics after both.

    Real images go first, as in both studies. A normalization by the batch then never mixes the two kinds.

    see: (statistics, images) -> (DiscriminatorOutput, the statistics that the pass leaves).
    """
    real_judgement, statistics = see(statistics, real)
    fake_judgement, statistics = see(statistics, fake)
    return real_judgement, fake_judgement, statistics


def joint(see, statistics, real, fake):
    """Returns the same as `separate`, from one pass over both kinds of images.

    Reference: the later code of Kurach et al. 2019 (compare_gan, version 3).
    """
    judgement, statistics = see(statistics, jnp.concatenate([real, fake]))
    of_real, of_fake = zip(*(jnp.split(leaf, 2) for leaf in judgement), strict=True)
    return DiscriminatorOutput(*of_real), DiscriminatorOutput(*of_fake), statistics


PASSES = {"separate": separate, "joint": joint}


def training_context(config: "Config", state: State, labels: Array | None) -> Context:
    """Returns the Context of a training pass, for both networks."""
    classes = None if config.classes is None else jax.nn.one_hot(labels, config.classes)
    return Context(True, classes, noise_level(config), progress(config, images_seen(config, state)))


def images_seen(config: "Config", state: State) -> Array:
    """Returns the number of real images that the discriminator was trained on, float32."""
    return state.updates.astype(jnp.float32) * config.batch_size


def objective(
    config: "Config", networks, state: State, context: Context, inputs: tuple[Array, Array], key: Array, params
):
    """Returns the discriminator's loss for weights `params`, and its statistics after the forward passes.

    inputs: real and generated images, as `prepare_both` returns them.

    A penalty is computed with the statistics after these passes; its own passes change none.
    """

    def see(statistics, images):
        return discriminate(networks, params, statistics, images, _repeated(context, images))

    real, fake, statistics = PASSES[config.discriminator_passes](see, state.discriminator.statistics, *inputs)
    _, target_key = jax.random.split(jax.random.fold_in(key, 2))
    loss = discriminator_loss(config, real.logits, fake.logits, target_key)
    if config.penalty_weight is not None:

        def critic(images):
            return discriminate(networks, params, statistics, images, context)[0].logits

        loss = loss + penalty(config, critic, kernels_of(params), *inputs, key, state.updates)
    return loss + historical_penalty(config, params, state.history[1:]), statistics


def update_discriminator(config: "Config", networks, state: State, batch: Batch):
    """Returns the state after one step of the discriminator and its projection, and the step's logs."""
    generator, discriminator = state.generator, state.discriminator
    context = training_context(config, state, batch.labels)
    noise_key, _ = jax.random.split(jax.random.fold_in(batch.key, 2))
    fake, g_statistics = generate(networks, generator.params, generator.statistics, batch.z, context, noise_key)
    inputs = prepare_both(config, batch.real, fake, jax.random.fold_in(batch.key, 1), images_seen(config, state))
    minimised = functools.partial(objective, config, networks, state, context, inputs, batch.key)
    (loss, statistics), gradients = jax.value_and_grad(minimised, has_aux=True)(discriminator.params)
    updated = update_network(config, config.d_lr, discriminator, gradients)
    params = PROJECTIONS[config.projection](updated.params, config)
    updates = state.updates + 1
    history = state.history and (state.history[0], running_mean(state.history[1], params, updates + 1))
    return state._replace(
        generator=generator._replace(statistics=g_statistics),
        discriminator=NetworkState(params, statistics, updated.optimizer),
        updates=updates,
        history=history,
    ), {"d_loss": loss, "d_gradient": norm(gradients)}


def _repeated(context: Context, images: Array) -> Context:
    """The context of a pass over both kinds of images, whose classes are one kind's twice; else the context itself."""
    if context.classes is None or len(context.classes) == len(images):
        return context
    return context._replace(classes=jnp.concatenate([context.classes, context.classes]))


def update_generator(config: "Config", networks, state: State, batch: Batch):
    """Returns the state after one step of the generator, and the step's logs.

    Its opponent is the discriminator as it is, or as it would be `unrolled_steps` later. Augmentations and noise are
    drawn anew. Real images pass through the discriminator only where the generator's loss needs them or passes are
    joint, because every pass leaves statistics.
    """
    generator, discriminator = state.generator, state.discriminator
    context = training_context(config, state, batch.labels)
    noise_key, shown_key = jax.random.split(jax.random.fold_in(batch.key, 3))

    def minimised(params):
        fake, g_statistics = generate(networks, params, generator.statistics, batch.z, context, noise_key)
        inputs = prepare_both(config, batch.real, fake, shown_key, images_seen(config, state))
        d_params = unrolled(config, networks, state, context, inputs, batch.key)

        def see(statistics, images):
            return discriminate(networks, d_params, statistics, images, _repeated(context, images))

        if LOSSES[config.loss].generator_sees_real or config.discriminator_passes == "joint":
            passes = PASSES[config.discriminator_passes]
            real, fake, d_statistics = passes(see, discriminator.statistics, *inputs)
        else:
            real, (fake, d_statistics) = None, see(discriminator.statistics, inputs[1])
        value = generator_loss(config, real, fake)
        return value + historical_penalty(config, params, state.history[:1]), (g_statistics, d_statistics)

    (value, (g_statistics, d_statistics)), gradients = jax.value_and_grad(minimised, has_aux=True)(generator.params)
    updated = update_network(config, config.g_lr, generator, gradients)._replace(statistics=g_statistics)
    cycles = state.cycles + 1
    average = state.average and AVERAGINGS[config.averaging](config, state.average, updated[:2], cycles)
    history = state.history and (running_mean(state.history[0], updated.params, cycles + 1), state.history[1])
    return state._replace(
        generator=updated,
        discriminator=discriminator._replace(statistics=d_statistics),
        cycles=cycles,
        average=average,
        history=history,
    ), {"g_loss": value, "g_gradient": norm(gradients)}


def unrolled(config: "Config", networks, state: State, context: Context, inputs: tuple[Array, Array], key: Array):
    """Returns the discriminator's weights after `unrolled_steps` of gradient descent on its objective on this batch.

    The generator's gradient flows through these steps. They are plain descent, without optimizer and projection.

    Reference: Metz et al. 2017 (arXiv:1611.02163), equations 7 to 9.
    """
    gradient_of = jax.grad(functools.partial(objective, config, networks, state, context, inputs, key), has_aux=True)
    params = state.discriminator.params
    for _ in range(config.unrolled_steps):
        gradients, _ = gradient_of(params)
        params = jax.tree.map(lambda x, gradient: x - config.unrolled_lr * gradient, params, gradients)
    return params


def alternating(config: "Config", networks, state: State, batch: Batch):
    """Updates the discriminator, then the generator against it. Returns the state and both logs."""
    state, d_logs = update_discriminator(config, networks, state, batch)
    state, g_logs = update_generator(config, networks, state, batch)
    return state, d_logs, g_logs


def simultaneous(config: "Config", networks, state: State, batch: Batch):
    """Updates both players from the same state, so that neither sees the other's move. Returns the state and both logs.

    The discriminator keeps the statistics of its own update's passes.

    Reference: Nowozin et al. 2016, algorithm 1.
    """
    after_d, d_logs = update_discriminator(config, networks, state, batch)
    after_g, g_logs = update_generator(config, networks, state, batch)
    history = state.history and (after_g.history[0], after_d.history[1])
    of_generator = {"generator": after_g.generator, "cycles": after_g.cycles, "average": after_g.average}
    return after_d._replace(**of_generator, history=history), d_logs, g_logs


UPDATES = {"alternating": alternating, "simultaneous": simultaneous}


def step(config: "Config", state: State, images, key: Array, labels: Array | None = None):
    """Returns the state after one cycle of disc_iters discriminator updates and one generator update, and its logs.

    The generator is updated right after the first discriminator update, or simultaneously with it, on the same
    latents, as in the code of Lucic et al. 2018 and Kurach et al. 2019 (where only the WGAN-GP class drew new ones).
    Logs are losses and gradient norms, the discriminator's averaged over the cycle.
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


def generator_of(config: "Config", state: State) -> SamplingWeights:
    """Returns the averaged weights where the config averages, else the last."""
    params, statistics = state.average or state.generator[:2]
    return SamplingWeights(params, statistics, images_seen(config, state))


LOGS = ("d_loss", "g_loss", "d_gradient", "g_gradient")
FAMILY = Family(init, step, generator_of, LOGS)
