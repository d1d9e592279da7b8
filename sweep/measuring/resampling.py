"""A kept generator once more: the same images that were scored, others, and further scores."""

import itertools
from collections.abc import Iterator

import jax
import numpy as np
from jax import Array

from ganscape.models.generator_file import SavedGenerator
from ganscape.sweep.measuring.evaluation import (
    WALK,
    WALKS,
    Evaluation,
    Evaluator,
    chunks_of,
    evaluate,
    key_of_samples,
    sample_and_encode,
    to_pixels,
)
from ganscape.sweep.population import Population, on_devices, stack

OTHER_DRAWS = 2**32 - 1  # no number of a chunk


def key_of(generator: SavedGenerator, seed: int | None = None) -> Array:
    """Returns the key of the samples that a generator of a sweep was scored by, of other ones for a seed."""
    key = key_of_samples(np.asarray(generator.card["key"], np.uint32), generator.card["cycle"])
    return key if seed is None else jax.random.fold_in(jax.random.fold_in(key, OTHER_DRAWS), seed)


def score_again(generator: SavedGenerator, evaluator: Evaluator, seed: int | None = None) -> Evaluation:
    """Returns the score of a generator by the samples that it was scored by in its sweep, of other ones for a seed.

    With the evaluator of the sweep and no seed that is the sweep's own score to the last bit, on the same machine.
    """
    key = np.asarray(generator.card["key"], np.uint32)
    if seed is not None:
        key = np.asarray(jax.random.fold_in(jax.random.fold_in(key, OTHER_DRAWS), seed))
    no = np.bool_(False)
    member = Population(generator.traced, generator.weights, key, np.int32(generator.card["cycle"]), no, np.bool_(True))
    sampled = sample_and_encode(on_devices(stack([member], 1)), evaluator)
    return evaluate(evaluator, jax.device_get(sampled), 0)


def images_of(
    generator: SavedGenerator,
    samples: int,
    count: int,
    *,
    seed: int | None = None,
    label: int | None = None,
    truncation: float | None = None,
    walk: bool = False,
) -> Iterator[np.ndarray]:
    """Yields `count` images, uint8 [n, height, width, channels], a chunk at a time.

    Args:
      samples: how many a score of the sweep has; the first `samples` images of the default draw are those scored.
      seed: of another draw than the one that was scored.
      label, truncation: as in SavedGenerator.
      walk: every WALK images lead from one latent to another.
    """
    key, (chunks, size) = key_of(generator, seed), chunks_of(samples)
    make = generator.walk if walk else generator
    if walk:
        size = WALK
    for number in itertools.count():
        if count <= 0:
            return
        # The numbers after those of the samples belong to the score's walks and inversion.
        if walk or number >= chunks:
            number += chunks if walk else WALKS + 1
        images = make(jax.random.fold_in(key, number), size, label=label, truncation=truncation)
        yield np.asarray(_pixels(images))[:count]
        count -= size


_pixels = jax.jit(to_pixels)
