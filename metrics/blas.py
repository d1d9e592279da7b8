"""Linear algebra with results that do not depend on the number of threads."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock

from threadpoolctl import ThreadpoolController

_LOCK = RLock()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Runs the body with one BLAS thread.

    The number of threads determines how a matrix product is divided and therefore its last bits. With one thread, a
    score does not depend on the cores of a worker. This costs nothing up to a few hundred dimensions, and twice the
    time at 2048. The lock is needed because the limit is for the whole process: another thread leaving its body would
    lift it.
    """
    with _LOCK, _controller().limit(limits=1, user_api="blas"):
        yield
