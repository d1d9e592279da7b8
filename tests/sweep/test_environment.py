"""A sweep by the command line from a hostile shell: no variable changes a score by a bit, and what SECURITY.md says of
what is written and connected to."""

import getpass
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import ganscape
from ganscape import environment
from ganscape.results.store import read

ROOT = Path(__file__).parents[2]
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
SETTINGS = {"configs": 1, "images": 1280, "interval": 640, "samples": 50}
WORDS = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
SWEEP = ["run", "equal/defaults", "--methods", "vae,ns_gan", *WORDS, "--seeds", "1", "--workers", "1"]


def run_under(variables, out, **options):
    """A sweep by the command line from a shell with these variables."""
    command = [sys.executable, "-m", "ganscape", *SWEEP, "--out", str(out)]
    ran = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=300, **options)
    assert ran.returncode == 0, (variables, ran.stderr[-2000:])
    return ran


def scores_in(out):
    """The scores of a folder by trial and rung, each with every bit."""
    return sorted((row["trial"], row["rung"], row["value"].hex()) for row in read(out)["scores"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The scores of the sweep whose driver is this process; its worker is one of its own."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    with pytest.warns(UserWarning, match="fd_digits of 50 images, fewer than its features"):
        options = {"seeds": 1, "workers": 1, "settings": SETTINGS, "progress": False}
        ganscape.run("equal/defaults", out=out, methods=["vae", "ns_gan"], **options)
    scores = scores_in(out)
    assert len(scores) == 4
    return scores


# Runs in every Python process of a command: notes what is opened to be written, removed or connected to.
HOOK = """
import json, os, sys

def note(event, values):
    if event == "open" and isinstance(values[0], str) and values[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        tell("write", os.path.abspath(values[0]))
    elif event == "sqlite3.connect" and os.fsdecode(values[0]) != ":memory:":
        tell("write", os.path.abspath(os.fsdecode(values[0]).removeprefix("file://").partition("?")[0]))
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.symlink"):
        tell("write", os.path.abspath(os.fsdecode(values[1 if event in ("os.rename", "os.symlink") else 0])))
    elif event in ("socket.connect", "socket.bind") and isinstance(values[1], tuple):
        tell("network", repr(values[1]))
    elif event == "socket.getaddrinfo":
        tell("network", repr(values[0]))

def tell(what, culprit):
    descriptor = os.open(LEDGER, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, (json.dumps([what, culprit]) + chr(10)).encode())
    os.close(descriptor)

LEDGER = os.environ["LEDGER"]
sys.addaudithook(lambda event, values: LEDGER not in values and note(event, values))
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The sweep from a shell with all these variables, in a home, a working folder and a folder for temporary files of
    its own; with the process that ran it, and what its processes wrote to and connected to."""
    folder = tmp_path_factory.mktemp("swept")
    for name in ("home", "work", "hook", "temporary"):
        (folder / name).mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    (folder / "ledger").touch()
    variables = HOSTILE | HARMLESS
    del variables["COLUMNS"]  # which changes what is printed, as it should
    variables |= {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temporary"),
        "PYTHONPATH": str(folder / "hook"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LEDGER": str(folder / "ledger"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("XDG_", "GANSCAPE")):
                patch.delenv(name)
        ran = run_under(variables, folder / "out", cwd=folder / "work")
    lines = (folder / "ledger").read_text().splitlines()
    return folder, ran, [tuple(json.loads(line)) for line in dict.fromkeys(lines)]


def test_a_sweep_under_all_hostile_variables_at_once_gives_the_same_scores(undisturbed, swept):
    folder, _, _ = swept
    assert scores_in(folder / "out") == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("name", [*HOSTILE, *HARMLESS])
def test_a_sweep_under_one_hostile_variable_gives_the_same_scores(name, undisturbed, tmp_path):
    run_under({name: (HOSTILE | HARMLESS)[name]}, tmp_path / "out")
    assert scores_in(tmp_path / "out") == undisturbed


def test_a_sweep_writes_nothing_outside_its_folder_and_the_caches(swept):
    folder, _, events = swept
    home, programs = folder / "home", Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    matplotlib = (home / ".cache" / "matplotlib", home / ".config" / "matplotlib", home / ".cache", home / ".config")
    allowed = (folder / "out", folder / "temporary", home / ".cache" / "ganscape", programs, *matplotlib)
    written = {Path(culprit) for what, culprit in events if what == "write"} - {Path(os.devnull)}
    assert folder / "out" / "store.sqlite" in written, "the hook sees nothing"
    assert not {path for path in written if not any(path.is_relative_to(place) for place in allowed)}
    assert not any((folder / "work").iterdir()) and not any((folder / "temporary").iterdir())
    kept = {"/".join(path.relative_to(home).parts[:2]) for path in home.rglob("*") if path.is_file()}
    assert kept <= {".cache/ganscape", ".cache/matplotlib"}


def test_a_sweep_opens_no_connection(swept):
    assert [culprit for what, culprit in swept[2] if what == "network"] == []


def test_a_report_names_no_user_no_machine_and_no_folder_that_was_not_given(swept):
    folder, _, _ = swept
    page = (folder / "out" / "report.html").read_text().replace(str(folder / "out"), "OUT")
    revealing = [platform.node(), str(folder), os.path.expanduser("~"), str(ROOT), sys.prefix]
    if getpass.getuser() != "root":
        revealing.append(getpass.getuser())
    assert not [word for word in revealing if re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", page)]


def test_a_sweep_from_the_command_line(swept, ganscape, refused, tmp_path):
    """Dry run, run, status, export, and what is refused on a folder in use or of another study."""
    folder, ran, _ = swept
    dry = ganscape(*SWEEP, "--out", tmp_path / "out", "--dry-run", "--pin-cores")
    assert dry.exit_code == 0
    assert "1 configs x 1 seeds per method" in dry.stdout and "estimated time" in dry.stdout
    (cpu,) = re.findall(r"workers pinned.* to CPUs (\d+) ", dry.stdout)
    assert int(cpu) in os.sched_getaffinity(0)
    assert not (tmp_path / "out").exists()

    out = folder / "out"
    assert ran.stdout.startswith("2 trials, 2,560 images in all\n")
    assert "2 of 2 trials done" in ran.stderr
    assert str(out / "report.html") in ran.stdout and (out / "report.html").stat().st_size > 10_000

    store = (out / "store.sqlite").read_bytes()
    refused(ganscape(*SWEEP, "--out", out, "--seed", "1"), "seed is 0, not 1", "another folder")
    refused(ganscape(*SWEEP, "--out", out, "--set", "batch_size=32"), "holds another study")
    refused(ganscape("export", out, tmp_path / "scores.xlsx"), ".xlsx", ".csv", ".parquet")
    assert (out / "store.sqlite").read_bytes() == store

    status = ganscape("status", out)
    assert status.exit_code == 0 and "2 trials, 2 done, 0 unfinished, 0 failed" in status.output
    assert ganscape("export", out, tmp_path / "scores.csv").exit_code == 0
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 1 + 2 * 2
    refused(ganscape("export", out, tmp_path / "scores.csv"), "scores.csv' exists")


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
