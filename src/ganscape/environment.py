"""Which environment variables reach the processes that compute, so that no variable of a shell changes a score.

Three kinds of variables decide how numbers are computed:

- removed: those that change numbers, or end a process that meets them. Every variable of JAX and Flax is, whatever its
  name, but for those of KEPT; so are those of BLAS, OpenMP and oneDNN, and a few of Python.
- taken over and recorded with every start of a sweep: XLA_FLAGS.
- left alone: everything else, such as paths, proxies, and what devices are visible.

The command line removes them from its own process as it starts. Code that imports `ganscape` keeps its environment:
workers are started with a cleaned copy, and functions that compute in the caller's process set JAX's options for as
long as they run (`pinned_jax`).
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ganscape.errors import UserError

REMOVED_PREFIXES = (
    *("JAX_", "JAX2TF_", "FLAX_", "OPTAX_"),
    *("OMP_", "KMP_", "GOMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "DNNL_", "ONEDNN_"),
    *("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES", "NVIDIA_TF32_OVERRIDE", "EAGER_CONSTANT_FOLDING"),
    # glibc chooses variants of exp and log by the first; the others turn warnings into crashes, or keep a process
    # that has ended.
    *("GLIBC_TUNABLES", "PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONOPTIMIZE"),
)
# Where JAX computes, how processes of a cluster meet, what is kept and what is logged: no number depends on these.
KEPT_PREFIXES = (
    *("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "JAX_CUDA_VISIBLE_DEVICES", "JAX_ROCM_VISIBLE_DEVICES"),
    *("JAX_COMPILATION_CACHE_DIR", "JAX_COMPILATION_CACHE_MAX_SIZE", "JAX_PERSISTENT_CACHE_"),
    *("JAX_LOG", "JAX_DEBUG_LOG_MODULES", "JAX_EXPLAIN_CACHE_MISSES", "JAX_TRACEBACK_FILTERING"),
    *("JAX_COORDINATOR_", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID", "JAX_LOCAL_DEVICE_IDS"),
    # How OpenMP is loaded: scikit-learn sets these in every process that imports it.
    *("KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"),
)
# One BLAS thread in a worker: the number of threads decides how a matrix product is cut, and so its last bits.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# What JAX's options are while we compute, for a process whose JAX was imported by somebody else's code.
JAX_OPTIONS: dict[str, Any] = {
    "jax_enable_x64": False,
    "jax_default_matmul_precision": None,
    "jax_default_prng_impl": "threefry2x32",
    "jax_enable_custom_prng": False,
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_high_dynamic_range_gumbel": False,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_disable_jit": False,
    "jax_debug_nans": False,
    "jax_debug_infs": False,
    "jax_debug_key_reuse": False,
    "jax_enable_checks": False,
    "jax_check_tracer_leaks": False,
    "jax_disable_most_optimizations": False,
    "jax_transfer_guard": None,
}


def is_removed(name: str) -> bool:
    """Returns whether a process that computes must not see this variable."""
    return name.startswith(REMOVED_PREFIXES) and not name.startswith(KEPT_PREFIXES)


def removed(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables that a process which computes must not see."""
    return {name: value for name, value in environ.items() if is_removed(name)}


def clean() -> dict[str, str]:
    """Removes the variables that change numbers from this process, before JAX and BLAS are loaded; returns them."""
    names = removed(os.environ)
    for name in names:
        del os.environ[name]
    return names


def clean_ray_worker() -> None:
    """Does the same in a worker of a Ray cluster that others started, and keeps what Ganscape sets there itself.

    Ray calls it by its name as the process starts. It stands here because this module imports nothing heavy.
    """
    for name in removed(os.environ).keys() - ONE_THREAD.keys():
        del os.environ[name]


@contextmanager
def cleaned(variables: Mapping[str, str]) -> Iterator[None]:
    """Has processes that are started in the block inherit a cleaned environment with these variables set.

    Afterwards this process has the environment that it had before.
    """
    before = dict(os.environ)
    clean()
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def check_platforms() -> None:
    """Raises UserError if $JAX_PLATFORMS names none that JAX finds here."""
    import jax

    try:
        jax.local_devices()
    except (RuntimeError, AssertionError) as error:  # JAX asserts that there is a device
        wanted = os.environ.get("JAX_PLATFORMS")
        if not wanted:
            raise
        text = " ".join(str(error).split()) or "no such device"
        raise UserError(f"JAX_PLATFORMS={wanted} cannot be had here ({text}); unset it, or say cpu") from error


def pin_jax() -> dict[str, Any]:
    """Sets JAX's options to JAX_OPTIONS, whoever has set them before; returns those that were different.

    Raises UserError where the devices that $JAX_PLATFORMS asks for are not there.
    """
    import jax

    check_platforms()
    different = {}
    for name, value in JAX_OPTIONS.items():
        before = jax.config.values.get(name, value)  # options that this JAX does not have are left out
        if getattr(before, "value", before) != value:  # some are members of an Enum
            different[name] = before
            jax.config.update(name, value)
    return different


@contextmanager
def pinned_jax() -> Iterator[None]:
    """Has this process compute as workers do while the block lasts; afterwards JAX's options are what they were."""
    before = pin_jax()
    try:
        yield
    finally:
        jax = sys.modules["jax"]
        for name, value in before.items():
            jax.config.update(name, value)
