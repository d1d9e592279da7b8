"""Limits surrogate models to one thread, so that what they propose does not depend on the cores of a machine."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread(*modules: str) -> Iterator[None]:
    """Runs the body with one thread of BLAS and OpenMP, in NumPy, SciPy, scikit-learn and these modules.

    The number of threads decides the last bits of a matrix product. A limit reaches only libraries that are loaded, so
    these are loaded before it: the first proposal of a process could differ in its last digits from later ones.
    """
    from threadpoolctl import threadpool_limits

    for name in ("scipy.linalg", "skopt.learning", *modules):
        importlib.import_module(name)
    with threadpool_limits(1):
        yield
