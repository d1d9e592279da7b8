"""A population: members of equal structure on a leading axis, advanced by one compiled program."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ganscape.models import FAMILIES, Config
from ganscape.models.family import SamplingWeights
from ganscape.models.precisions import use_precision
from ganscape.models.sampling import weights_of

REMEMBERED = 100


class Population(NamedTuple):
    """Members on a leading axis [members, ...].

    config: a Config whose numbers are arrays [members].
    state: the State of the config's family.
    key: uint32 [members, 2], each member's own.
    cycle: int32 [members], cycles done.
    halted: bool [members]; a halted member is not advanced.
    finite: bool [members], whether every loss so far was.
    logs: name -> float32 [members], the mean of a log over the cycles so far, of about the last 100 after those.
    """

    config: Config
    state: Any
    key: Array | np.ndarray
    cycle: Array | np.ndarray | np.int32
    halted: Array | np.ndarray | np.bool_
    finite: Array | np.ndarray | np.bool_
    logs: dict[str, Any] = {}  # noqa: RUF012 - never changed in place


def trial_key(study_seed: int, config: Config, seed: int) -> tuple[int, int]:
    """Returns the random key of a trial, two uint32 words, from its identity alone."""
    return key_of(study_seed, config.identity(), seed)


def key_of(study_seed: int, identity: str, seed: int) -> tuple[int, int]:
    """Returns the random key of a trial whose config has this identity."""
    digest = hashlib.sha256(f"{study_seed}/{identity}/{seed}".encode()).digest()
    return int.from_bytes(digest[:4]), int.from_bytes(digest[4:8])


def start_member(config: Config, image_shape: tuple[int, int, int], key: tuple[int, int]) -> Population:
    """Returns a member before its first cycle, without the leading axis, as numpy arrays."""
    words = np.asarray(key, np.uint32)
    state = FAMILIES[config.family].init(config, image_shape, words)
    numbers = jax.tree.map(np.float32, config)
    logs = dict.fromkeys(FAMILIES[config.family].logs, np.float32(0.0))
    return Population(numbers, state, words, np.int32(0), np.bool_(False), np.bool_(True), logs)


def stack(members: Sequence[Population], size: int) -> Population:
    """Stacks members on a leading axis of `size`; the slots beyond them hold halted copies of the first."""
    filler = members[0]._replace(halted=np.bool_(True))
    padded = [*members, *[filler] * (size - len(members))]
    return jax.tree.map(lambda one, *others: np.stack([one, *others]) if others else np.asarray(one)[None], *padded)


def take(population: Population, index: int) -> Population:
    """Returns one member without the leading axis, as numpy arrays."""
    return jax.tree.map(lambda leaf: np.asarray(leaf[index]), population)


def sampling_weights(population: Population, slots: Sequence[int]) -> dict[int, SamplingWeights]:
    """Returns what the members in these slots sample with, as numpy arrays of their own: a part of their states."""
    stacked = jax.device_get(weights_of(population.config, population.state))

    def own(leaf, slot: int) -> np.ndarray:
        # A copy: the device's memory behind the view is used again by the next step of training.
        return np.array(leaf[slot] if np.ndim(leaf) else leaf, np.float32)

    return {slot: jax.tree.map(lambda leaf, slot=slot: own(leaf, slot), stacked) for slot in slots}


def only(population: Population, slots: Sequence[int]) -> Population:
    """Returns the population with all members halted but those in these slots."""
    halted = np.ones(len(population.key), bool)
    halted[list(slots)] = False
    return population._replace(halted=jnp.asarray(halted))


def put(population: Population, index: Array, member: Population) -> Population:
    """Puts a member into the slot of this index and returns the population on its devices; the one given is donated."""
    return on_devices(_put(population, index, member))


@functools.partial(jax.jit, donate_argnums=0)
def _put(population: Population, index: Array, member: Population) -> Population:
    return jax.tree.map(lambda leaf, own: leaf.at[index].set(own), population, member)


def images_per_cycle(config: Config) -> int:
    """Returns how many real images one training cycle sees: disc_iters * batch_size."""
    return config.disc_iters * config.batch_size


@functools.partial(jax.jit, static_argnames=("lanes",), donate_argnums=0)
def advance(
    population: Population,
    images: Array,
    cycles: Array,
    labels: Array | None = None,
    first: Array | None = None,
    *,
    lanes: int,
) -> Population:
    """Trains every member that is not halted for `cycles` cycles, or until its loss is not finite.

    Args:
      population: [members, ...].
      images: uint8 [count, height, width, channels], shared by all members; each draws its own. With `first`, only
        those that members will draw, see there.
      cycles: int32 scalar.
      labels: int32 [count], the images' classes, for configs that have classes.
      first: int32 [members]: from its position in `images` on, a member finds the images that it draws in these cycles,
        in order. By default `images` are all images of the train split.
      lanes: members side by side on a device; 1 means one after the other, each bit-equal to a lone member.
    """

    def cycle_once(member: Population, first: Array | None, begun: Any) -> Population:
        count = images_per_cycle(member.config)
        if first is None:
            drawn = draw_positions(member.key, member.cycle, count, len(images))
        else:
            drawn = first + (member.cycle - begun) * count + jnp.arange(count)
        _, step_key = _keys(member.key, member.cycle)
        real = images[drawn].astype(jnp.float32) / 255.0
        step = FAMILIES[member.config.family].step
        classes = None if labels is None else labels[drawn]
        with use_precision(member.config.precision):
            state, logs = step(member.config, member.state, real, step_key, classes)
        finite = jnp.isfinite(sum(jax.tree.leaves(logs)))
        cycle = member.cycle + 1
        # A mean over all cycles at first, later one that forgets: its weight never falls below 1 / REMEMBERED.
        part = jnp.maximum(1.0 / cycle, 1.0 / REMEMBERED)
        means = {name: mean + part * (logs[name] - mean) for name, mean in member.logs.items()}
        return member._replace(state=state, cycle=cycle, finite=finite, logs=means)

    def train_member(member: Population, first: Array | None) -> Population:
        begun = member.cycle

        def is_in_training(current: Population) -> Any:
            return (current.cycle < begun + cycles) & ~current.halted & current.finite

        return jax.lax.while_loop(is_in_training, lambda current: cycle_once(current, first, begun), member)

    return over_members(train_member, population, lanes, first)


def draw_positions(key: Array | np.ndarray, cycle: Any, count: int, images: int) -> Array:
    """Returns which of so many images a member with this key sees in a cycle, int32 [count]; with replacement."""
    draw_key, _ = _keys(key, cycle)
    positions = jax.random.uniform(draw_key, (count,)) * images
    return jnp.minimum(positions.astype(jnp.int32), images - 1)


def _keys(key: Array | np.ndarray, cycle: Any) -> Array:
    """Returns the keys of a cycle: that of its real images and that of its training step."""
    return jax.random.split(jax.random.fold_in(key, 2 * cycle))


def over_members(function: Callable, population: Population, lanes: int, *others: Any):
    """Applies a function of one member to every member, `lanes` of them at a time on each device.

    others: further arguments of the function, with one entry per member on the leading axis, or None.
    """

    def on_one_device(members: Population, *others: Any):
        return jax.lax.map(lambda one: function(*one), (members, *others), batch_size=None if lanes == 1 else lanes)

    mesh = _mesh(len(population.key))
    if mesh is None:
        return on_one_device(population, *others)
    spec = PartitionSpec("members")
    mapped = jax.shard_map(on_one_device, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
    return mapped(population, *others)


def on_devices(population: Population) -> Population:
    """Puts the population on this process's devices in equal shares, or on one device if the shares would differ."""
    mesh = _mesh(len(population.key))
    return jax.device_put(population, None if mesh is None else NamedSharding(mesh, PartitionSpec("members")))


def _mesh(members: int) -> Mesh | None:
    devices = jax.local_devices()
    if len(devices) == 1 or members % len(devices):
        return None
    return Mesh(np.asarray(devices), ("members",))
