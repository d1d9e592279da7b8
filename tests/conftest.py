"""Shared by all tests: one XLA thread, quick compilation, a cache of the run's own, Ray's workers not behind everything
else, and the same examples of hypothesis in every run.

Programs are compiled once in a run: whichever of its processes needs one next reads it from the cache.
"""

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=1")
os.environ.setdefault("RAY_worker_niceness", "0")
if "PYTEST_XDIST_WORKER" not in os.environ:
    cache = tempfile.mkdtemp(prefix="ganscape-cache-")
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    os.environ |= {
        "GANSCAPE_CACHE": cache,
        "JAX_COMPILATION_CACHE_DIR": os.path.join(cache, "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    }
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    """Sweeps in processes of their own first: they take longest and wait most, so that others run beside them."""
    items.sort(key=lambda item: "executors" not in item.path.parts)
