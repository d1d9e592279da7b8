"""Generates images with a trained generator of any family: from random or given latents, or by completing images.

Functions take a config and a training state of its family, or the SamplingWeights of one; they change neither. Batch
normalization uses averages over earlier batches (`SAMPLING_STATISTICS` says which), and the generator's own noise stays
on.
"""

from typing import TYPE_CHECKING, Any, cast

import jax
import jax.numpy as jnp
from jax import Array

from ganscape.models.architectures import build
from ganscape.models.completion import mask_images
from ganscape.models.families import FAMILIES
from ganscape.models.family import SamplingWeights
from ganscape.models.fields import ConfigError
from ganscape.models.forward import Completion, Context
from ganscape.models.latents import LATENTS, Latent, draw_normal, draw_within, slerp
from ganscape.models.networks import growth_progress, noise_level
from ganscape.models.normalizations import STATISTICS, reset_averages

if TYPE_CHECKING:
    from ganscape.models.config import Config


STANDING_PASSES = 16
# The moments that the generator's batch norm uses in sampling. "running": the running averages of training.
# "standing": averages over STANDING_PASSES batches of random latents with the current weights (Brock et al. 2019,
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
    originals: Array | None = None,
) -> Array:
    """Returns images [count, height, width, channels] in [0, 1] from random latents, in family completion from images
    with holes.

    label: the class of all images; by default each image is of a random class.
    truncation: the largest magnitude of a latent's coordinates, see `draw_latents`.
    originals: the images to complete, `count` of them, see `complete`; other families do not use them.

    Raises:
      ConfigError: in family completion without originals, with a label or a truncation.
    """
    if config.mask is not None:
        if originals is None:
            raise ConfigError(f"a generator of family {config.family!r} completes images; none were given")
        if label is not None or truncation is not None:
            given = "label" if truncation is None else "truncation"
            raise ConfigError(f"{given} means nothing to a generator of family {config.family!r}: it completes images")
        return complete(config, state, key, originals)[1].completed
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
    """Returns images [count, height, width, channels] along the path between two random latents, both included.

    The path is a spherical interpolation (`slerp`). All images are of one class: `label`, by default a random one.

    Raises:
      ConfigError: in family completion, which has no latents.
    """
    if config.mask is not None:
        raise ConfigError(
            f"a generator of family {config.family!r} completes images: it has no latents to walk between"
        )
    ends = draw_latents(config, key, 2, truncation)
    z = slerp(ends[0], ends[1], jnp.linspace(0.0, 1.0, count)[:, None])
    return _images(config, state, image_shape, key, z, 1, label)


def generate(config: "Config", state: Any, image_shape: tuple[int, int, int], key: Array, z: Array) -> Array:
    """Returns the images [count, height, width, channels] for the latents z [count, z_dim].

    All images are of one class, drawn from the key, as is the generator's noise.
    """
    return _images(config, state, image_shape, key, z, 1, None)


def complete(config: "Config", state: Any, key: Array, originals: Array) -> tuple[Array, Completion]:
    """Returns the masked images that a generator of family completion gets, and what it makes of them.

    originals: images [count, height, width, channels] in [0, 1]; the holes are drawn from the key, as is the
      generator's noise.
    """
    params, statistics, _ = weights_of(config, state)
    mask_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    masked = mask_images(config, originals, mask_key)
    _, height, width, channels = originals.shape
    generator = build(config, (height, width, channels)).generator
    variables, context = {"params": params, STATISTICS: statistics}, Context(False, None, noise_level(config))
    return masked, cast(Completion, generator.apply(variables, masked, context, rngs={"noise": noise_key}))


def draw_latents(config: "Config", key: Array, count: int, truncation: Array | float | None = None) -> Array:
    """Returns random latents [count, z_dim] from the config's distribution for sampling.

    truncation: if given, draws from N(0, 1) conditioned on [-truncation, truncation] instead (the truncation trick of
      Brock et al. 2019, section 3.1); only for configs trained on normal latents.

    Raises:
      ConfigError: for a truncation of latents that are not normal.
    """
    shape = (count, config.z_dim)
    if truncation is None:
        return _latent(config).sampling(config, key, shape)
    if _latent(config).training is not draw_normal:
        raise ConfigError(f"truncation is for normal latents; this config was trained on latent={config.latent!r}")
    return draw_within(truncation, key, shape)


def weights_of(config: "Config", state: Any) -> SamplingWeights:
    """Returns the SamplingWeights of a training state; SamplingWeights are returned unchanged."""
    return state if isinstance(state, SamplingWeights) else FAMILIES[config.family].generator_of(config, state)


def latent_bound(config: "Config") -> Array | float:
    """Returns the largest magnitude that a coordinate of `draw_latents` can have, inf if there is none."""
    return _latent(config).bound(config)


def _latent(config: "Config") -> Latent:
    """Returns the config's latent distribution. Family vae has no such field: it is always N(0, 1)."""
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
    """Returns the images for z [count, z_dim], of class `label` or of `classes` (count or 1) random ones."""
    family = FAMILIES[config.family]
    params, statistics, images_seen = weights_of(config, state)
    class_key, noise_key = jax.random.split(jax.random.fold_in(key, 1))
    context = Context(False, None, noise_level(config), growth_progress(config, images_seen))
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


def _draw_classes(config: "Config", key: Array, draws: int, count: int, label: Array | int | None = None) -> Array:
    """Returns one-hot classes [count, classes]: all `label`, or random ones from `draws` draws: count, or 1 for all."""
    labels = jax.random.randint(key, (draws,), 0, config.classes) if label is None else jnp.asarray(label)
    return jax.nn.one_hot(jnp.broadcast_to(labels, count), config.classes)


def _standing(config: "Config", generator, params, statistics, context: Context, key: Array) -> Any:
    """Returns the statistics with averages over STANDING_PASSES batches of random latents, batch_size each."""

    def one_pass(statistics, key):
        latent_key, class_key, noise_key = jax.random.split(key, 3)
        z = draw_latents(config, latent_key, config.batch_size)
        classes = None
        if config.classes is not None:
            classes = _draw_classes(config, class_key, config.batch_size, config.batch_size)
        variables = {"params": params, STATISTICS: statistics}
        training = context._replace(training=True, classes=classes)
        _, updated = generator.apply(variables, z, training, rngs={"noise": noise_key}, mutable=[STATISTICS])
        return updated[STATISTICS], None

    keys = jax.random.split(key, STANDING_PASSES)
    return jax.lax.scan(one_pass, reset_averages(statistics), keys)[0]
