"""Trials in mid-training, to and from disk with orbax.

A checkpoint is a folder `<folder>/<trial>/<cycle>` holding arrays by name. Orbax writes under a
temporary name and renames, so a folder with a whole number as its name is complete; the newest one
that can be read counts.
"""

import shutil
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]


def save(folder: str, trial: str, cycle: int, arrays: Arrays) -> None:
    """The arrays of a trial at a cycle on disk; its older checkpoints removed afterwards."""
    import orbax.checkpoint as ocp

    home = Path(folder).absolute() / trial
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(home / str(cycle), arrays, force=True)
    for older in _cycles(home):
        if older != cycle:
            shutil.rmtree(home / str(older), ignore_errors=True)


def load(folder: str, trial: str) -> Arrays | None:
    """The arrays of the newest readable checkpoint of a trial, or None."""
    home = Path(folder).absolute() / trial
    cycles = _cycles(home)
    if not cycles:
        return None
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        for cycle in sorted(cycles, reverse=True):
            try:
                restored = checkpointer.restore(home / str(cycle))
            except (ValueError, KeyError, OSError):
                continue
            return {name: np.asarray(array) for name, array in restored.items()}
    return None


def forget(folder: str, trial: str) -> None:
    """No checkpoint of the trial is left."""
    shutil.rmtree(Path(folder) / trial, ignore_errors=True)


def _cycles(home: Path) -> list[int]:
    if not home.is_dir():
        return []
    return [int(entry.name) for entry in home.iterdir() if entry.name.isdigit()]
