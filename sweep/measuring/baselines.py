"""Scores of images whose quality is known, to read the scores of a sweep by.

`real`: images of the train split, such as a perfect generator would make. `noise`: Gaussian images with the pixel mean
and covariance of real ones, which a metric that sees must tell from them. `untrained`: images of a generator before its
first step. All are scored as the sweep's trials are: the same metric, reference and number of images.
"""

import functools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from ganscape.metrics import Inversion
from ganscape.metrics.manifold import POOL, Inverted, invert
from ganscape.models import sampling
from ganscape.sweep.measuring.evaluation import (
    CHUNK,
    Evaluator,
    encode_images,
    evaluate,
    sample_and_encode,
    score_features,
    take_originals,
)
from ganscape.sweep.measuring.reference_cache import reference_features
from ganscape.sweep.messages import Baseline, Trial, Workload
from ganscape.sweep.population import Population, on_devices, stack, start_member

MOST_DRAWS = 3
IMAGES = 10_000  # encoded for each kind, unless one draw has more
MOMENTS_IMAGES = 5_000  # real images that noise has the moments of, as far as they fit in MOMENTS_BYTES
MOMENTS_BYTES = 2**28  # of their pixels as floats
COLUMNS = 1024  # pixels of all these images that are floats at a time


def draw_count(samples: int) -> int:
    """Returns how many times each kind of images is drawn and scored, for scores of so many images."""
    return max(1, min(MOST_DRAWS, IMAGES // samples))


def measure(trials: Sequence[Trial], workload: Workload, evaluator: Evaluator) -> Iterator[Baseline]:
    """Yields the baselines of a sweep: those of real images and of noise, and one for each trial before its training.

    Real images of one draw are in no other; there are as many draws as the train split has images for.
    """
    if evaluator.metric.inversion is not None:
        yield from _measure_by_inversion(evaluator.metric.inversion, trials, workload, evaluator)
        return
    train, samples = workload.dataset.train, workload.samples
    order = np.random.default_rng(0).permutation(len(train))
    for draw in range(min(draw_count(samples), len(train) // samples)):
        real = train[order[draw * samples : (draw + 1) * samples]]
        yield Baseline("real", "", draw, score_features(evaluator, reference_features(evaluator.encoder, real)))
    for draw in range(draw_count(samples)):
        noise = gaussian_images(train[order[:MOMENTS_IMAGES]], samples, np.random.default_rng(draw))
        yield Baseline("noise", "", draw, score_features(evaluator, reference_features(evaluator.encoder, noise)))
    for trial in trials:
        originals = None if trial.config.mask is None else evaluator.originals
        parts = untrained_images(trial, workload.dataset.image_shape, samples, originals)
        features = np.concatenate([encode_images(evaluator.encoder, part) for part in parts])[:samples]
        yield Baseline("untrained", str(trial.config.architecture), trial.seed, score_features(evaluator, features))


def _measure_by_inversion(
    inversion: Inversion, trials: Sequence[Trial], workload: Workload, evaluator: Evaluator
) -> Iterator[Baseline]:
    """Yields one baseline of each kind by a metric that searches a generator's latents.

    `real`: train images, and what the search finds among all that the data set is drawn from; none where that is not
    known. `noise` counts as if the search found every image, as Gaussian images come near any: none scores lower.
    """
    train, samples = workload.dataset.train, workload.samples
    order = np.random.default_rng(0).permutation(len(train))

    def score(images: np.ndarray, inverted: Inverted) -> float:
        return inversion.facts(encode_images(evaluator.encoder, images), inverted)[inversion.score]

    if inversion.sampler is not None and samples <= len(train):
        inverted = _invert_sampler(inversion.sampler, inversion.latent_size, evaluator)
        yield Baseline("real", "", 0, score(train[order[:samples]], inverted))
    count = len(evaluator.targets)
    noise = gaussian_images(train[order[:MOMENTS_IMAGES]], samples, np.random.default_rng(0))
    yield Baseline("noise", "", 0, score(noise, Inverted(jnp.zeros(count), jnp.zeros(count, bool))))
    for trial in trials:
        value = _untrained_by_inversion(trial, workload.dataset.image_shape, evaluator)
        yield Baseline("untrained", str(trial.config.architecture), trial.seed, value)


def _invert_sampler(sampler: Callable[[jax.Array], jax.Array], latent_size: int, evaluator: Evaluator) -> Inverted:
    """Returns how near images that the data set is drawn from come to the evaluator's targets."""

    def generate(latents: jax.Array) -> jax.Array:
        return evaluator.encoder.apply(evaluator.parameters, sampler(latents))

    pool = jax.random.uniform(jax.random.key(0), (POOL, latent_size), minval=-1.0)
    return jax.device_get(jax.jit(lambda targets: invert(generate, pool, targets, 1.0))(evaluator.targets))


def _untrained_by_inversion(trial: Trial, image_shape: tuple[int, int, int], evaluator: Evaluator) -> float:
    """Returns the score of a trial's generator before any step, by a metric that searches its latents."""
    population = on_devices(stack([start_member(trial.config, image_shape, trial.key)], 1))
    return evaluate(evaluator, jax.device_get(sample_and_encode(population, evaluator)), 0).value


def gaussian_images(images: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns images of Gaussian noise, uint8 [count, height, width, channels].

    Before it is clipped to 0..255 and rounded, its mean and covariance over all pixels are those of `images`, uint8, of
    which it takes the first that fit in MOMENTS_BYTES.
    """
    size = images[0].size
    pixels = images[: max(2, MOMENTS_BYTES // (4 * size))].reshape(-1, size)
    noise = np.empty((count, size), np.uint8)
    for start_at in range(0, count, CHUNK):
        rows = noise[start_at : start_at + CHUNK]
        # Weighted sums of deviations have their covariance, which itself may not fit in memory.
        weights = rng.standard_normal((len(rows), len(pixels)), np.float32) / np.float32(max(len(pixels) - 1, 1)) ** 0.5
        for first in range(0, size, COLUMNS):  # as floats all pixels would take four times their memory
            part = slice(first, first + COLUMNS)
            deviations = pixels[:, part].astype(np.float32)
            mean = deviations.mean(axis=0)
            deviations -= mean
            rows[:, part] = np.round(np.clip(mean + weights @ deviations, 0, 255))
    return noise.reshape(count, *images.shape[1:])


def untrained_images(
    trial: Trial, image_shape: tuple[int, int, int], count: int, originals: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yields at least `count` images of a trial's generator before any step, float32 in [0, 1], in parts of one size
    [n, height, width, channels].

    originals: uint8, what a generator of family completion completes, as in `Evaluator`.
    """
    member, size = start_member(trial.config, image_shape, trial.key), min(count, CHUNK)
    for number in range(-(-count // CHUNK)):
        known = None if originals is None else take_originals(originals, number * size, size)
        yield np.asarray(_sample(member, jnp.int32(number), known, image_shape=image_shape, count=size))


@functools.partial(jax.jit, static_argnames=("image_shape", "count"))
def _sample(
    member: Population, number: jax.Array, originals: jax.Array | None, *, image_shape: tuple[int, int, int], count: int
) -> jax.Array:
    key = jax.random.fold_in(jax.random.fold_in(member.key, 1), number)
    return sampling.sample(member.config, member.state, image_shape, key, count, originals=originals)
