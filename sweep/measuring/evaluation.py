"""Evaluation: samples of every member of a population, their features, and one score per member."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.environment import check_platforms, pinned_jax
from ganscape.metrics import Metric, find_metric, make_encoder
from ganscape.metrics.encoders import Encoder
from ganscape.metrics.manifold import POOL, Inverted, invert
from ganscape.models import sampling
from ganscape.sweep.measuring.diagnostics import feature_variance
from ganscape.sweep.measuring.further import FurtherMetric, prepare_further, score_further
from ganscape.sweep.population import Population, over_members
from ganscape.sweep.proof import check_headroom

CHUNK = 512
GRID = 64
WALKS, WALK = 4, 8


class Evaluator(NamedTuple):
    """Everything that scores of a sweep are computed with; a worker builds it once.

    parameters: the encoder's, on the device. targets: features [n, dimension] of the images that `invert` approximates;
    empty for most metrics. feature_variance: that of the reference's features. further: metrics that score the same
    samples; further_encoders: those that they need besides `encoder`, with their parameters. originals: reference
    images, uint8, that generators of family completion complete: sample i is of image i, and after the last comes the
    first.
    """

    metric: Metric
    encoder: Encoder
    parameters: Any
    reference: Any
    targets: Array
    samples: int
    image_shape: tuple[int, int, int]
    feature_variance: float
    further: tuple[FurtherMetric, ...] = ()
    further_encoders: tuple[Encoder, ...] = ()
    further_parameters: tuple[Any, ...] = ()
    originals: np.ndarray = np.zeros((0, 1, 1, 1), np.uint8)


class Sampled(NamedTuple):
    """Samples of a population; zeros for halted members.

    features: [members, samples, dimension]. images: to look at, uint8
    [members, GRID + WALKS * WALK, height, width, channels]: the first samples, then walks of WALK images from one
    latent to another, of a family without latents `stages`. inverted: how near each member comes to the evaluator's
    targets. further_features: those of the further encoders, in their order.
    """

    features: Array | np.ndarray
    images: Array | np.ndarray
    inverted: Inverted
    further_features: tuple[Array | np.ndarray, ...] = ()


class Evaluation(NamedTuple):
    """A member's score, and further quantities by name: `diversity` and those of the metric.

    further: (metric, score) of the same samples by each further metric of the evaluator, as far as they have one.
    """

    value: float
    facts: dict[str, float]
    further: tuple[tuple[str, float], ...] = ()


def evaluator(
    metric: str,
    images: np.ndarray,
    samples: int,
    encode: Callable[[Encoder, np.ndarray], np.ndarray] | None = None,
    further: Sequence[str] = (),
) -> Evaluator:
    """Returns the evaluator of a metric against reference images, uint8 [n, height, width, channels].

    encode: (encoder, images) -> features, such as a cache of them; `encode_images` by default.
    further: metrics by which the same samples are scored too; none that needs the generator.
    """
    encoder, chosen = make_encoder(metric, images.shape[1:]), find_metric(metric)
    check_platforms()
    parameters = jax.device_put(encoder.parameters)
    features = (encode or encode_images)(encoder, images)
    targets = chosen.inversion.targets(features, samples) if chosen.inversion else features[:0]
    return Evaluator(
        chosen,
        encoder,
        parameters,
        chosen.summarise(features),
        jnp.asarray(targets, jnp.float32),
        samples,
        images.shape[1:],
        feature_variance(features),
        *prepare_further(further, chosen.encoder, features, images, encode or encode_images),
        originals=np.asarray(images[: max(samples, GRID)]),
    )


def encode_images(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    """Returns features [n, dimension], float32, of images [n, height, width, channels], uint8 or floats in [0, 1].

    All batches have one size, so that one program is compiled; the last is filled up with copies of its last image.
    """
    check_platforms()
    parameters = jax.device_put(encoder.parameters)
    scale = np.float32(255 if images.dtype == np.uint8 else 1)
    size = math.ceil(len(images) / math.ceil(len(images) / CHUNK))
    features = np.empty((len(images), encoder.dimension), np.float32)
    for at in range(0, len(images), size):
        indices = np.minimum(np.arange(at, at + size), len(images) - 1)
        part = images[indices].astype(np.float32) / scale
        with pinned_jax():  # this may be a user's process, with other options of JAX
            encoded = np.asarray(_applied(parameters, part, apply=encoder.apply))
        features[at : at + size] = encoded[: len(images) - at]
    check_headroom()
    return features


@functools.partial(jax.jit, static_argnames="apply")
def _applied(parameters: Any, images: Array, *, apply) -> Array:
    return apply(parameters, images)


def sample_and_encode(population: Population, evaluator: Evaluator) -> Sampled:
    """Samples every member and encodes its images, CHUNK at a time, one member after the other.

    Halted members cost nothing. The samples depend on a member's key and cycle alone.
    """
    return _sample_and_encode(
        population,
        (evaluator.parameters, *evaluator.further_parameters),
        evaluator.targets,
        None if population.config.mask is None else evaluator.originals,
        applies=(evaluator.encoder.apply, *(encoder.apply for encoder in evaluator.further_encoders)),
        samples=evaluator.samples,
        image_shape=evaluator.image_shape,
    )


def key_of_samples(key: Array | np.ndarray, cycle: Any) -> Array:
    """Returns the key of the samples that a member with this key is scored by after so many cycles. Its chunks are
    numbered by `fold_in`: first those of the samples, then WALKS walks, then the inversion."""
    return jax.random.fold_in(key, 2 * cycle + 1)


def chunks_of(samples: int) -> tuple[int, int]:
    """Returns in how many chunks so many samples are made, and how many images a chunk has."""
    chunks = math.ceil(samples / CHUNK)
    return chunks, math.ceil(max(samples, GRID) / chunks)


@functools.partial(jax.jit, static_argnames=("applies", "samples", "image_shape"))
def _sample_and_encode(population, parameters, targets, originals, *, applies, samples, image_shape):
    chunks, count = chunks_of(samples)

    # Inlined: its shapes and its branch of the condition below are then traced once, to the same program.
    @functools.partial(jax.jit, inline=True)
    def one(member: Population) -> Sampled:
        sampling_key = key_of_samples(member.key, member.cycle)

        def chunk(number):
            key = jax.random.fold_in(sampling_key, number)
            known = None if originals is None else take_originals(originals, number * count, count)
            images = sampling.sample(member.config, member.state, image_shape, key, count, originals=known)
            features = tuple(apply(values, images) for apply, values in zip(applies, parameters, strict=True))
            return features, to_pixels(images[:GRID])

        def walk(number):
            key = jax.random.fold_in(sampling_key, number)
            return to_pixels(sampling.interpolate(member.config, member.state, image_shape, key, WALK))

        features, images = jax.lax.map(chunk, jnp.arange(chunks))
        if originals is None:
            walks = jax.lax.map(walk, chunks + jnp.arange(WALKS)).reshape(-1, *image_shape)
        else:
            walks = stages(member, take_originals(originals, 0, WALK), jax.random.fold_in(sampling_key, chunks))
        inversion_key = jax.random.fold_in(sampling_key, chunks + WALKS)
        inverted = _inverted(member, parameters[0], targets, applies[0], image_shape, inversion_key)
        first, *further = (chunks.reshape(-1, chunks.shape[-1])[:samples] for chunks in features)
        return Sampled(first, jnp.concatenate([images[0], walks]), inverted, tuple(further))

    def one_running(member: Population) -> Sampled:
        shapes = jax.eval_shape(one, member)
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.cond(member.halted, lambda _: nothing, one, member)

    return over_members(one_running, population, 1)


def take_originals(originals: Array | np.ndarray, start: Any, count: int) -> Array:
    """Returns `count` images [count, height, width, channels], float32 in [0, 1], of uint8 originals from position
    `start` on; after the last comes the first."""
    positions = (start + jnp.arange(count)) % len(originals)
    return jnp.asarray(originals)[positions].astype(jnp.float32) / 255.0


def stages(member: Population, originals: Array, key: Array) -> Array:
    """Returns how a generator of family completion completes WALK images: the masked images, the whole outputs of its
    last network, the completed images and the originals, together uint8 [WALKS * WALK, height, width, channels]."""
    masked, completion = sampling.complete(member.config, member.state, key, originals)
    return to_pixels(jnp.concatenate([masked[..., :-1], completion.outputs[-1], completion.completed, originals]))


def _inverted(member: Population, parameters, targets: Array, apply, image_shape, key: Array) -> Inverted:
    if not len(targets):
        return Inverted(jnp.zeros(0), jnp.zeros(0, bool))
    pool_key, noise_key = jax.random.split(key)

    def generate(z: Array) -> Array:
        return apply(parameters, sampling.generate(member.config, member.state, image_shape, noise_key, z))

    pool = sampling.draw_latents(member.config, pool_key, POOL)
    return invert(generate, pool, targets, sampling.latent_bound(member.config))


def to_pixels(images: Array) -> Array:
    """Returns images in [0, 1] as uint8."""
    return jnp.round(jnp.clip(images, 0.0, 1.0) * 255.0).astype(jnp.uint8)


def evaluate(evaluator: Evaluator, sampled: Sampled, slot: int) -> Evaluation:
    """Returns the score of the member in a slot of `sampled`, with its diversity and the metric's own quantities.

    Raises:
      MetricError: for non-finite features.
    """
    features, inversion = np.asarray(sampled.features[slot]), evaluator.metric.inversion
    if inversion is None:
        value, facts = score_features(evaluator, features), {}
    else:
        facts = inversion.facts(features, jax.tree.map(lambda leaf: leaf[slot], sampled.inverted))
        value = facts.pop(inversion.score)
    all_features = [np.asarray(encoded[slot]) for encoded in (sampled.features, *sampled.further_features)]
    further = score_further(evaluator.further, all_features)
    return Evaluation(value, {"diversity": relative_variance(evaluator, features), **facts}, further)


def score_features(evaluator: Evaluator, features: np.ndarray) -> float:
    """Returns the metric of one member's features [samples, dimension], for metrics that need features alone.

    Raises:
      MetricError: for non-finite features.
    """
    return evaluator.metric.compare(evaluator.reference, features)


def relative_variance(evaluator: Evaluator, features: np.ndarray) -> float:
    """Returns the variance of one member's features [samples, dimension] over the reference's; 1 if that is 0."""
    return feature_variance(features) / evaluator.feature_variance if evaluator.feature_variance > 0.0 else 1.0
