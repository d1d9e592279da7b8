"""Linear algebra that gives the same bits however many threads the machine offers."""

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

    The number of threads decides how a matrix product is cut and so its last bits; with one, a score does not depend on
    the cores of a worker. For up to a few hundred dimensions this costs nothing, for 2048 about twice the time.
    The limit belongs to the whole process, hence the lock: another thread leaving the body would lift it too early.
    """
    with _LOCK, _controller().limit(limits=1, user_api="blas"):
        yield
