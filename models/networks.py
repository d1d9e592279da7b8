"""A network in training, and its passes: what all families do with one."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.forward import TRAINING, Context
from ganscape.models.initialization import initialise
from ganscape.models.latents import LATENTS, slerp
from ganscape.models.normalizations import STATISTICS
from ganscape.models.optimizers import OPTIMIZERS


class NetworkState(NamedTuple):
    """Everything of one network that changes: its weights, the statistics that its forward passes
    leave behind (batch-norm averages, spectral-norm vectors), its optimizer's state."""

    params: Any
    statistics: Any
    optimizer: Any


def init_networks(config, image_shape, key) -> tuple[NetworkState, NetworkState]:
    """The network that makes images and the one that sees them, as numpy arrays drawn from key (uint32 [2])."""
    networks, shapes, words = build(config, image_shape), input_shapes(config, image_shape), np.asarray(key)
    generator, discriminator = (
        initialise(network, np.append(words, stream), shape, classes=config.classes)
        for stream, (network, shape) in enumerate(zip(networks, shapes, strict=True))
    )
    return init_network(generator, config, config.g_lr), init_network(discriminator, config, config.d_lr)


def input_shapes(config, image_shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of what the two networks are given in training: z, and what the discriminator sees."""
    height, width, channels = image_shape
    packing = config.packing or 1
    return (config.batch_size, config.z_dim), (config.batch_size // packing, height, width, packing * channels)


def init_network(variables, config, learning_rate) -> NetworkState:
    """A network of these variables, and its optimizer before the first update."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    return NetworkState(
        variables["params"], variables.get(STATISTICS, {}), _moments_before(optimizer, variables["params"])
    )


def _moments_before(optimizer, params):
    """`optimizer.init(params)` as numpy arrays, each of which holds one value throughout: JAX would compile a program
    for every shape."""
    shapes = jax.eval_shape(optimizer.init, params)
    values = optimizer.init(jax.tree.map(lambda leaf: np.zeros((), leaf.dtype), params))
    return jax.tree.map(lambda shape, value: np.broadcast_to(np.asarray(value), shape.shape), shapes, values)


def generate(networks, params, statistics, z, given=TRAINING, key=None):
    """Images of z in training mode, and the statistics that this pass leaves."""
    variables = {"params": params, STATISTICS: statistics}
    images, left = networks.generator.apply(variables, z, given, rngs=_noise(key), mutable=[STATISTICS])
    return images, left.get(STATISTICS, {})


def _noise(key) -> dict[str, Array]:
    return {} if key is None else {"noise": key}


def discriminate(networks, params, statistics, images, given=TRAINING):
    """Returns the discriminator's output for images and the statistics after this pass."""
    variables = {"params": params, STATISTICS: statistics}
    judgement, left = networks.discriminator.apply(variables, images, given, mutable=[STATISTICS])
    return judgement, left.get(STATISTICS, {})


def kernels_of(params) -> list[Array]:
    """The matrices and filters of a network, as they are before any normalization: no biases, no scales."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return [leaf for path, leaf in leaves if path[-1].key == "kernel"]


def norm(tree) -> Array:
    """The root of the sum of squares of all values of a tree."""
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def update_network(config, learning_rate, player: NetworkState, gradients) -> NetworkState:
    """The player after one update of its optimizer."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    updates, moments = optimizer.update(gradients, player.optimizer, player.params)
    return NetworkState(optax.apply_updates(player.params, updates), player.statistics, moments)


def noise_level(config) -> Array | float:
    """The level of the generator's own noise; 0 without."""
    levels = [level for level in (config.generator_noise_std, config.dropout_rate) if level is not None]
    return levels[0] if levels else 0.0


def progress(config, seen: Array | float) -> Array | float:
    """How far networks that grow have come: real images seen in units of fade_images; 0 for others."""
    return 0.0 if config.fade_images is None else seen / config.fade_images


def sampled(config, params, statistics, seen: Array | float, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] of a generator with these weights after so many real images."""
    return made(config, params, statistics, seen, image_shape, key, latents(config, key, count), count)


def latents(config, key: Array, count: int) -> Array:
    """z [count, z_dim] as images are sampled from."""
    return LATENTS[config.latent].sampling(config, key, (count, config.z_dim))


def bound(config) -> Array | float:
    """The largest magnitude of a coordinate of `latents`."""
    return LATENTS[config.latent].bound(config)


def walked(config, params, statistics, seen: Array | float, image_shape, key: Array, count: int) -> Array:
    """images [count, height, width, channels] of one class, from one latent to another at equal angles."""
    z = between(LATENTS[config.latent].sampling(config, key, (2, config.z_dim)), count)
    return made(config, params, statistics, seen, image_shape, key, z, 1)


def between(ends: Array, count: int) -> Array:
    """[count, z_dim]: `slerp` from the first of two latents [2, z_dim] to the second, both included."""
    return slerp(ends[0], ends[1], jnp.linspace(0.0, 1.0, count)[:, None])


def made(config, params, statistics, seen, image_shape, key: Array, z: Array, classes_drawn: int) -> Array:
    """images of z [count, z_dim]; one class drawn for each, or one for all."""
    class_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    classes = None
    if config.classes is not None:
        drawn = jax.random.randint(class_key, (classes_drawn,), 0, config.classes)
        classes = jax.nn.one_hot(jnp.broadcast_to(drawn, len(z)), config.classes)
    given = Context(False, classes, noise_level(config), progress(config, seen))
    generator = build(config, image_shape).generator
    variables = {"params": params, STATISTICS: statistics}
    return cast(Array, generator.apply(variables, z, given, rngs={"noise": noise_key}))
