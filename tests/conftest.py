"""Shared by all tests: one XLA thread, quick compilation (`quick_flags`), a limit for every test, Ray's workers not
behind everything else, temporary files in memory, and the same examples of hypothesis in every run.

Compiled programs are kept in `.pytest_cache/` between runs; `keep_programs` says which.
"""

import atexit
import faulthandler
import gc
import hashlib
import importlib.metadata
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
KEPT_BYTES = 2**30
MEMORY = Path("/dev/shm")  # a file system in memory: thousands of commits wait for a disk otherwise
TICKS = os.sysconf("SC_CLK_TCK")  # in a second
FLAGS = "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=1"
QUICKER = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
LONG = {  # files of more than 20 seconds
    "test_api", "test_architectures", "test_cli", "test_docs", "test_encoders", "test_environment",
    "test_feeding", "test_gan", "test_plugins", "test_registries", "test_report",
    "test_report_in_browser", "test_searchers_bandit", "test_trial", "test_wiring",
}  # fmt: skip
SLOW_LIMIT = 3600.0  # seconds for a test that is marked slow
watched_until = -math.inf  # when `end_process_later` ends this process

# A shell that starts `make test &` without job control lets it ignore SIGINT, and every child would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def processor() -> str:
    """A short name of this processor: programs compiled for its instructions may not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    facts = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def kept_programs() -> Path:
    """The folder of what is kept between runs for this processor and jaxlib; it may not be there yet."""
    return ROOT / ".pytest_cache" / "programs" / f"jaxlib-{importlib.metadata.version('jaxlib')}-{processor()}"


def quick_flags() -> str:
    """Flags by which XLA compiles in half the time, for programs that are no faster for it.

    XLA ends the process at a flag that it does not know, and it promises none of `QUICKER`. A jaxlib is tried once.
    """
    tried = kept_programs() / "flags"
    if not tried.is_file():
        check = [sys.executable, "-c", "import jax; jax.devices()"]
        environment = os.environ | {"XLA_FLAGS": QUICKER}
        known = subprocess.run(check, env=environment, capture_output=True).returncode == 0
        with suppress(OSError):  # a checkout that cannot be written
            tried.parent.mkdir(parents=True, exist_ok=True)
            tried.write_text(QUICKER if known else "")
        return f"{FLAGS} {QUICKER}" if known else FLAGS
    return f"{FLAGS} {tried.read_text()}".strip()


def new_cache() -> Path:
    """Makes a folder for this run's caches, with `programs/` that holds what earlier runs compiled.

    The keys of programs are hashes of their content, so a program that is found is the right one. Each run works on
    links to the kept files in a folder of its own: what a killed run leaves half written stays with that run.
    """
    kept = kept_programs()
    try:
        kept.mkdir(parents=True, exist_ok=True)
        folder = own_folder(kept.parent, "run")
    except OSError:  # a checkout that cannot be written
        folder = own_folder(Path(tempfile.gettempdir()), "ganscape-cache")
    (folder / "programs").mkdir()
    for file in kept.glob("*-cache"):
        os.link(file, folder / "programs" / file.name)
    if kept.is_dir():
        atexit.register(keep_programs, folder / "programs", kept)  # before the removal: the last registered runs first
    return folder


def own_folder(parent: Path, name: str) -> Path:
    """Makes a folder that is removed with this process, or by a later one if this is killed."""
    for left in parent.glob(f"{name}-*-*"):
        process = left.name.removeprefix(f"{name}-").partition("-")[0]
        if process.isdigit() and not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-{os.getpid()}-", dir=parent))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def keep_programs(programs: Path, kept: Path) -> None:
    """Links whole new programs of a run into the kept folder, and drops the oldest beyond `KEPT_BYTES`."""
    for file in programs.glob("*-cache"):
        if not (kept / file.name).exists() and is_whole(file.read_bytes()):
            with suppress(OSError):
                os.link(file, kept / file.name)
    size = 0
    for file in sorted(kept.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True):
        size += file.stat().st_size
        if size > KEPT_BYTES:
            file.unlink(missing_ok=True)


def is_whole(program: bytes) -> bool:
    """Whether a file of the compilation cache was written to its end. JAX compresses by zstandard if there is one."""
    try:
        if program.startswith(b"\x28\xb5\x2f\xfd"):
            import zstandard

            zstandard.ZstdDecompressor().decompress(program)
        else:
            zlib.decompress(program)
    except Exception:
        return False
    return True


if "XLA_FLAGS" not in os.environ:
    os.environ["XLA_FLAGS"] = quick_flags()
os.environ.setdefault("RAY_worker_niceness", "0")
# Each process of the tests, and each that they start, would compile every module again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if "PYTEST_XDIST_WORKER" not in os.environ:
    cache = new_cache()
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 4 * 2**30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(own_folder(MEMORY, "ganscape-tests")))
    os.environ |= {
        "GANSCAPE_CACHE": str(cache),
        "JAX_COMPILATION_CACHE_DIR": str(cache / "programs"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",  # reading is quicker than compiling even the smallest
        # With caches of XLA's own the path of the folder would be in every key, and no later run would find a program.
        "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES": "none",
    }
settings.register_profile("repeatable", derandomize=True, deadline=None)
# Of tests that feed what a user or a file may say: more of them by a number in $GANSCAPE_EXAMPLES.
EXAMPLES = int(os.environ.get("GANSCAPE_EXAMPLES") or 10)
settings.register_profile("inputs", settings.get_profile("repeatable"), max_examples=EXAMPLES)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addini("limit", "seconds after which a test, its setup or its teardown is ended as failed", default="600")


def pytest_collection_finish():
    """What is imported by now stays, and what JAX traces lives for a while: the garbage collector need not look at it
    again and again, a tenth of the time of tests that trace. Operations need not carry the hundred lines of pytest that
    led to them either."""
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_traceback_in_locations_limit", 0)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_collection_modifyitems(items):
    """Sweeps in processes of their own first: they take longest and wait most, so that others run beside them. Then the
    files that one process is long at, so that none begins when the others have nothing left to do."""
    items.sort(key=lambda item: ("executors" not in item.path.parts, item.path.stem not in LONG))


@contextmanager
def limited(item, what: str) -> Iterator[None]:
    """Fails the test when `what` takes longer than its limit, and kills the processes that the test started.

    A test that is stuck where Python's signals do not reach ends its whole process a minute later, with a traceback.
    """
    seconds = SLOW_LIMIT if item.get_closest_marker("slow") else float(item.config.getini("limit"))
    began = int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)

    def end(*_):
        for process in descendants(os.getpid()):
            with suppress(OSError):
                if start_of(process) >= began:
                    os.kill(process, signal.SIGKILL)
        pytest.fail(f"{what} of {item.nodeid} took longer than {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    end_process_later(seconds + 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def end_process_later(seconds: float) -> None:
    """Ends this process with a traceback so many seconds from now, or up to 10 later, unless it is called again before.

    faulthandler ends a thread and starts another at each call, which took seconds when every test made three.
    """
    global watched_until
    until = time.monotonic() + seconds
    if not 0 <= watched_until - until <= 10:
        watched_until = until + 10
        faulthandler.dump_traceback_later(seconds + 10, exit=True, file=sys.__stderr__)


def descendants(process: int) -> set[int]:
    """Process ids of the children of a process, of theirs, and so on."""
    children: set[int] = set()
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            children |= {int(number) for number in task.read_text().split()}
    return children.union(*(descendants(child) for child in children))


def start_of(process: int) -> int:
    """The tick after the boot of the machine in which a process was started."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    with limited(item, "the setup"):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with limited(item, "the call"):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    global watched_until
    with limited(item, "the teardown"):
        result = yield
    if nextitem is None:  # this process waits for others, for as long as they take
        faulthandler.cancel_dump_traceback_later()
        watched_until = -math.inf
    return result


@pytest.fixture
def native_convolutions(monkeypatch):
    """The backend's own convolutions, which trace and compile sooner; test_convolution.py says that ours equal them."""
    from ganscape.models.architectures import convolution

    for name in ("conv", "conv_transpose", "input_dilated_conv"):
        monkeypatch.setattr(convolution, f"{name}_as_products", getattr(convolution, f"native_{name}"))


@pytest.fixture(scope="session")
def data_files():
    """The folder $GANSCAPE_TEST_DATA, which may hold published data sets as `--data-root` takes them."""
    folder = os.environ.get("GANSCAPE_TEST_DATA")
    if not folder:
        pytest.skip("$GANSCAPE_TEST_DATA names no folder of published data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def mnist_root(data_files):
    """A folder in which `mnist/` holds the four IDX files."""
    if not (data_files / "mnist" / "train-images-idx3-ubyte.gz").exists():
        pytest.skip(f"no MNIST files in {data_files / 'mnist'}")
    return data_files
