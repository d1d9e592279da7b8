"""Images from a trained generator, of any family: by fresh latents, by given ones, and between two of them.

A config and a state of its family go in; nothing here changes the state. Normalizations go by what they have learnt in
training, not by the batch, and the generator's own noise stays on.
"""

from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.families import FAMILIES
from ganscape.models.forward import Context
from ganscape.models.latents import LATENTS, Latent, slerp
from ganscape.models.networks import noise_level, progress
from ganscape.models.normalizations import STATISTICS

if TYPE_CHECKING:
    from ganscape.models.config import Config


def sample(config: "Config", state: Any, image_shape: tuple[int, int, int], key: Array, count: int) -> Array:
    """Returns images [count, height, width, channels] in [0, 1] of fresh latents, each of a class drawn uniformly."""
    return _images(config, state, image_shape, key, draw_latents(config, key, count), classes=count)


def interpolate(config: "Config", state: Any, image_shape: tuple[int, int, int], key: Array, count: int) -> Array:
    """Returns images [count, height, width, channels] along the way between two fresh latents, both ends included.

    The latents turn at a constant rate (`slerp`); all images are of one class, drawn uniformly.
    """
    ends = draw_latents(config, key, 2)
    z = slerp(ends[0], ends[1], jnp.linspace(0.0, 1.0, count)[:, None])
    return _images(config, state, image_shape, key, z, classes=1)


def generate(config: "Config", state: Any, image_shape: tuple[int, int, int], key: Array, z: Array) -> Array:
    """Returns the images [count, height, width, channels] of the latents z [count, z_dim].

    One class and the generator's noise are drawn from the key.
    """
    return _images(config, state, image_shape, key, z, classes=1)


def draw_latents(config: "Config", key: Array, count: int) -> Array:
    """Returns fresh latents [count, z_dim], distributed as for `sample`."""
    return _latent(config).sampling(config, key, (count, config.z_dim))


def latent_bound(config: "Config") -> Array | float:
    """Returns the largest magnitude that a coordinate of `draw_latents` can have, inf if there is none."""
    return _latent(config).bound(config)


def _latent(config: "Config") -> Latent:
    """The config's distribution; a vae's is always N(0, 1), so that it has no such field."""
    return LATENTS[config.latent or "normal"]


def _images(
    config: "Config", state: Any, image_shape: tuple[int, int, int], key: Array, z: Array, classes: int
) -> Array:
    """The images of z [count, z_dim], with `classes` classes drawn: count, or one for all."""
    family = FAMILIES[config.family]
    params, statistics, images_seen = family.generator_of(config, state)
    class_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    one_hot = None
    if config.classes is not None:
        labels = jax.random.randint(class_key, (classes,), 0, config.classes)
        one_hot = jax.nn.one_hot(jnp.broadcast_to(labels, len(z)), config.classes)
    context = Context(False, one_hot, noise_level(config), progress(config, images_seen))
    generator = build(config, image_shape).generator
    variables = {"params": params, STATISTICS: statistics}
    output = cast(Array, generator.apply(variables, z, context, rngs={"noise": noise_key}))
    return family.to_pixels(output)
