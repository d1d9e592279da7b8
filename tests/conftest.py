"""Shared by all tests: one XLA thread, a cache of its own, and the same examples of hypothesis in every run."""

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ["GANSCAPE_CACHE"] = tempfile.mkdtemp(prefix="ganscape-cache-")
atexit.register(shutil.rmtree, os.environ["GANSCAPE_CACHE"], ignore_errors=True)
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    """Sweeps in processes of their own first: they take longest and wait most, so that others run beside them."""
    items.sort(key=lambda item: "executors" not in item.path.parts)
