"""Images from a trained generator, of any family: by fresh latents, by given ones, and between two of them.

A config goes in, and a state of its family or the SamplingWeights of one; nothing here changes them. Batch
normalization uses averages of batches, not the batch at hand (`SAMPLING_STATISTICS` says which averages), and the
generator's own noise stays on.
"""

from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.families import FAMILIES
from ganscape.models.family import SamplingWeights
from ganscape.models.fields import ConfigError
from ganscape.models.forward import Context
from ganscape.models.latents import LATENTS, Latent, draw_normal, draw_within, slerp
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


def sample(
    config: "Config",
    state: Any,
    image_shape: tuple[int, int, int],
    key: Array,
    count: int,
    label: Array | int | None = None,
    truncation: Array | float | None = None,
) -> Array:
    """Returns images [count, height, width, channels] in [0, 1] of fresh latents.

    label: the class of all images; each of a class drawn uniformly by default.
    truncation: the largest magnitude of a latent's coordinates, see `draw_latents`.
    """
    return _images(config, state, image_shape, key, draw_latents(config, key, count, truncation), count, label)


def interpolate(
    config: "Config",
    state: Any,
    image_shape: tuple[int, int, int],
    key: Array,
    count: int,
    label: Array | int | None = None,
    truncation: Array | float | None = None,
) -> Array:
    """Returns images [count, height, width, channels] along the way between two fresh latents, both ends included.

    The latents turn at a constant rate (`slerp`); all images are of one class, `label` or one drawn uniformly.
    """
    ends = draw_latents(config, key, 2, truncation)
    z = slerp(ends[0], ends[1], jnp.linspace(0.0, 1.0, count)[:, None])
    return _images(config, state, image_shape, key, z, 1, label)


def generate(config: "Config", state: Any, image_shape: tuple[int, int, int], key: Array, z: Array) -> Array:
    """Returns the images [count, height, width, channels] of the latents z [count, z_dim].

    One class and the generator's noise are drawn from the key.
    """
    return _images(config, state, image_shape, key, z, 1, None)


def draw_latents(config: "Config", key: Array, count: int, truncation: Array | float | None = None) -> Array:
    """Returns fresh latents [count, z_dim], distributed as for `sample`.

    truncation: in place of the config's own distribution N(0, 1) conditioned on [-truncation, truncation], for a config
      whose latents are normal (the truncation trick of Brock et al. 2019, section 3.1).

    Raises:
      ConfigError: for a truncation where latents are not normal.
    """
    shape = (count, config.z_dim)
    if truncation is None:
        return _latent(config).sampling(config, key, shape)
    if _latent(config).training is not draw_normal:
        raise ConfigError(f"truncation is for normal latents; this config was trained on latent={config.latent!r}")
    return draw_within(truncation, key, shape)


def weights_of(config: "Config", state: Any) -> SamplingWeights:
    """Returns what images are sampled with: of a training state, or the weights themselves if that is what is given."""
    return state if isinstance(state, SamplingWeights) else FAMILIES[config.family].generator_of(config, state)


def latent_bound(config: "Config") -> Array | float:
    """Returns the largest magnitude that a coordinate of `draw_latents` can have, inf if there is none."""
    return _latent(config).bound(config)


def _latent(config: "Config") -> Latent:
    """The config's distribution; a vae's is always N(0, 1), so that it has no such field."""
    return LATENTS[config.latent or "normal"]


def _images(
    config: "Config",
    state: Any,
    image_shape: tuple[int, int, int],
    key: Array,
    z: Array,
    classes: int,
    label: Array | int | None,
) -> Array:
    """The images of z [count, z_dim], of class `label`, else with `classes` classes drawn: count, or one for all."""
    family = FAMILIES[config.family]
    params, statistics, images_seen = weights_of(config, state)
    class_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    context = Context(False, None, noise_level(config), progress(config, images_seen))
    generator = build(config, image_shape).generator
    if config.sampling_statistics == "standing":
        statistics = _standing(config, generator, params, statistics, context, jax.random.fold_in(key, 2))
    if config.classes is not None:
        context = context._replace(classes=_draw_classes(config, class_key, classes, len(z), label))
    elif label is not None:
        raise ConfigError("a class was named, but the config has none; it is not conditional")
    variables = {"params": params, STATISTICS: statistics}
    output = cast(Array, generator.apply(variables, z, context, rngs={"noise": noise_key}))
    return family.to_pixels(output)


def _draw_classes(config: "Config", key: Array, drawn: int, count: int, label: Array | int | None = None) -> Array:
    """Returns one-hot classes [count, classes]: all `label`, else of `drawn` uniform draws: count, or one for all."""
    labels = jax.random.randint(key, (drawn,), 0, config.classes) if label is None else jnp.asarray(label)
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
