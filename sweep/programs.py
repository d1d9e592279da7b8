"""Compiled programs: how many were compiled, what memory they need, and how many members fit side by side."""

import ctypes
import gc
import os
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jax
from jax import monitoring

_EVENTS = {"/jax/compilation_cache/cache_misses": "compiled", "/jax/compilation_cache/cache_hits": "loaded"}
_counts: Counter[str] = Counter()


def _count(event: str, **_) -> None:
    if event in _EVENTS:
        _counts[_EVENTS[event]] += 1


monitoring.register_event_listener(_count)


def program_counts() -> tuple[int, int]:
    """Returns how many programs this process has compiled, and how many it has read from the compilation cache.

    Programs that compile in a moment are neither cached nor counted.
    """
    return _counts["compiled"], _counts["loaded"]


def forget_programs() -> None:
    """Frees every program that this process has compiled or traced. Those that are needed again are traced anew, and
    read from the compilation cache."""
    jax.clear_caches()
    gc.collect()
    return_free_memory()


def return_free_memory() -> None:
    """Returns memory that this process has freed from glibc to the system; does nothing with other C libraries.

    Compiling a program allocates about 100 MiB in small pieces, among which a few stay in use: glibc does not return
    what lies between them by itself.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def resident_bytes() -> int:
    """Returns the resident memory of this process; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def fitting_lanes(lanes: int, members: int, needed: Callable[[int], int], room: int | None) -> int:
    """Returns the most lanes, `lanes` at most, whose programs fit into `room` bytes; at least one.

    needed: lanes -> the bytes that their programs take. Fewer lanes than `lanes` divide `members`, and a warning says
    so. room: None means that it is not known, and `lanes` is returned.
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
    """Returns the bytes that a compiled program takes beside its arguments, 0 if XLA does not say."""
    needed = compiled.memory_analysis()
    if needed is None:
        return 0
    return needed.temp_size_in_bytes + needed.output_size_in_bytes - needed.alias_size_in_bytes


def free_bytes() -> int | None:
    """Returns the free bytes of the fullest device of this process, or of the machine for CPUs; None if unknown."""
    stats_of_devices = [device.memory_stats() for device in jax.local_devices()]
    if all(stats_of_devices):
        return min(stats["bytes_limit"] - stats["bytes_in_use"] for stats in stats_of_devices)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
