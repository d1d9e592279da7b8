"""A kept generator once more: the same images that were scored, others, and further scores."""

import itertools
from collections.abc import Iterator

import jax
import numpy as np

from ganscape.models.generator_file import SavedGenerator
from ganscape.sweep.measuring.evaluation import (
    WALK,
    WALKS,
    Evaluation,
    Evaluator,
    Sampled,
    chunks_of,
    evaluate,
    key_of_samples,
    sample_and_encode,
    take_originals,
    to_pixels,
)
from ganscape.sweep.population import Population, on_devices, stack

OTHER_DRAWS = 2**32 - 1  # no number of a chunk


def key_of_draw(generator: SavedGenerator, seed: int | None = None) -> np.ndarray:
    """Returns the key of the trial that a generator of a sweep belongs to, from which the draw of its samples follows;
    for a seed one from which other draws follow."""
    key = np.asarray(generator.card["key"], np.uint32)
    return key if seed is None else np.asarray(jax.random.fold_in(jax.random.fold_in(key, OTHER_DRAWS), seed))


def score_again(generator: SavedGenerator, evaluator: Evaluator, seed: int | None = None) -> Evaluation:
    """Returns the score of a generator by the samples that it was scored by in its sweep, of other ones for a seed.

    With the evaluator of the sweep and no seed that is the sweep's own score to the last bit, on the same machine.

    Raises:
      MetricError: as `evaluate` does.
    """
    return evaluate(evaluator, sample_again(generator, evaluator, seed), 0)


def sample_again(generator: SavedGenerator, evaluator: Evaluator, seed: int | None = None) -> Sampled:
    """Returns the samples that a generator was scored by in its sweep, in slot 0, or other ones for a seed: those of
    `images_of`, if the evaluator has as many samples as a score of the sweep."""
    key, cycle, no = key_of_draw(generator, seed), np.int32(generator.card["cycle"]), np.bool_(False)
    member = Population(generator.traced, generator.weights, key, cycle, no, np.bool_(True))
    return jax.device_get(sample_and_encode(on_devices(stack([member], 1)), evaluator))


def images_of(
    generator: SavedGenerator,
    samples: int,
    count: int,
    *,
    seed: int | None = None,
    label: int | None = None,
    truncation: float | None = None,
    walk: bool = False,
    originals: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Yields `count` images, uint8 [n, height, width, channels], a chunk at a time.

    Args:
      samples: how many a score of the sweep has; the first `samples` images of the default draw are those scored.
      seed: of another draw than the one that was scored.
      label, truncation: as in SavedGenerator.
      walk: every WALK images lead from one latent to another.
      originals: uint8 [n, height, width, channels], the images that a generator of family completion completes: image
        i is of original i, and after the last comes the first. Those scored are of the test split.

    Raises:
      ConfigError: for a generator of family completion without originals, or a walk of one.
    """
    key, (chunks, size) = key_of_samples(key_of_draw(generator, seed), generator.card["cycle"]), chunks_of(samples)
    if walk:
        size = WALK
    for part in itertools.count():
        if count <= 0:
            return
        number = part
        # The numbers after those of the samples belong to the score's walks and inversion.
        if walk or number >= chunks:
            number += chunks if walk else WALKS + 1
        chunk_key = jax.random.fold_in(key, number)
        if walk:
            images = generator.walk(chunk_key, size, label=label, truncation=truncation)
        else:
            known = None if originals is None else take_originals(originals, part * size, size)
            images = generator(chunk_key, size, label=label, truncation=truncation, originals=known)
        yield np.asarray(_pixels(images))[:count]
        count -= size


_pixels = jax.jit(to_pixels)
