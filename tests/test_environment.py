"""No variable of a shell changes a score: trials under hostile environments, compared to the last bit."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import ganscape
from ganscape import environment
from ganscape.results.store import read

# Each would change a number of a bare JAX program or end it: numbers, random bits, compilation, dtypes, checks.
HOSTILE = {
    "JAX_ENABLE_X64": "1",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_ENABLE_CUSTOM_PRNG": "1",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_DEBUG_INFS": "1",
    "JAX_ENABLE_CHECKS": "1",
    "JAX_CHECK_TRACER_LEAKS": "1",
    "JAX_DEBUG_KEY_REUSE": "1",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "JAX_SOFTMAX_CUSTOM_JVP": "0",
    "JAX_HIGH_DYNAMIC_RANGE_GUMBEL": "1",
    "JAX_TRANSFER_GUARD": "disallow",
    "JAX_OPTIMIZATION_LEVEL": "O0",
    "JAX_ENABLE_COMPILATION_CACHE": "0",
    "JAX_DUMP_IR_TO": "/dev/null/nowhere",
    "FLAX_FIX_RNG_SEPARATOR": "1",
    "FLAX_PROFILE": "1",
    "OMP_NUM_THREADS": "7",
    "OPENBLAS_NUM_THREADS": "many",
    "OPENBLAS_CORETYPE": "Prescott",
    "MKL_CBWR": "COMPATIBLE",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
    "PYTHONWARNINGS": "error",
}
# Left alone, because a user may need them; no number may depend on them either.
HARMLESS = {
    "JAX_PLATFORMS": "cuda",
    "JAX_LOG_COMPILES": "1",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "100",
    "PYTHONHASHSEED": "12",
    "LC_ALL": "tr_TR.ISO-8859-9",
    "LANG": "xx",
    "TMPDIR": "/nonexistent",
    "COLUMNS": "7",
    "TZ": "Pacific/Kiritimati",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
SETTINGS = {"configs": 1, "images": 640, "interval": 320, "samples": 50}
SWEEP = (
    *("run", "equal/wide", "--methods", "vae", "--seeds", "1", "--workers", "1"),
    *(word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")),
)


def scores_under(variables, out):
    """The scores of a sweep from a shell with these variables."""
    command = [sys.executable, "-m", "ganscape", *SWEEP, "--out", str(out)]
    ran = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, (variables, ran.stderr[-2000:])
    return scores_in(out)


def scores_in(out):
    """The scores of a folder by trial and rung, each with every bit."""
    return sorted((row["trial"], row["rung"], row["value"].hex()) for row in read(out)["scores"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The scores of the sweep whose driver is this process; its worker is one of its own."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    with pytest.warns(UserWarning, match="fd_digits of 50 images, fewer than its features"):
        ganscape.run("equal/wide", out=out, methods=["vae"], seeds=1, workers=1, settings=SETTINGS, progress=False)
    scores = scores_in(out)
    assert len(scores) == 2
    return scores


def test_a_sweep_under_all_hostile_variables_at_once_gives_the_same_scores(undisturbed, tmp_path):
    assert scores_under(HOSTILE | HARMLESS, tmp_path / "out") == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("name", [*HOSTILE, *HARMLESS])
def test_a_sweep_under_one_hostile_variable_gives_the_same_scores(name, undisturbed, tmp_path):
    assert scores_under({name: (HOSTILE | HARMLESS)[name]}, tmp_path / "out") == undisturbed


def test_each_hostile_variable_is_removed_and_no_harmless_one():
    assert all(map(environment.is_removed, HOSTILE)) and not any(map(environment.is_removed, HARMLESS))
    assert environment.is_removed("JAX_SOME_OPTION_OF_A_LATER_VERSION")


def test_processes_started_in_the_block_inherit_a_cleaned_environment_and_afterwards_it_is_as_before(monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    before = dict(os.environ)
    show = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    with environment.cleaned({"OMP_NUM_THREADS": "1", "ADDED": "yes"}):
        inherited = json.loads(subprocess.run(show, capture_output=True, check=True).stdout)
    assert "JAX_ENABLE_X64" not in inherited
    assert (inherited["OMP_NUM_THREADS"], inherited["ADDED"]) == ("1", "yes")
    assert dict(os.environ) == before


def test_a_worker_of_a_foreign_cluster_keeps_what_ganscape_sets_and_loses_the_rest(monkeypatch):
    monkeypatch.setenv("FLAX_FIX_RNG_SEPARATOR", "1")
    for name, value in environment.ONE_THREAD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "here")
    environment.clean_ray_worker()
    assert "FLAX_FIX_RNG_SEPARATOR" not in os.environ and os.environ["JAX_COMPILATION_CACHE_DIR"] == "here"
    assert environment.ONE_THREAD.items() <= os.environ.items()


def test_while_options_of_jax_are_pinned_numbers_are_float32_and_afterwards_they_are_the_user_s():
    try:
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_numpy_dtype_promotion", "strict")
        jax.config.update("jax_debug_nans", True)
        with environment.pinned_jax():
            total = jax.numpy.int32(1) + jax.numpy.float32(2) + jax.numpy.sqrt(np.float64(-1))
            assert total.dtype == np.float32 and np.isnan(total)
        assert jax.config.jax_enable_x64 and jax.config.jax_debug_nans
        assert jax.numpy.zeros(1).dtype == np.float64
    finally:
        jax.config.update("jax_enable_x64", False)
        jax.config.update("jax_numpy_dtype_promotion", "standard")
        jax.config.update("jax_debug_nans", False)


def test_devices_that_are_not_here_are_one_line(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((60, 8, 8, 1), np.uint8))
    command = [sys.executable, "-m", "ganscape", "score", "--images", tmp_path / "images.npy", "--against", "digits"]
    ran = subprocess.run(command, env=os.environ | {"JAX_PLATFORMS": "rocm"}, capture_output=True, text=True)
    (line,) = ran.stderr.strip().splitlines()
    assert ran.returncode == 2 and line.startswith("error: JAX_PLATFORMS=rocm cannot be had here")


def test_images_are_scored_alike_whatever_options_of_jax_a_notebook_has_set(tmp_path):
    from ganscape.sweep.measuring.scoring import score_images

    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
    np.save(tmp_path / "images.npy", images)
    (expected,) = score_images(tmp_path / "images.npy", "digits", ["fd_digits"])
    try:
        jax.config.update("jax_default_matmul_precision", "bfloat16")
        jax.config.update("jax_enable_x64", True)
        assert score_images(tmp_path / "images.npy", "digits", ["fd_digits"]) == [expected]
    finally:
        jax.config.update("jax_default_matmul_precision", None)
        jax.config.update("jax_enable_x64", False)
