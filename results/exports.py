"""EXPORTS: the kinds of files for other programs that a sweep can be written as."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganscape.errors import check_name
from ganscape.results import dataset_folder, optuna_storage, scores_file, syne_tune_folder, tensorboard_runs
from ganscape.results.frames import load
from ganscape.results.store import StoreError


def _table(out: Path, file: Path) -> Path:
    if file.exists():
        raise StoreError(f"'{file}' exists; name a new file")
    return scores_file.export(load(out), file)


# name -> (output folder, what to write) -> the path written
EXPORTS: dict[str, Callable[..., Any]] = {
    "table": _table,
    "dataset": dataset_folder.export_dataset,
    "optuna": lambda out, file: optuna_storage.export_optuna(load(out), file),
    "syne-tune": lambda out, folder: syne_tune_folder.export_syne_tune(load(out), folder),
    "tensorboard": lambda out, folder: tensorboard_runs.export_tensorboard(load(out), folder),
}


def check_export(kind: str, license: str | None = None) -> None:
    """Raises StoreError for a kind that is none, and a license of anything but a data set."""
    check_name("kind of export", kind, EXPORTS, StoreError, before="--as: ")
    if license is not None and kind != "dataset":
        raise StoreError(f"--license {license} is of a data set; --as {kind} has none")
