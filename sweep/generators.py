"""The files of trained generators that a sweep keeps.

    OUT/generators/TRIAL/RUNG.safetensors    what `models.generator_file` saves: weights to sample with, config, card
    OUT/generators/TRIAL/RUNG.json           config and card once more, for people

A worker writes both before it reports the score that they belong to; which of them stay, the driver decides
(`sweep.keeping`).
"""

import importlib.metadata
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganscape import __version__
from ganscape.files import replacing
from ganscape.models.family import SamplingWeights
from ganscape.models.generator_file import save_generator
from ganscape.results.definition import Definition
from ganscape.sweep.messages import Score, Trial, Workload

logger = logging.getLogger(__name__)
FOLDER = "generators"
WEIGHTS, CARD = ".safetensors", ".json"
PACKAGES = ("jax", "jaxlib", "flax", "numpy")


def path_of(folder: str | Path, trial: str, rung: int) -> Path:
    """Returns where the generator of a trial at a rung is, in a folder OUT/generators."""
    return Path(folder) / trial / f"{rung}{WEIGHTS}"


def size_of(folder: str, trial: str, rung: int) -> int:
    """Returns the size of a generator's file in bytes; 0 if there is none, or its folder cannot be read."""
    try:
        return path_of(folder, trial, rung).stat().st_size if folder else 0
    except OSError:
        return 0


def is_there(folder: str | Path, trial: str, rung: int) -> bool:
    """Returns whether a generator's file may be there: True also for a folder that this user may not read."""
    try:
        return path_of(folder, trial, rung).is_file()
    except OSError:
        return True


def write_generator(workload: Workload, trial: Trial, cycle: int, score: Score, weights: SamplingWeights) -> int:
    """Writes the generator that was scored, with its card, and returns the bytes of its file.

    cycle: training cycles done, from which the draw of the score's samples follows.
    """
    card = card_of(workload, trial, cycle, score)
    path = path_of(workload.generators, trial.id, score.rung)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path.with_suffix(CARD), "w", durable=False) as file:  # what it says is in the other file too
        json.dump({"config": trial.config.to_dict(), **card}, file, indent=2)
    return save_generator(path, trial.config, weights, workload.dataset.image_shape, card)


def study_card(definition: Definition, protocol: dict[str, Any]) -> dict[str, Any]:
    """Returns what the cards of all generators of a study have in common."""
    return {
        "study": definition["study"],
        "study_seed": definition["seed"],
        "data": definition["data"],
        "data_fingerprint": definition["data_fingerprint"],
        "protocol": protocol,
    }


def card_of(workload: Workload, trial: Trial, cycle: int, score: Score) -> dict[str, Any]:
    """Returns what is to be known of a generator: its study, trial, data, protocol and score, and who wrote it."""
    return {
        **workload.card,
        "method": trial.method,
        "trial": trial.id,
        "config_id": trial.config.identity(),
        "seed": trial.seed,
        "key": list(trial.key),
        "rung": score.rung,
        "images": score.images,
        "cycle": cycle,
        "metric": workload.metric,
        "score": score.value,
        # A checkout that is found by PYTHONPATH has no metadata.
        "versions": {"ganscape": __version__} | {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def remove(folder: str | Path, trial: str, rung: int) -> None:
    """Removes a generator's file and card. The trial's folder stays: its worker may be writing the next one into it."""
    path = path_of(folder, trial, rung)
    try:
        path.unlink(missing_ok=True)
        path.with_suffix(CARD).unlink(missing_ok=True)
    except OSError as error:  # a file too many, which a later start removes
        logger.warning("a generator that is not kept cannot be removed: %s", error)


def found_in(folder: str | Path) -> Iterator[tuple[str, int]]:
    """Yields trial and rung of every generator or card in a folder OUT/generators."""
    for path in sorted(Path(folder).glob("*/*")):
        if path.suffix in (WEIGHTS, CARD) and path.stem.isdigit():
            yield path.parent.name, int(path.stem)
