"""Python's collector of garbage, which looks through all objects again and again while many are made that stay."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """While the block lasts, garbage that refers to itself is not looked for; other garbage is freed as always."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
