"""Family `gan`: a generator against a discriminator that returns logits.

`step` is one training cycle; read it first, then `update_discriminator` and `update_generator`. The losses
they minimise are in `objectives.py`; `discriminator_inputs.py` prepares images for the discriminator.
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
from ganscape.models.forward import Context, DiscriminatorOutput, generated_images
from ganscape.models.generator_penalties import GENERATOR_PENALTIES
from ganscape.models.latents import LATENTS
from ganscape.models.losses import LOSSES
from ganscape.models.networks import (
    NetworkState,
    apply_discriminator,
    apply_generator,
    global_norm,
    growth_progress,
    init_networks,
    kernels_of,
    noise_level,
    update_network,
)
from ganscape.models.objectives import discriminator_loss, generator_loss, historical_penalty, penalty
from ganscape.models.pair_losses import pair_loss
from ganscape.models.projections import PROJECTIONS
from ganscape.models.schedules import scheduled

if TYPE_CHECKING:
    from ganscape.models.config import Config


class State(NamedTuple):
    """All that training changes in one GAN.

    updates, cycles: updates of the discriminator and of the generator so far, int32.
    average: the generator's averaged (params, statistics), used for sampling; () without averaging.
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

    real: images [batch, height, width, channels] in [0, 1].
    z: latents [batch, z_dim]; in family completion masked images [batch, height, width, channels + 1].
    key: the source of all other randomness.
    labels: int32 [batch], the class of real image i and of generated image i; None without classes.
    """

    real: Array
    z: Array
    key: Array
    labels: Array | None = None


def init(config: "Config", image_shape, key) -> State:
    """Returns the initial State as numpy arrays, drawn from key (uint32 [2])."""
    generator, discriminator = init_networks(config, image_shape, key)
    average = () if config.averaging == "none" else jax.tree.map(np.copy, generator[:2])
    history = () if config.historical_averaging == "none" else (generator.params, discriminator.params)
    zero = np.zeros((), np.int32)
    return State(generator, discriminator, zero, zero, average, jax.tree.map(np.copy, history))


def separate(run, statistics, real, fake):
    """Returns the discriminator's outputs for real and for generated images, from two forward passes, and the
    statistics after them.

    Batch normalization then never mixes the two kinds. Real images go first, as in both studies.

    run: (statistics, images) -> (DiscriminatorOutput, statistics after the pass).
    """
    real_output, statistics = run(statistics, real)
    fake_output, statistics = run(statistics, fake)
    return real_output, fake_output, statistics


def joint(run, statistics, real, fake):
    """Returns the same as `separate`, from one forward pass over both kinds of images together.

    Reference: the later code of Kurach et al. 2019 (compare_gan, version 3).
    """
    output, statistics = run(statistics, jnp.concatenate([real, fake]))
    real_output, fake_output = zip(*(jnp.split(leaf, 2) for leaf in output), strict=True)
    return DiscriminatorOutput(*real_output), DiscriminatorOutput(*fake_output), statistics


PASSES = {"separate": separate, "joint": joint}


def training_context(config: "Config", state: State, labels: Array | None) -> Context:
    """Returns the Context of a forward pass in training, for both networks."""
    classes = None if config.classes is None else jax.nn.one_hot(labels, config.classes)
    return Context(True, classes, noise_level(config), growth_progress(config, images_seen(config, state)))


def images_seen(config: "Config", state: State) -> Array:
    """Returns how many real images the discriminator was trained on so far, float32."""
    return state.updates.astype(jnp.float32) * config.batch_size


def objective(
    config: "Config", networks, state: State, context: Context, inputs: tuple[Array, Array], key: Array, params
):
    """Returns the discriminator's loss for weights `params`, and its statistics after the forward passes.

    inputs: real and generated images, as `prepare_both` returns them.

    Gradient penalties use the statistics after these passes; their own forward passes do not update them.
    """

    def run(statistics, images):
        return apply_discriminator(networks, params, statistics, images, _repeated(context, images))

    real, fake, statistics = PASSES[config.discriminator_passes](run, state.discriminator.statistics, *inputs)
    _, target_key = jax.random.split(jax.random.fold_in(key, 2))
    loss = discriminator_loss(config, real.logits, fake.logits, target_key)
    if config.penalty != "none":

        def critic(images):
            return apply_discriminator(networks, params, statistics, images, context)[0].logits

        loss = loss + penalty(config, critic, kernels_of(params), *inputs, key, state.updates)
    return loss + historical_penalty(config, params, state.history[1:]), statistics


def update_discriminator(config: "Config", networks, state: State, batch: Batch):
    """Returns the state after one update of the discriminator and its projection, and the update's logs."""
    config = scheduled(config, images_seen(config, state))
    generator, discriminator = state.generator, state.discriminator
    context = training_context(config, state, batch.labels)
    noise_key, _ = jax.random.split(jax.random.fold_in(batch.key, 2))
    output, g_statistics = apply_generator(
        networks, generator.params, generator.statistics, batch.z, context, noise_key
    )
    fake = generated_images(output)
    inputs = prepare_both(config, batch.real, fake, jax.random.fold_in(batch.key, 1), images_seen(config, state))
    loss_of = functools.partial(objective, config, networks, state, context, inputs, batch.key)
    (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(discriminator.params)
    updated = update_network(config, config.d_lr, discriminator, gradients)
    params = PROJECTIONS[config.projection](updated.params, config)
    updates = state.updates + 1
    history = state.history and (state.history[0], running_mean(state.history[1], params, updates + 1))
    return state._replace(
        generator=generator._replace(statistics=g_statistics),
        discriminator=NetworkState(params, statistics, updated.optimizer),
        updates=updates,
        history=history,
    ), {"d_loss": loss, "d_gradient": global_norm(gradients)}


def _repeated(context: Context, images: Array) -> Context:
    """Returns the context with its classes repeated if `images` are real and generated ones together (`joint`)."""
    if context.classes is None or len(context.classes) == len(images):
        return context
    return context._replace(classes=jnp.concatenate([context.classes, context.classes]))


def update_generator(config: "Config", networks, state: State, batch: Batch):
    """Returns the state after one update of the generator, and the update's logs.

    The generator plays against the current discriminator, or against the one that `unrolled_steps` further updates
    would give. Augmentations and noise are drawn afresh. Real images pass through the discriminator only if the
    generator's loss needs them or passes are joint, because every forward pass updates batch statistics.
    """
    config = scheduled(config, images_seen(config, state))
    generator, discriminator = state.generator, state.discriminator
    context = training_context(config, state, batch.labels)
    noise_key, inputs_key = jax.random.split(jax.random.fold_in(batch.key, 3))

    def loss_of(params):
        output, g_statistics = apply_generator(networks, params, generator.statistics, batch.z, context, noise_key)
        generated = generated_images(output)
        inputs = prepare_both(config, batch.real, generated, inputs_key, images_seen(config, state))
        d_params = unrolled(config, networks, state, context, inputs, batch.key)

        def run(statistics, images):
            return apply_discriminator(networks, d_params, statistics, images, _repeated(context, images))

        if LOSSES[config.loss].generator_sees_real or config.discriminator_passes == "joint":
            passes = PASSES[config.discriminator_passes]
            real, fake, d_statistics = passes(run, discriminator.statistics, *inputs)
        else:
            real, (fake, d_statistics) = None, run(discriminator.statistics, inputs[1])
        value = generator_loss(config, real, fake)
        if config.pair_loss is not None:
            value = config.adversarial_weight * value + pair_loss(config, output, batch.real)
        if config.generator_penalty != "none":
            value = value + config.generator_penalty_weight * GENERATOR_PENALTIES[config.generator_penalty](generated)
        return value + historical_penalty(config, params, state.history[:1]), (g_statistics, d_statistics)

    (value, (g_statistics, d_statistics)), gradients = jax.value_and_grad(loss_of, has_aux=True)(generator.params)
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
    ), {"g_loss": value, "g_gradient": global_norm(gradients)}


def unrolled(config: "Config", networks, state: State, context: Context, inputs: tuple[Array, Array], key: Array):
    """Returns the discriminator's weights after `unrolled_steps` steps of gradient descent on its loss for this batch.

    The generator's gradient flows through these steps, which use neither the optimizer nor the projection.

    Reference: Metz et al. 2017 (arXiv:1611.02163), equations 7 to 9.
    """
    gradient_of = jax.grad(functools.partial(objective, config, networks, state, context, inputs, key), has_aux=True)
    params = state.discriminator.params
    for _ in range(config.unrolled_steps):
        gradients, _ = gradient_of(params)
        params = jax.tree.map(lambda x, gradient: x - config.unrolled_lr * gradient, params, gradients)
    return params


def alternating(config: "Config", networks, state: State, batch: Batch):
    """Updates the discriminator, then the generator against the new one. Returns the state and the logs of both."""
    state, d_logs = update_discriminator(config, networks, state, batch)
    state, g_logs = update_generator(config, networks, state, batch)
    return state, d_logs, g_logs


def simultaneous(config: "Config", networks, state: State, batch: Batch):
    """Updates both players from the same state, neither against the other's new weights. Returns the state and the logs
    of both.

    The discriminator keeps the statistics of the passes in its own update.

    Reference: Nowozin et al. 2016, algorithm 1.
    """
    after_d, d_logs = update_discriminator(config, networks, state, batch)
    after_g, g_logs = update_generator(config, networks, state, batch)
    history = state.history and (after_g.history[0], after_d.history[1])
    state = after_d._replace(
        generator=after_g.generator, cycles=after_g.cycles, average=after_g.average, history=history
    )
    return state, d_logs, g_logs


UPDATES = {"alternating": alternating, "simultaneous": simultaneous}


def step(config: "Config", state: State, images, key: Array, labels: Array | None = None):
    """Returns the state after one `cycle` on latents drawn from the key, and its logs."""
    z_key, *keys = jax.random.split(key, 1 + config.disc_iters)
    batches = Batch(
        images.reshape(config.disc_iters, config.batch_size, *images.shape[1:]),
        LATENTS[config.latent].training(config, z_key, (config.disc_iters, config.batch_size, config.z_dim)),
        jnp.stack(keys),
        None if labels is None else labels.reshape(config.disc_iters, config.batch_size),
    )
    return cycle(config, build(config, images.shape[1:]), state, batches)


def cycle(config: "Config", networks, state: State, batches: Batch):
    """Returns the state after one cycle of disc_iters discriminator updates and one generator update, and its logs.

    batches: one for each update of the discriminator, on a leading axis [disc_iters, ...].

    The generator is updated right after the first discriminator update, or simultaneously with it, on the same
    latents, as in the code of Lucic et al. 2018 and Kurach et al. 2019 (whose WGAN-GP class
    alone drew new ones). Logs are losses and gradient norms, the discriminator's averaged over the cycle.
    """
    first, rest = (jax.tree.map(lambda leaf, part=part: leaf[part], batches) for part in (0, slice(1, None)))
    state, d_logs, g_logs = UPDATES[config.update](config, networks, state, first)
    if config.disc_iters > 1:
        state, more = jax.lax.scan(
            lambda state, batch: update_discriminator(config, networks, state, batch), state, rest
        )
        d_logs = jax.tree.map(lambda one, rest: (one + jnp.sum(rest)) / config.disc_iters, d_logs, more)
    return state, d_logs | g_logs


def generator_of(config: "Config", state: State) -> SamplingWeights:
    """Returns the generator's averaged weights if the config averages, else the last."""
    params, statistics = state.average or state.generator[:2]
    return SamplingWeights(params, statistics, images_seen(config, state))


LOGS = ("d_loss", "g_loss", "d_gradient", "g_gradient")
FAMILY = Family(init, step, generator_of, LOGS)
