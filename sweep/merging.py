"""Finished or interrupted sweeps of one study joined in a new folder: rows, generators, samples, checkpoints, logs."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ganscape.files import replacing_folder
from ganscape.results import store
from ganscape.results.frames import load
from ganscape.results.store import StoreError, kept_generators
from ganscape.results.store.merging import StoredFolder, merge_rows
from ganscape.results.store.rows import Tables, read_rows, write_tables
from ganscape.sweep import checkpoints, generators
from ganscape.sweep.log import FILE


def merge(folders: Sequence[str | Path], into: str | Path) -> Path:
    """Writes a new folder that holds all that these output folders hold, whole or not at all, and returns it.

    The folders stay as they are. A sweep may be continued, grown and confirmed in the new one. Of a trial that is in
    training the checkpoint with most cycles is taken along.

    Raises:
      StoreError: for fewer than two folders, a new folder that is not empty, folders in which a sweep runs, and those
        that `results.store.merging.merge_rows` cannot merge. Nothing is written before.
    """
    into, sources = Path(into), [Path(folder) for folder in folders]
    if len({folder.resolve() for folder in sources}) < 2:
        raise StoreError("merge takes two or more different output folders")
    check_new(into)
    with ExitStack() as stack:
        for folder in sources:
            stack.enter_context(store.unwritten(folder))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        command = shlex.join(["ganscape", *sys.argv[1:]])
        rows = merge_rows([StoredFolder(folder, _rows_with_files(folder)) for folder in sources], command, now)
        with replacing_folder(into) as folder:
            write_tables(folder, rows)
            copy_files(sources, folder)
    return into


def copy_files(sources: Sequence[Path], target: Path) -> None:
    """Copies what lies beside the stores of these folders and belongs to trials of the store in `target`."""
    _copy_generators(sources, target)
    _copy_samples(sources, target)
    _copy_checkpoints(sources, target)
    _join_logs(sources, target)


def check_new(folder: Path) -> None:
    """Raises StoreError for a folder that holds anything, or that cannot be one."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"'{folder}' is not an empty folder; nothing is overwritten, name a new one")


def _rows_with_files(folder: Path) -> Tables:
    """The rows of a folder; a generator whose file is missing is not kept."""
    load(folder)  # refuses what is damaged
    rows = read_rows(folder)
    for row in kept_generators(rows["generators"]):
        if not generators.path_of(folder / generators.FOLDER, row["trial"], row["rung"]).is_file():
            rows["generators"].append({**row, "kept": 0})
    return rows


def _copy_generators(sources: Sequence[Path], target: Path) -> None:
    """Copies the files of the generators that are kept, each from the first folder that has it."""
    kept = load(target).generators()
    for trial, rung in zip(kept["trial"], kept["rung"], strict=True):
        paths = (generators.path_of(source / generators.FOLDER, trial, rung) for source in sources)
        path = next(path for path in paths if path.is_file())
        home = target / generators.FOLDER / trial
        home.mkdir(parents=True, exist_ok=True)
        for file in (path, path.with_suffix(generators.CARD)):
            if file.is_file():
                shutil.copy2(file, home)


def _copy_samples(sources: Sequence[Path], target: Path) -> None:
    for source in sources:
        for path in sorted((source / "samples").rglob("*.png")):
            copy = target / path.relative_to(source)
            if path.is_file() and not path.is_symlink() and not copy.exists():  # a link may lead anywhere
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)


def _copy_checkpoints(sources: Sequence[Path], target: Path) -> None:
    trials = load(target).trials()
    for trial in trials.loc[trials["status"] == "running", "trial"]:
        found = [pair for source in sources for pair in checkpoints.written(source / "checkpoints" / trial).items()]
        if found:
            _, checkpoint = max(found, key=lambda pair: pair[0])
            copy = target / "checkpoints" / trial / checkpoint.name
            copy.parent.mkdir(parents=True)
            (shutil.copytree if checkpoint.is_dir() else shutil.copy2)(checkpoint, copy)


def _join_logs(sources: Sequence[Path], target: Path) -> None:
    """One log after the other, each below the name of its folder."""
    lines = [line for source in sources for line in _log_of(source)]
    if lines:
        (target / FILE).write_text("".join(lines), encoding="utf-8")


def _log_of(source: Path) -> Iterator[str]:
    path = source / FILE
    if path.is_file():
        yield f"log of {source.name}:\n"
        yield from path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
