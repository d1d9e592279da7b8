"""Discriminator features that depend on the whole batch: functions (module, features) -> features with more appended.

module: the Flax module that calls the function and holds its parameter, if any.
features: [batch, f] or [batch, height, width, f]. New features are appended to the last axis, equal at all pixels of an
image.

A logit then depends on all images of its forward pass, so a gradient penalty differentiates the sum of the logits, as
with batch norm.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.models.initialization import initializer, standard_normal

KERNELS = 50
DIMENSION = 5


def no_batch_features(module: nn.Module, features: Array) -> Array:
    """Returns the features unchanged."""
    return features


def minibatch_discrimination(module: nn.Module, features: Array) -> Array:
    """Appends KERNELS features that measure how close each image is to the other images of the batch.

    o(x_i)_b is the sum over j of exp(-|M_ib - M_jb|_1), M_ib in R^DIMENSION linear in all features of image i.
    j = i is left out as in the authors' code (in the paper it adds 1 for every image). Penalties and projections do not
    count the parameter `minibatch_tensor` [all features, KERNELS, DIMENSION] as a kernel. Its columns start at length
    1 as in that code, which also keeps them there by weight norm and has 100 kernels for CIFAR10.

    Reference: Salimans et al. 2016, section 3.2.
    """
    batch = features.shape[0]
    flat = features.reshape(batch, -1)
    tensor = module.param("minibatch_tensor", initializer(unit_columns), (flat.shape[1], KERNELS, DIMENSION))
    rows = jnp.tensordot(flat, tensor, 1)
    distances = jnp.sum(jnp.abs(rows[:, None] - rows[None]), axis=-1)
    others = ~jnp.eye(batch, dtype=bool)[:, :, None]
    return _append(features, jnp.sum(jnp.exp(-distances), axis=1, where=others))


def unit_columns(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws normal values and divides them by their norm along the first axis."""
    values = standard_normal(generator, shape)
    return values / np.linalg.norm(values, axis=0)


def minibatch_stddev(module: nn.Module, features: Array) -> Array:
    """Appends one feature, equal for all images: the mean over all features of their standard deviation in the batch.

    The deviation is sqrt(1e-8 + mean squared difference from the mean), over the whole batch; the authors'
    code takes groups of 4 images.

    Reference: Karras et al. 2018, section 3.
    """
    variances = jnp.mean((features - jnp.mean(features, axis=0)) ** 2, axis=0)
    return _append(features, jnp.full((features.shape[0], 1), jnp.mean(jnp.sqrt(variances + 1e-8))))


def _append(features: Array, more: Array) -> Array:
    """Appends `more` [batch, k] to the features of every pixel."""
    more = more.reshape(more.shape[0], *[1] * (features.ndim - 2), more.shape[-1])
    return jnp.concatenate([features, jnp.broadcast_to(more, (*features.shape[:-1], more.shape[-1]))], axis=-1)


BATCH_FEATURES = {
    "none": no_batch_features,
    "minibatch_discrimination": minibatch_discrimination,
    "minibatch_stddev": minibatch_stddev,
}
