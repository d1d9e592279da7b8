"""Images from a trained generator, of any family: by fresh latents, by given ones, and between two of them.

A config and a state of its family go in; nothing here changes the state. Batch normalization uses averages of batches,
not the batch at hand (`SAMPLING_STATISTICS` says which averages), and the generator's own noise stays on.
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
from ganscape.models.normalizations import STATISTICS, reset_averages

if TYPE_CHECKING:
    from ganscape.models.config import Config


STANDING_PASSES = 16
# What a batch norm of the generator uses while images are sampled: "running": the running averages of training;
# "standing": averages over STANDING_PASSES fresh batches of latents by the weights as they are now (Brock et al. 2019,
# section 3.2 and appendix A, "standing statistics"). Running averages of momentum 0.999 lag by a thousand updates,
# which is most of a short training.
SAMPLING_STATISTICS = ("running", "standing")


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
    context = Context(False, None, noise_level(config), progress(config, images_seen))
    generator = build(config, image_shape).generator
    if config.sampling_statistics == "standing":
        statistics = _standing(config, generator, params, statistics, context, jax.random.fold_in(key, 2))
    if config.classes is not None:
        context = context._replace(classes=_draw_classes(config, class_key, classes, len(z)))
    variables = {"params": params, STATISTICS: statistics}
    output = cast(Array, generator.apply(variables, z, context, rngs={"noise": noise_key}))
    return family.to_pixels(output)


def _draw_classes(config: "Config", key: Array, drawn: int, count: int) -> Array:
    """Returns one-hot classes [count, classes], of `drawn` uniform draws: count, or one for all."""
    labels = jax.random.randint(key, (drawn,), 0, config.classes)
    return jax.nn.one_hot(jnp.broadcast_to(labels, count), config.classes)


def _standing(config: "Config", generator, params, statistics, context: Context, key: Array) -> Any:
    """Returns the statistics of STANDING_PASSES batches of fresh latents, each of the training's batch size."""

    def one_pass(statistics, key):
        latent_key, class_key, noise_key = jax.random.split(key, 3)
        z = draw_latents(config, latent_key, config.batch_size)
        classes = None
        if config.classes is not None:
            classes = _draw_classes(config, class_key, config.batch_size, config.batch_size)
        variables = {"params": params, STATISTICS: statistics}
        training = context._replace(training=True, classes=classes)
        _, changed = generator.apply(variables, z, training, rngs={"noise": noise_key}, mutable=[STATISTICS])
        return changed[STATISTICS], None

    keys = jax.random.split(key, STANDING_PASSES)
    return jax.lax.scan(one_pass, reset_averages(statistics), keys)[0]
