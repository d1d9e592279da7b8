"""Checkpoints: trials in mid-training, to and from disk.

A checkpoint is a file `<folder>/<trial>/<cycle>.safetensors` of arrays by name, with their hash; the newest one that is
whole counts. Earlier versions wrote folders `<cycle>` by Orbax, which are read too.
"""

import json
import math
import shutil
from collections.abc import Container
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ganscape.files import replacing
from ganscape.models.generator_file import hash_arrays
from ganscape.sweep.measuring.diagnostics import Diagnostic
from ganscape.sweep.messages import Score, Trial
from ganscape.sweep.population import Population

Arrays = dict[str, np.ndarray]
SUFFIX = ".safetensors"


def save_checkpoint(folder: str, trial: str, cycle: int, arrays: Arrays) -> None:
    """Writes the checkpoint of a trial at a cycle, then removes the trial's older ones."""
    from safetensors.numpy import save

    home = Path(folder) / trial
    home.mkdir(parents=True, exist_ok=True)
    arrays = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in arrays.items()}
    content = save(arrays, {"sha256": hash_arrays(arrays)})
    with replacing(home / f"{cycle}{SUFFIX}") as file:
        file.write(content)
    for other, path in written(home).items():
        if other != cycle:
            _remove(path)


def load_checkpoint(folder: str, trial: str) -> Arrays | None:
    """Returns the arrays of the newest whole checkpoint of a trial, None if there is none."""
    for _, path in sorted(written(Path(folder) / trial).items(), reverse=True):
        arrays = _read_orbax(path) if path.is_dir() else _read(path)
        if arrays is not None:
            return arrays
    return None


def _read(path: Path) -> Arrays | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return arrays if (file.metadata() or {}).get("sha256") == hash_arrays(arrays) else None
    except (SafetensorError, OSError, ValueError):
        return None


def _read_orbax(path: Path) -> Arrays | None:
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        try:
            restored = checkpointer.restore(path.absolute())
        except (ValueError, KeyError, OSError):
            return None
    return {name: np.asarray(array) for name, array in restored.items()}


def forget(folder: str, trial: str) -> None:
    """Removes every checkpoint of the trial."""
    shutil.rmtree(Path(folder) / trial, ignore_errors=True)


def forget_trials(folder: str, trials: Container[str]) -> None:
    """Removes every checkpoint of these trials."""
    for home in _entries(Path(folder)):
        if home.name in trials:
            forget(folder, home.name)


def written(home: Path) -> dict[int, Path]:
    """Returns the checkpoints in the folder of a trial by their cycle. Files half written have other names."""
    entries = [(entry.name.removesuffix(SUFFIX), entry) for entry in _entries(home)]
    return {int(cycle): entry for cycle, entry in entries if cycle.isdigit()}


def _entries(folder: Path) -> list[Path]:
    """Returns what is in a folder; nothing if there is none, or none that can be looked into."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


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
