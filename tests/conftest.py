"""Shared by all tests: one XLA thread, and one compilation cache, so that sweeps in tests start quickly."""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
