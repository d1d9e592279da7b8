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
from ganscape.models.precisions import multiplying_in

REMEMBERED = 100


class Population(NamedTuple):
    """Members on a leading axis [members, ...].

    config: a Config whose numbers are arrays [members].
    state: the method's State.
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
    """The key of a trial, from its identity alone: two uint32 words."""
    identity = f"{study_seed}/{config.identity()}/{seed}"
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:4]), int.from_bytes(digest[4:8])


def start(config: Config, image_shape: tuple[int, int, int], key: tuple[int, int]) -> Population:
    """One member before its first cycle, without the leading axis, as numpy arrays."""
    words = np.asarray(key, np.uint32)
    state = FAMILIES[config.family].init(config, image_shape, words)
    numbers = jax.tree.map(np.float32, config)
    logs = dict.fromkeys(FAMILIES[config.family].logs, np.float32(0.0))
    return Population(numbers, state, words, np.int32(0), np.bool_(False), np.bool_(True), logs)


def stack(members: Sequence[Population], size: int) -> Population:
    """Members on a leading axis of `size`; the places beyond them hold halted copies of the first."""
    filler = members[0]._replace(halted=np.bool_(True))
    padded = [*members, *[filler] * (size - len(members))]
    return jax.tree.map(lambda one, *others: np.stack([one, *others]) if others else np.asarray(one)[None], *padded)


def take(population: Population, index: int) -> Population:
    """One member without the leading axis, as numpy arrays."""
    return jax.tree.map(lambda leaf: np.asarray(leaf[index]), population)


def only(population: Population, places: Sequence[int]) -> Population:
    """The population with all members halted but those at these places."""
    halted = np.ones(len(population.key), bool)
    halted[list(places)] = False
    return population._replace(halted=jnp.asarray(halted))


def placed(population: Population, index: Array, member: Population) -> Population:
    """The population, on its devices, with the member at this index in place of who was there."""
    return on_devices(_placed(population, index, member))


@functools.partial(jax.jit, donate_argnums=0)
def _placed(population: Population, index: Array, member: Population) -> Population:
    return jax.tree.map(lambda leaf, own: leaf.at[index].set(own), population, member)


def images_per_cycle(config: Config) -> int:
    """Real images that a cycle sees: disc_iters * batch_size."""
    return config.disc_iters * config.batch_size


@functools.partial(jax.jit, static_argnames=("lanes",), donate_argnums=0)
def advance(
    population: Population, images: Array, cycles: Array, labels: Array | None = None, *, lanes: int
) -> Population:
    """Every running member advanced by so many cycles, or to the first with a non-finite loss.

    Args:
      population: [members, ...].
      images: uint8 [count, height, width, channels], shared by all members; each draws its own.
      cycles: int32 scalar.
      labels: int32 [count], the images' classes, for configs that have classes.
      lanes: members side by side on a device; 1 means one after the other, each bit-equal to a lone member.
    """

    def cycle_once(member: Population) -> Population:
        draw_key, step_key = jax.random.split(jax.random.fold_in(member.key, 2 * member.cycle))
        places = jax.random.uniform(draw_key, (images_per_cycle(member.config),)) * len(images)
        drawn = jnp.minimum(places.astype(jnp.int32), len(images) - 1)
        real = images[drawn].astype(jnp.float32) / 255.0
        step = FAMILIES[member.config.family].step
        classes = None if labels is None else labels[drawn]
        with multiplying_in(member.config.precision):
            state, logs = step(member.config, member.state, real, step_key, classes)
        finite = jnp.isfinite(sum(jax.tree.leaves(logs)))
        cycle = member.cycle + 1
        part = jnp.maximum(1.0 / cycle, 1.0 / REMEMBERED)
        means = {name: mean + part * (logs[name] - mean) for name, mean in member.logs.items()}
        return member._replace(state=state, cycle=cycle, finite=finite, logs=means)

    def advanced(member: Population) -> Population:
        stop = member.cycle + cycles
        return jax.lax.while_loop(lambda m: (m.cycle < stop) & ~m.halted & m.finite, cycle_once, member)

    return over_members(advanced, population, lanes)


def over_members(function: Callable, population: Population, lanes: int):
    """The function of every member, `lanes` of them at a time on each device."""

    def here(members: Population):
        return jax.lax.map(function, members, batch_size=None if lanes == 1 else lanes)

    mesh = _mesh(len(population.key))
    if mesh is None:
        return here(population)
    spec = PartitionSpec("members")
    return jax.shard_map(here, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)(population)


def on_devices(population: Population) -> Population:
    """The population on this process's devices, where several can have equal shares of the members, else on one."""
    mesh = _mesh(len(population.key))
    return jax.device_put(population, None if mesh is None else NamedSharding(mesh, PartitionSpec("members")))


def _mesh(members: int) -> Mesh | None:
    devices = jax.local_devices()
    if len(devices) == 1 or members % len(devices):
        return None
    return Mesh(np.asarray(devices), ("members",))
