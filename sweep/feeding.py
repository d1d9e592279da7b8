"""Real images for training: all of them on the device, or those of the next cycles where all are too many.

Which images a cycle sees is a function of the trial's key and of the cycle alone, see `population.draw_positions`. So
they can be gathered on the host, from memory or from a mapped file, while the device trains, and a trial sees the same
images either way.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ganscape.data import Dataset
from ganscape.data.mapped import MappedImages
from ganscape.models import Config
from ganscape.sweep.population import Population, advance, draw_positions, images_per_cycle
from ganscape.sweep.programs import free_bytes

SHARE = 0.25  # of the free memory of a device: data that take more are not put there whole
COPIED_BYTES = 2**28  # of a mapped file that a CPU copies: it reads the file itself, so that a copy only takes memory
BLOCK_BYTES = 2**26  # of images that are gathered at once, for all members together

Place = tuple[tuple[int, int], int]  # a member's key and the cycle that it is at


class Drawn(NamedTuple):
    """What `advance` trains with: arguments `images`, `labels` and `first`, and how many cycles they are enough for."""

    images: Array
    labels: Array | None
    first: Array | None
    cycles: int | None  # None: any number


# The images that were put on the device last, and where they are: a worker's next cohort trains on the same.
_latest: list[tuple[np.ndarray, Array]] = []


class Resident:
    """All images of the train split, on the device."""

    def __init__(self, config: Config, dataset: Dataset):
        labels = None if config.classes is None else jnp.asarray(dataset.train_labels, jnp.int32)
        if not _is_on_device(dataset):
            _latest[:] = [(dataset.train, jnp.asarray(dataset.train))]
        self._all = Drawn(_latest[0][1], labels, None, None)

    def take(self, places: Mapping[int, Place]) -> Drawn:
        """Returns images for these members, by slot."""
        return self._all

    def prefetch(self, places: Mapping[int, Place]) -> None:
        """Does nothing: all images are there."""


class Streamed:
    """Images of the next cycles, gathered in blocks of the same size from wherever the train split lies.

    A block holds, for each slot of a population, the images of as many cycles as fit into BLOCK_BYTES, one at least.
    At most two blocks are in memory: the one that is trained with and the next.
    """

    def __init__(self, config: Config, dataset: Dataset, slots: int):
        self._images = np.asarray(dataset.train)  # of a mapped file, a plain view: what is taken from it is in memory
        self._labels = None if config.classes is None else np.asarray(dataset.train_labels, np.int32)
        self._per_cycle, self._slots = images_per_cycle(config), slots
        bytes_per_cycle = slots * self._per_cycle * int(np.prod(dataset.image_shape))
        self._cycles = max(1, BLOCK_BYTES // bytes_per_cycle)
        self._block = self._next = self._gather({})

    def take(self, places: Mapping[int, Place]) -> Drawn:
        """Returns images for these members, by slot; from the block at hand or the next one if they hold them."""
        if not self._block.holds(places, self._cycles):
            self._block = self._next if self._next.holds(places, self._cycles) else self._gather(places)
        first = np.zeros(self._slots, np.int32)
        for slot, (_, cycle) in places.items():
            first[slot] = (slot * self._cycles + cycle - self._block.places[slot][1]) * self._per_cycle
        left = [self._block.places[slot][1] + self._cycles - cycle for slot, (_, cycle) in places.items()]
        return Drawn(self._block.images, self._block.labels, jnp.asarray(first), min(left, default=self._cycles))

    def prefetch(self, places: Mapping[int, Place]) -> None:
        """Gathers the block that begins at these places, unless the one at hand holds them."""
        if not self._block.holds(places, self._cycles):
            self._next = self._gather(places)

    def _gather(self, places: Mapping[int, Place]) -> "_Block":
        rows = np.zeros((self._slots, self._cycles * self._per_cycle), np.int64)
        for slot, (key, cycle) in places.items():
            words, counts = np.asarray(key, np.uint32), np.arange(cycle, cycle + self._cycles, dtype=np.int32)
            drawn = _positions(words, counts, count=self._per_cycle, images=len(self._images))
            rows[slot] = np.asarray(drawn).ravel()
        labels = None if self._labels is None else jax.device_put(self._labels[rows.ravel()])
        return _Block(jax.device_put(self._images[rows.ravel()]), labels, dict(places))


class _Block(NamedTuple):
    """Images of every slot from its place on, [slots * cycles * images per cycle, height, width, channels]."""

    images: Array
    labels: Array | None
    places: dict[int, Place]

    def holds(self, places: Mapping[int, Place], cycles: int) -> bool:
        """Returns whether the images of these places are in a block of so many cycles."""
        return all(
            slot in self.places and self.places[slot][0] == key and 0 <= cycle - self.places[slot][1] < cycles
            for slot, (key, cycle) in places.items()
        )


def feed_of(config: Config, dataset: Dataset, slots: int) -> Resident | Streamed:
    """Returns the images for a population of so many slots: on the device if they take at most SHARE of its free
    memory, if they are there already, or if that is not known. Of a mapped file with more than COPIED_BYTES a CPU takes
    no copy."""
    if _is_on_device(dataset):
        return Resident(config, dataset)
    room, size = free_bytes(), dataset.train.nbytes
    mapped = isinstance(dataset.train, MappedImages) and jax.default_backend() == "cpu"
    if (room is not None and size > SHARE * room) or (mapped and size > COPIED_BYTES):
        return Streamed(config, dataset, slots)
    return Resident(config, dataset)


def _is_on_device(dataset: Dataset) -> bool:
    return bool(_latest) and _latest[0][0] is dataset.train


def advance_alone(population: Population, feed: Resident | Streamed, key: tuple[int, int], cycles: int) -> Population:
    """Returns a population of one member, of this key, after so many cycles more."""
    done = int(np.asarray(population.cycle)[0])
    stop = done + cycles
    while done < stop:
        drawn = feed.take({0: (key, done)})
        step = min(stop - done, drawn.cycles or stop)
        population = advance(population, drawn.images, jnp.int32(step), drawn.labels, drawn.first, lanes=1)
        done += step
        if done < stop:
            feed.prefetch({0: (key, done)})
    return population


@functools.partial(jax.jit, static_argnames=("count", "images"))
def _positions(key: Array, cycles: Array, *, count: int, images: int) -> Array:
    """Returns the positions of the images of each cycle, int32 [cycles, count]."""
    return jax.vmap(lambda cycle: draw_positions(key, cycle, count, images))(cycles)
