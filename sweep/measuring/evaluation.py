"""Sample every member, encode, compare: from a population to one score per member."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.metrics import Metric, find_metric, make_encoder
from ganscape.metrics.encoders import Encoder
from ganscape.metrics.manifold import POOL, Inverted, invert
from ganscape.models import sampling
from ganscape.sweep.measuring.diagnostics import spread
from ganscape.sweep.population import Population, over_members

CHUNK = 512
GRID = 64
WALKS, WALK = 4, 8


class Evaluator(NamedTuple):
    """What scores are computed with; made once per worker.

    parameters: the encoder's, on the device. targets: the images [n, dimension] whose latents are looked for; none for
    most metrics. spread: that of the reference's features.
    """

    metric: Metric
    encoder: Encoder
    parameters: Any
    reference: Any
    targets: Array
    samples: int
    image_shape: tuple[int, int, int]
    spread: float


class Sampled(NamedTuple):
    """What a population made of its latents; zeros for halted members.

    features: [members, samples, dimension]. images: to look at, uint8
    [members, GRID + WALKS * WALK, height, width, channels]: the first samples, then walks of WALK images from one
    latent to another. inverted: how near each member comes to the evaluator's targets.
    """

    features: Array | np.ndarray
    images: Array | np.ndarray
    inverted: Inverted


class Evaluation(NamedTuple):
    """A member's score, and what else was found on the way to it."""

    value: float
    facts: dict[str, float]


def evaluator(
    metric: str, images: np.ndarray, samples: int, encode: Callable[[Encoder, np.ndarray], np.ndarray] | None = None
) -> Evaluator:
    """The evaluator of a metric against these reference images, uint8 [n, height, width, channels].

    encode: what makes features of them, `encoded` by default.
    """
    encoder, chosen = make_encoder(metric, images.shape[1:]), find_metric(metric)
    parameters = jax.device_put(encoder.parameters)
    features = (encode or encoded)(encoder, images)
    targets = chosen.inversion.targets(features, samples) if chosen.inversion else features[:0]
    return Evaluator(
        chosen,
        encoder,
        parameters,
        chosen.summarise(features),
        jnp.asarray(targets, jnp.float32),
        samples,
        images.shape[1:],
        spread(features),
    )


def encoded(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    """Features [n, dimension] of stored images [n, height, width, channels], uint8 or floats in [0, 1].

    In batches of one size, so that one program is compiled; the last is filled up with copies of its last image.
    """
    parameters = jax.device_put(encoder.parameters)
    scale = np.float32(255 if images.dtype == np.uint8 else 1)
    size = math.ceil(len(images) / math.ceil(len(images) / CHUNK))
    features = np.empty((len(images), encoder.dimension), np.float32)
    for at in range(0, len(images), size):
        places = np.minimum(np.arange(at, at + size), len(images) - 1)
        part = images[places].astype(np.float32) / scale
        features[at : at + size] = np.asarray(_applied(parameters, part, apply=encoder.apply))[: len(images) - at]
    return features


@functools.partial(jax.jit, static_argnames="apply")
def _applied(parameters: Any, images: Array, *, apply) -> Array:
    return apply(parameters, images)


def sample_and_encode(population: Population, evaluator: Evaluator) -> Sampled:
    """What every member makes now, CHUNK images at a time, one member after the other: halted ones cost nothing."""
    return _sample_and_encode(
        population,
        evaluator.parameters,
        evaluator.targets,
        apply=evaluator.encoder.apply,
        samples=evaluator.samples,
        image_shape=evaluator.image_shape,
    )


@functools.partial(jax.jit, static_argnames=("apply", "samples", "image_shape"))
def _sample_and_encode(population, parameters, targets, *, apply, samples, image_shape):
    chunks = math.ceil(samples / CHUNK)
    count = math.ceil(max(samples, GRID) / chunks)

    def one(member: Population) -> Sampled:
        sampling_key = jax.random.fold_in(member.key, 2 * member.cycle + 1)

        def chunk(number):
            key = jax.random.fold_in(sampling_key, number)
            images = sampling.sample(member.config, member.state, image_shape, key, count)
            return apply(parameters, images), _stored(images[:GRID])

        def walk(number):
            key = jax.random.fold_in(sampling_key, number)
            return _stored(sampling.interpolate(member.config, member.state, image_shape, key, WALK))

        features, shown = jax.lax.map(chunk, jnp.arange(chunks))
        walks = jax.lax.map(walk, chunks + jnp.arange(WALKS)).reshape(-1, *image_shape)
        inversion_key = jax.random.fold_in(sampling_key, chunks + WALKS)
        found = _inverted(member, parameters, targets, apply, image_shape, inversion_key)
        return Sampled(features.reshape(-1, features.shape[-1])[:samples], jnp.concatenate([shown[0], walks]), found)

    def one_running(member: Population) -> Sampled:
        shapes = jax.eval_shape(one, member)
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.cond(member.halted, lambda _: nothing, one, member)

    return over_members(one_running, population, 1)


def _inverted(member: Population, parameters, targets: Array, apply, image_shape, key: Array) -> Inverted:
    if not len(targets):
        return Inverted(jnp.zeros(0), jnp.zeros(0, bool))
    pool_key, noise_key = jax.random.split(key)

    def generate(z: Array) -> Array:
        return apply(parameters, sampling.generate(member.config, member.state, image_shape, noise_key, z))

    pool = sampling.draw_latents(member.config, pool_key, POOL)
    return invert(generate, pool, targets, sampling.latent_bound(member.config))


def _stored(images: Array) -> Array:
    return jnp.round(jnp.clip(images, 0.0, 1.0) * 255.0).astype(jnp.uint8)


def judge(evaluator: Evaluator, sampled: Sampled, place: int) -> Evaluation:
    """The score of the member at a place of what was sampled, with its diversity and the metric's own facts.

    Raises:
      MetricError: for non-finite features.
    """
    features, asked = np.asarray(sampled.features[place]), evaluator.metric.inversion
    if asked is None:
        value, facts = score(evaluator, features), {}
    else:
        facts = asked.facts(features, jax.tree.map(lambda leaf: leaf[place], sampled.inverted))
        value = facts.pop(asked.score)
    return Evaluation(value, {"diversity": diversity(evaluator, features), **facts})


def score(evaluator: Evaluator, features: np.ndarray) -> float:
    """The metric of one member's features [samples, dimension], for metrics that need no more.

    Raises:
      MetricError: for non-finite features.
    """
    return evaluator.metric.compare(evaluator.reference, features)


def diversity(evaluator: Evaluator, features: np.ndarray) -> float:
    """How much one member's features [samples, dimension] vary, over how much the reference's do; 1 where those
    do not vary at all."""
    return spread(features) / evaluator.spread if evaluator.spread > 0.0 else 1.0
