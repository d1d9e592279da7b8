"""Family `gan`, the logit game: a generator against a discriminator. Read this file first."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from models.architectures import ARCHITECTURES, build
from models.augmentations import AUGMENTATIONS
from models.averaging import AVERAGINGS, HISTORICAL_AVERAGINGS, running_mean
from models.initialization import initialise
from models.instance_noise import INSTANCE_NOISES
from models.latents import LATENTS
from models.losses import LOSSES
from models.method import Method
from models.normalizations import STATISTICS
from models.optimizers import OPTIMIZERS
from models.packing import pack
from models.passes import Judgement, Pass
from models.penalties import PENALTIES
from models.projections import PROJECTIONS
from models.targets import LABEL_FLIPS, LABEL_SMOOTHINGS


class Player(NamedTuple):
    """Everything of one network that changes: its weights, the statistics that its forward passes
    leave behind (batch-norm averages, spectral-norm vectors), its optimizer's state."""

    params: Any
    statistics: Any
    optimizer: Any


class State(NamedTuple):
    """One member in training.

    updates, cycles: updates of the discriminator and of the generator so far, int32.
    average: the generator's averaged (params, statistics), which images are sampled with; () without averaging.
    history: the means of the players' past weights, in the order of this tuple; () without historical averaging.
    """

    generator: Player
    discriminator: Player
    updates: Array | np.ndarray | np.int32
    cycles: Array | np.ndarray | np.int32
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
    generator, discriminator = new_players(config, image_shape, key)
    average = () if config.averaging == "none" else jax.tree.map(np.copy, generator[:2])
    history = () if config.historical_averaging == "none" else (generator.params, discriminator.params)
    return State(generator, discriminator, np.int32(0), np.int32(0), average, jax.tree.map(np.copy, history))


def new_players(config, image_shape, key) -> tuple[Player, Player]:
    """The network that makes images and the one that sees them, as numpy arrays drawn from key (uint32 [2])."""
    networks = build(config, image_shape)
    words = np.asarray(key)
    height, width, channels = image_shape
    packing = config.packing or 1
    seen = (config.batch_size // packing, height, width, packing * channels)
    generator = initialise(networks.generator, np.append(words, 0), (config.batch_size, config.z_dim), classes=config.classes)
    discriminator = initialise(networks.discriminator, np.append(words, 1), seen, classes=config.classes)
    return new_player(generator, config, config.g_lr), new_player(discriminator, config, config.d_lr)


def new_player(variables, config, learning_rate) -> Player:
    """A network of these variables, and its optimizer before the first update."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    moments = jax.tree.map(np.asarray, optimizer.init(variables["params"]))
    return Player(variables["params"], variables.get(STATISTICS, {}), moments)


def generate(networks, params, statistics, z, given=Pass(), key=None):
    """Images of z in training mode, and the statistics that this pass leaves."""
    variables = {"params": params, STATISTICS: statistics}
    images, left = networks.generator.apply(variables, z, given, rngs=_noise(key), mutable=[STATISTICS])
    return images, left.get(STATISTICS, {})


def _noise(key) -> dict[str, Array]:
    return {} if key is None else {"noise": key}


def discriminate(networks, params, statistics, images, given=Pass()):
    """What the discriminator makes of images, for this game a Judgement, and the statistics that this pass leaves."""
    variables = {"params": params, STATISTICS: statistics}
    judgement, left = networks.discriminator.apply(variables, images, given, mutable=[STATISTICS])
    return judgement, left.get(STATISTICS, {})


def kernels_of(params) -> list[Array]:
    """The matrices and filters of a network, as they are before any normalization: no biases, no scales."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return [leaf for path, leaf in leaves if path[-1].key == "kernel"]


def separate(see, statistics, real, fake):
    """Judgements of real and of generated images in a pass each, real ones first, as in both studies.

    see: (statistics, images) -> (Judgement, the statistics that the pass leaves).
    """
    real_judgement, statistics = see(statistics, real)
    fake_judgement, statistics = see(statistics, fake)
    return real_judgement, fake_judgement, statistics


def joint(see, statistics, real, fake):
    """The same from one pass over both, as in the later code of Kurach et al. 2019 (compare_gan, version 3)."""
    judgement, statistics = see(statistics, jnp.concatenate([real, fake]))
    of_real, of_fake = zip(*(jnp.split(leaf, 2) for leaf in judgement), strict=True)
    return Judgement(*of_real), Judgement(*of_fake), statistics


PASSES = {"separate": separate, "joint": joint}


def given_to(config, state: State, labels: Array | None) -> Pass:
    """What both networks are given in a training pass besides images and z."""
    classes = None if config.classes is None else jax.nn.one_hot(labels, config.classes)
    return Pass(True, classes, _noise_level(config), _progress(config, images_seen(config, state)))


def _noise_level(config) -> Array | float:
    levels = [level for level in (config.generator_noise_std, config.dropout_rate) if level is not None]
    return levels[0] if levels else 0.0


def _progress(config, seen: Array | float) -> Array | float:
    return 0.0 if config.fade_images is None else seen / config.fade_images


def images_seen(config, state: State) -> Array:
    """Real images that the discriminator was trained on, float32."""
    return (state.updates * config.batch_size).astype(jnp.float32)


def shown(config, images: Array, key: Array, seen: Array) -> Array:
    """What the discriminator sees of images: augmented, then with noise, then packed."""
    augmentation_key, noise_key = jax.random.split(key)
    images = AUGMENTATIONS[config.augmentation](images, augmentation_key)
    if config.noise_std is not None:
        deviation = INSTANCE_NOISES[config.instance_noise](config, seen)
        images = images + deviation * jax.random.normal(noise_key, images.shape)
    return pack(images, config.packing)


def shown_batch(config, state: State, batch: Batch, fake: Array) -> tuple[Array, Array]:
    """What the discriminator sees of the real and of the generated images of a batch."""
    real_key, fake_key = jax.random.split(jax.random.fold_in(batch.key, 1))
    seen = images_seen(config, state)
    real = ARCHITECTURES[config.architecture].real(config, batch.real, seen)
    return shown(config, real, real_key, seen), shown(config, fake, fake_key, seen)


def discriminator_loss(config, real_logits: Array, fake_logits: Array, key: Array) -> Array:
    """The loss of the discriminator, whose targets may be smoothed and flipped."""
    loss = LOSSES[config.loss]
    if config.label_smoothing == config.label_flipping == "none":
        return per_discriminator(loss.discriminator, real_logits, fake_logits)
    smoothing_key, flipping_key = jax.random.split(key)
    real = LABEL_SMOOTHINGS[config.label_smoothing](config, smoothing_key, len(real_logits))
    targets = LABEL_FLIPS[config.label_flipping](config, flipping_key, real, jnp.zeros_like(real))

    def targeted(*logits):
        return sum(jnp.mean(loss.targeted(*each)) for each in zip(logits, targets, strict=True))

    return per_discriminator(targeted, real_logits, fake_logits)


def per_discriminator(loss, real: Array | None, fake: Array) -> Array:
    """The loss of logits [batch]; of logits [batch, discriminators] the mean of each one's."""
    if fake.ndim == 1:
        return loss(real, fake)
    return jnp.mean(jax.vmap(loss, in_axes=(None if real is None else 1, 1))(real, fake))


def penalty(config, networks, params, statistics, batch: Batch, given: Pass, shown_to: tuple[Array, Array], due):
    """The weighted penalty at what the discriminator saw, as its passes left it; it leaves no statistics itself.

    due: whether it is this update's turn; where it is, the penalty counts penalty_every times (Karras et al. 2020,
    arXiv:1912.04958, section 3.1).
    """

    def critic(images):
        return discriminate(networks, params, statistics, images, given)[0].logits

    def weighted():
        value = PENALTIES[config.penalty](critic, kernels_of(params), *shown_to, batch.key)
        return config.penalty_weight * config.penalty_every * value

    return weighted() if config.penalty_every == 1 else jax.lax.cond(due, weighted, lambda: jnp.zeros(()))


def update_discriminator(config, networks, state: State, batch: Batch):
    """One step on real and generated images, then projected."""
    generator, discriminator = state.generator, state.discriminator
    given = given_to(config, state, batch.labels)
    noise_key, target_key = jax.random.split(jax.random.fold_in(batch.key, 2))
    fake, g_statistics = generate(networks, generator.params, generator.statistics, batch.z, given, noise_key)
    shown_to = shown_batch(config, state, batch, fake)

    def objective(params):
        def see(statistics, images):
            return discriminate(networks, params, statistics, images, _repeated(given, images))

        real, fake, statistics = PASSES[config.discriminator_passes](see, discriminator.statistics, *shown_to)
        loss = discriminator_loss(config, real.logits, fake.logits, target_key)
        if config.penalty_weight is not None:
            due = state.updates % config.penalty_every == 0
            loss = loss + penalty(config, networks, params, statistics, batch, given, shown_to, due)
        return _held(config, loss, params, state.history[1:]), statistics

    (loss, statistics), gradients = jax.value_and_grad(objective, has_aux=True)(discriminator.params)
    player = update_player(config, config.d_lr, discriminator, gradients)
    params = PROJECTIONS[config.projection](player.params, config)
    updates = state.updates + 1
    history = state.history and (state.history[0], running_mean(state.history[1], params, updates + 1))
    return state._replace(
        generator=generator._replace(statistics=g_statistics),
        discriminator=Player(params, statistics, player.optimizer),
        updates=updates,
        history=history,
    ), loss


def _repeated(given: Pass, images: Array) -> Pass:
    """`given`, whose classes are those of one kind of images, for a pass over both kinds."""
    if given.classes is None or len(given.classes) == len(images):
        return given
    return given._replace(classes=jnp.concatenate([given.classes, given.classes]))


def _held(config, loss: Array, params, history) -> Array:
    """The loss, and what holds a player near the mean of its past weights, a tuple of it or ()."""
    for mean in history:
        loss = loss + config.historical_weight * HISTORICAL_AVERAGINGS[config.historical_averaging](params, mean)
    return loss


def update_generator(config, networks, state: State, batch: Batch):
    """One step against the discriminator as it is, or as it would be unrolled_steps later.

    It passes over the real images only for a loss whose generator sees them, or where passes are joint.
    """
    loss = LOSSES[config.loss]
    generator, discriminator = state.generator, state.discriminator
    given = given_to(config, state, batch.labels)
    noise_key = jax.random.fold_in(batch.key, 3)

    def objective(params):
        fake, g_statistics = generate(networks, params, generator.statistics, batch.z, given, noise_key)
        real_shown, fake_shown = shown_batch(config, state, batch, fake)
        d_params = unrolled(config, networks, state, given, real_shown, fake_shown)

        def see(statistics, images):
            return discriminate(networks, d_params, statistics, images, _repeated(given, images))

        if loss.generator_sees_real or config.discriminator_passes == "joint":
            passes = PASSES[config.discriminator_passes]
            real, fake, d_statistics = passes(see, discriminator.statistics, real_shown, fake_shown)
        else:
            real, (fake, d_statistics) = None, see(discriminator.statistics, fake_shown)
        if loss.generator_sees_features:
            value = loss.generator(real.features, fake.features)
        else:
            value = per_discriminator(loss.generator, real and real.logits, fake.logits)
        return _held(config, value, params, state.history[:1]), (g_statistics, d_statistics)

    (value, (g_statistics, d_statistics)), gradients = jax.value_and_grad(objective, has_aux=True)(generator.params)
    player = update_player(config, config.g_lr, generator, gradients)._replace(statistics=g_statistics)
    cycles = state.cycles + 1
    average = state.average and AVERAGINGS[config.averaging](config, state.average, player[:2], cycles)
    history = state.history and (running_mean(state.history[0], player.params, cycles + 1), state.history[1])
    return state._replace(
        generator=player,
        discriminator=discriminator._replace(statistics=d_statistics),
        cycles=cycles,
        average=average,
        history=history,
    ), value


def unrolled(config, networks, state: State, given: Pass, real: Array, fake: Array):
    """The discriminator's weights after unrolled_steps of gradient descent on this batch, as a function of the
    generated images: the generator's gradient goes through the steps.

    Reference: Metz et al. 2017 (arXiv:1611.02163), equations 7 to 9.
    """

    def loss(params):
        def see(statistics, images):
            return discriminate(networks, params, statistics, images, _repeated(given, images))

        passes = PASSES[config.discriminator_passes]
        judged_real, judged_fake, _ = passes(see, state.discriminator.statistics, real, fake)
        return per_discriminator(LOSSES[config.loss].discriminator, judged_real.logits, judged_fake.logits)

    def descend(params):
        return jax.tree.map(lambda x, slope: x - config.unrolled_lr * slope, params, jax.grad(loss)(params))

    params = state.discriminator.params
    for _ in range(config.unrolled_steps):
        params = descend(params)
    return params


def update_player(config, learning_rate, player: Player, gradients) -> Player:
    """The player after one update of its optimizer."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    updates, moments = optimizer.update(gradients, player.optimizer, player.params)
    return Player(optax.apply_updates(player.params, updates), player.statistics, moments)


def alternating(config, networks, state: State, batch: Batch):
    """The discriminator's update, then the generator's against the moved discriminator."""
    state, d_loss = update_discriminator(config, networks, state, batch)
    state, g_loss = update_generator(config, networks, state, batch)
    return state, d_loss, g_loss


def simultaneous(config, networks, state: State, batch: Batch):
    """Both players' updates from one state: the gradient of the sum of their losses, in which each player's stops
    at the other's weights (Nowozin et al. 2016, algorithm 1).

    The discriminator keeps the statistics of its own update's passes.
    """
    moved, d_loss = update_discriminator(config, networks, state, batch)
    answered, g_loss = update_generator(config, networks, state, batch)
    history = state.history and (answered.history[0], moved.history[1])
    taken = {"generator": answered.generator, "cycles": answered.cycles, "average": answered.average}
    return moved._replace(**taken, history=history), d_loss, g_loss


UPDATES = {"alternating": alternating, "simultaneous": simultaneous}


def step(config, state: State, images: Array, key: Array, labels: Array | None = None):
    """One cycle: a discriminator update, the generator's on the same z, the other discriminator updates.

    The generator moves right after the first discriminator update of a cycle, or at once with it, on the latents
    that this update saw, as in the code of Lucic et al. 2018 and Kurach et al. 2019; there the WGAN-GP class
    alone drew new latents for the generator.
    """
    networks = build(config, images.shape[1:])
    z_key, *keys = jax.random.split(key, 1 + config.disc_iters)
    batches = Batch(
        images.reshape(config.disc_iters, config.batch_size, *images.shape[1:]),
        LATENTS[config.latent].training(config, z_key, (config.disc_iters, config.batch_size, config.z_dim)),
        jnp.stack(keys),
        None if config.classes is None else labels.reshape(config.disc_iters, config.batch_size),
    )
    first, others = (jax.tree.map(lambda leaf, part=part: leaf[part], batches) for part in (0, slice(1, None)))
    state, d_loss, g_loss = UPDATES[config.update](config, networks, state, first)
    if config.disc_iters > 1:
        state, d_losses = jax.lax.scan(
            lambda state, batch: update_discriminator(config, networks, state, batch), state, others
        )
        d_loss = (d_loss + jnp.sum(d_losses)) / config.disc_iters
    return state, {"d_loss": d_loss, "g_loss": g_loss}


def sample(config, state: State, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] in [0, 1] by the averaged weights where there are any; batch norm by
    its running averages, classes uniform."""
    params, statistics = state.average or state.generator[:2]
    return sampled(config, params, statistics, images_seen(config, state), image_shape, key, count)


def sampled(config, params, statistics, seen: Array | float, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] of a generator with these weights after so many real images."""
    z = LATENTS[config.latent].sampling(config, key, (count, config.z_dim))
    class_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    classes = None
    if config.classes is not None:
        classes = jax.nn.one_hot(jax.random.randint(class_key, (count,), 0, config.classes), config.classes)
    given = Pass(False, classes, _noise_level(config), _progress(config, seen))
    generator = build(config, image_shape).generator
    variables = {"params": params, STATISTICS: statistics}
    return cast(Array, generator.apply(variables, z, given, rngs={"noise": noise_key}))


METHOD = Method(init, step, sample)
