"""Sample every member, encode, compare: from a population to one score per member."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from metrics import Metric, encoder_of, metric_named
from metrics.encoders import Encoder
from models import METHODS
from sweep.population import Population, over_members
from sweep.signs import spread

CHUNK = 512
GRID = 64


class Evaluator(NamedTuple):
    """What scores are computed with; made once per worker. spread: that of the reference's features."""

    metric: Metric
    encoder: Encoder
    reference: Any
    samples: int
    image_shape: tuple[int, int, int]
    spread: float


def evaluator(metric: str, images: np.ndarray, samples: int) -> Evaluator:
    """The evaluator of a metric against these reference images, uint8 [n, height, width, channels]."""
    encoder = encoder_of(metric, images.shape[1:])
    features = encoded(encoder, images)
    reference = metric_named(metric).summarise(features)
    return Evaluator(metric_named(metric), encoder, reference, samples, images.shape[1:], spread(features))


def encoded(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    """Features [n, dimension] of stored images [n, height, width, channels], uint8 or floats in [0, 1]."""
    encode = jax.jit(encoder.encode)
    scale = np.float32(255 if images.dtype == np.uint8 else 1)
    chunks = np.array_split(images, math.ceil(len(images) / CHUNK))
    return np.concatenate([np.asarray(encode(part.astype(np.float32) / scale)) for part in chunks])


def sample_and_encode(population: Population, evaluator: Evaluator, *, lanes: int):
    """Features [members, samples, dimension] and the first images of each member, uint8
    [members, GRID, height, width, channels]; zeros for halted members."""
    return _sample_and_encode(
        population,
        encode=evaluator.encoder.encode,
        samples=evaluator.samples,
        image_shape=evaluator.image_shape,
        lanes=lanes,
    )


@functools.partial(jax.jit, static_argnames=("encode", "samples", "image_shape", "lanes"))
def _sample_and_encode(population, *, encode, samples, image_shape, lanes):
    chunks = math.ceil(samples / CHUNK)
    count = math.ceil(max(samples, GRID) / chunks)

    def one(member: Population) -> tuple[Array, Array]:
        sampling_key = jax.random.fold_in(member.key, 2 * member.cycle + 1)

        def chunk(number):
            key = jax.random.fold_in(sampling_key, number)
            sample = METHODS[member.config.family].sample
            images = sample(member.config, member.state, image_shape, key, count)
            shown = jnp.round(jnp.clip(images[:GRID], 0.0, 1.0) * 255.0).astype(jnp.uint8)
            return encode(images), shown

        features, shown = jax.lax.map(chunk, jnp.arange(chunks))
        return features.reshape(-1, features.shape[-1])[:samples], shown[0]

    def one_running(member: Population):
        shapes = jax.eval_shape(one, member)
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.cond(member.halted, lambda _: nothing, one, member)

    return over_members(one_running, population, lanes)


def score(evaluator: Evaluator, features: np.ndarray) -> float:
    """The metric of one member's features [samples, dimension].

    Raises:
      MetricError: for non-finite features.
    """
    return evaluator.metric.compare(evaluator.reference, features)


def diversity(evaluator: Evaluator, features: np.ndarray) -> float:
    """How much one member's features [samples, dimension] vary, over how much the reference's do; 1 where those
    do not vary at all."""
    return spread(features) / evaluator.spread if evaluator.spread > 0.0 else 1.0
