"""Compiled programs: how many were made, what they need, and how many members fit side by side."""

import os
import warnings
from collections import Counter
from collections.abc import Callable

import jax
from jax import monitoring

_EVENTS = {"/jax/compilation_cache/cache_misses": "compiled", "/jax/compilation_cache/cache_hits": "loaded"}
_made: Counter[str] = Counter()


def _count(event: str, **_) -> None:
    if event in _EVENTS:
        _made[_EVENTS[event]] += 1


monitoring.register_event_listener(_count)


def made() -> tuple[int, int]:
    """Programs that this process has compiled, and read from the compilation cache; those that compile in a moment
    are not cached and not counted."""
    return _made["compiled"], _made["loaded"]


def fitting_lanes(lanes: int, members: int, needed: Callable[[int], int], room: int | None) -> int:
    """The most lanes, up to those asked, whose programs fit into `room` bytes; one lane is never refused.

    needed: the bytes that programs of so many lanes take. Fewer lanes than asked divide `members`; a warning says
    so.
    """
    if room is None:
        return lanes
    chosen = lanes
    while chosen > 1 and needed(chosen) > room:
        chosen = max(fewer for fewer in range(1, chosen) if members % fewer == 0)
    if chosen < lanes:
        warnings.warn(
            f"lanes lowered from {lanes} to {chosen}: more do not fit into {room / 2**30:.1f} GiB", stacklevel=2
        )
    return chosen


def bytes_of(compiled) -> int:
    """Memory that a compiled program takes beside its arguments; 0 where XLA does not say."""
    needed = compiled.memory_analysis()
    if needed is None:
        return 0
    return needed.temp_size_in_bytes + needed.output_size_in_bytes - needed.alias_size_in_bytes


def free_bytes() -> int | None:
    """Bytes left on the fullest of this process's devices, for CPUs those of the machine; None where neither says."""
    told = [device.memory_stats() for device in jax.local_devices()]
    if all(told):
        return min(stats["bytes_limit"] - stats["bytes_in_use"] for stats in told)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
