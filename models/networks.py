"""Initialises, applies and updates one network; shared by all families."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.forward import TRAINING
from ganscape.models.initialization import initialise
from ganscape.models.normalizations import STATISTICS
from ganscape.models.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from ganscape.models.config import Config


class NetworkState(NamedTuple):
    """All that training changes in one network.

    params: its weights.
    statistics: what its forward passes update: batch-norm averages, spectral-norm vectors.
    optimizer: the state of its optimizer.
    """

    params: Any
    statistics: Any
    optimizer: Any


def init_networks(config: "Config", image_shape, key) -> tuple[NetworkState, NetworkState]:
    """Returns the initial generator and discriminator (of a vae decoder and encoder) as numpy arrays, drawn from key
    (uint32 [2])."""
    networks, shapes, words = build(config, image_shape), input_shapes(config, image_shape), np.asarray(key)
    generator, discriminator = (
        initialise(network, np.append(words, stream), shape, classes=config.classes)
        for stream, (network, shape) in enumerate(zip(networks, shapes, strict=True))
    )
    return init_network(generator, config, config.g_lr), init_network(discriminator, config, config.d_lr)


def input_shapes(config: "Config", image_shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the shapes of the training inputs of generator and discriminator: z, or masked images with their masks,
    and batches of packed images."""
    height, width, channels = image_shape
    packing = config.packing or 1
    latents = (config.batch_size, config.z_dim)
    masked = (config.batch_size, height, width, channels + 1)
    return latents if config.mask is None else masked, (config.batch_size // packing, height, width, packing * channels)


def init_network(variables, config: "Config", learning_rate) -> NetworkState:
    """Returns the state of a network with these Flax variables and a new optimizer."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    return NetworkState(
        variables["params"], variables.get(STATISTICS, {}), _init_optimizer(optimizer, variables["params"])
    )


def _init_optimizer(optimizer, params):
    """Returns `optimizer.init(params)` as numpy arrays.

    Initialises for scalar weights and broadcasts, because JAX would compile a program for every shape.
    """
    shapes = jax.eval_shape(optimizer.init, params)
    values = optimizer.init(jax.tree.map(lambda leaf: np.zeros((), leaf.dtype), params))
    return jax.tree.map(lambda shape, value: np.broadcast_to(np.asarray(value), shape.shape), shapes, values)


def apply_generator(networks, params, statistics, z, context=TRAINING, key=None):
    """Returns the generator's output for latents z in training mode, and its statistics after this pass.

    key: the source of the generator's own noise; may be None for networks without it.
    """
    variables = {"params": params, STATISTICS: statistics}
    output, updated = networks.generator.apply(variables, z, context, rngs=_noise(key), mutable=[STATISTICS])
    return output, updated.get(STATISTICS, {})


def _noise(key) -> dict[str, Array]:
    return {} if key is None else {"noise": key}


def apply_discriminator(networks, params, statistics, images, context=TRAINING):
    """Returns the discriminator's output for images in training mode, and its statistics after this pass."""
    variables = {"params": params, STATISTICS: statistics}
    output, updated = networks.discriminator.apply(variables, images, context, mutable=[STATISTICS])
    return output, updated.get(STATISTICS, {})


def kernels_of(params) -> list[Array]:
    """Returns all kernels of a network as they are stored, before normalization; no biases and scales."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return [leaf for path, leaf in leaves if path[-1].key == "kernel"]


def global_norm(tree) -> Array:
    """Returns the Euclidean norm of all values of a tree together."""
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def update_network(config: "Config", learning_rate, network: NetworkState, gradients) -> NetworkState:
    """Returns the network after one step of its optimizer along these gradients."""
    optimizer = OPTIMIZERS[config.optimizer](config, learning_rate)
    updates, moments = optimizer.update(gradients, network.optimizer, network.params)
    return NetworkState(optax.apply_updates(network.params, updates), network.statistics, moments)


def noise_level(config: "Config") -> Array | float:
    """Returns the standard deviation or dropout rate of the generator's own noise, 0 without noise."""
    levels = [level for level in (config.generator_noise_std, config.dropout_rate) if level is not None]
    return levels[0] if levels else 0.0


def growth_progress(config: "Config", images_seen: Array | float) -> Array | float:
    """Returns how far growing networks have grown: real images seen, in units of fade_images. 0 for other networks."""
    return 0.0 if config.fade_images is None else images_seen / config.fade_images
