"""Checkpoints: trials in mid-training, to and from disk with orbax.

A checkpoint is a folder `<folder>/<trial>/<cycle>` holding arrays by name. Orbax writes under a
temporary name and renames, so a folder with a whole number as its name is complete; the newest one
that can be read counts.
"""

import json
import math
import shutil
from collections.abc import Container
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ganscape.sweep.measuring.diagnostics import Diagnostic
from ganscape.sweep.messages import Score, Trial
from ganscape.sweep.population import Population

Arrays = dict[str, np.ndarray]


def save_checkpoint(folder: str, trial: str, cycle: int, arrays: Arrays) -> None:
    """Writes the checkpoint of a trial at a cycle, then removes the trial's older ones."""
    import orbax.checkpoint as ocp

    home = Path(folder).absolute() / trial
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(home / str(cycle), arrays, force=True)
    for older in cycles(home):
        if older != cycle:
            shutil.rmtree(home / str(older), ignore_errors=True)


def load_checkpoint(folder: str, trial: str) -> Arrays | None:
    """Returns the arrays of the newest readable checkpoint of a trial, None if there is none."""
    home = Path(folder).absolute() / trial
    written = cycles(home)
    if not written:
        return None
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        for cycle in sorted(written, reverse=True):
            try:
                restored = checkpointer.restore(home / str(cycle))
            except (ValueError, KeyError, OSError):
                continue
            return {name: np.asarray(array) for name, array in restored.items()}
    return None


def forget(folder: str, trial: str) -> None:
    """Removes every checkpoint of the trial."""
    shutil.rmtree(Path(folder) / trial, ignore_errors=True)


def forget_trials(folder: str, trials: Container[str]) -> None:
    """Removes every checkpoint of these trials."""
    if Path(folder).is_dir():
        for home in list(Path(folder).iterdir()):
            if home.name in trials:
                forget(folder, home.name)


def cycles(home: Path) -> list[int]:
    """Returns at which cycles the folder of a trial has whole checkpoints."""
    if not home.is_dir():
        return []
    return [int(entry.name) for entry in home.iterdir() if entry.name.isdigit()]


def pack(member: Population, seconds: float, cpu_seconds: float, scores: list[Score]) -> Arrays:
    """Returns a member, without the leading axis, with its seconds and scores as arrays by name.

    The order of the leaves is that of JAX's tree and must stay: old checkpoints are read by it.
    """
    arrays = {f"leaf{number:04d}": np.asarray(leaf) for number, leaf in enumerate(jax.tree.leaves(member))}
    arrays["seconds"], arrays["cpu_seconds"] = np.asarray(seconds), np.asarray(cpu_seconds)
    for score in scores:
        numbers = (score.rung, score.images, score.value, score.seconds)
        arrays[f"score{score.rung:012d}"] = np.asarray(numbers, np.float64)
        arrays[f"cpu{score.rung:012d}"] = np.asarray(score.cpu_seconds)
        arrays[f"grid{score.rung:012d}"] = score.grid
        arrays[f"signs{score.rung:012d}"] = _as_bytes(score.signs)
        if score.further:  # one metric alone leaves the checkpoint as it always was
            arrays[f"further{score.rung:012d}"] = _as_bytes(score.further)
    return arrays


def unpack(
    arrays: Arrays, trial: Trial, attempt: int, template: Population
) -> tuple[Population, float, float, list[Score]]:
    """Returns the member, its wall and CPU seconds and its scores; the template, 0, 0 and none if the arrays are of
    another program.

    template: a member of the same trial, whose leaves say which shapes and types are expected.
    """
    leaves = [arrays[name] for name in sorted(arrays) if name.startswith("leaf")]
    if list(map(_kind, leaves)) != list(map(_kind, jax.tree.leaves(template))):
        return template, 0.0, 0.0, []
    member = jax.tree.unflatten(jax.tree.structure(template), leaves)
    scores = []
    for name in sorted(name for name in arrays if name.startswith("score")):
        rung, images, value, seconds = arrays[name].tolist()
        grid, text = (arrays[name.replace("score", part)] for part in ("grid", "signs"))
        diagnostics = tuple(Diagnostic(*row) for row in json.loads(text.tobytes()))
        rest = arrays.get(name.replace("score", "further"))
        further = () if rest is None else tuple((metric, other) for metric, other in json.loads(rest.tobytes()))
        score = Score(trial.id, attempt, int(rung), int(images), value, seconds, grid, diagnostics, further=further)
        cpu_seconds = float(arrays.get(name.replace("score", "cpu"), math.nan))
        scores.append(score._replace(cpu_seconds=cpu_seconds))
    return member, float(arrays["seconds"]), float(arrays.get("cpu_seconds", math.nan)), scores


def _as_bytes(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _kind(array: np.ndarray) -> tuple:
    return np.shape(array), np.asarray(array).dtype
