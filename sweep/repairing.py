"""A new output folder of all that is whole in a damaged one."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ganscape.files import replacing_folder
from ganscape.metrics import Protocol
from ganscape.models import Config
from ganscape.models.generator_file import GeneratorError, load_generator
from ganscape.results import store
from ganscape.results.frames import load
from ganscape.results.store.repairing import Saved, save_whole_rows
from ganscape.sweep.merging import check_new, copy_files
from ganscape.sweep.proposals import trial_of


def repair(folder: str | Path, to: str | Path) -> dict[str, Saved]:
    """Writes a new folder with every row, generator, sample and checkpoint of a damaged one that is whole, and returns
    what became of each table.

    The ids of trials and configs and the fingerprints of protocols are hashes of what they stand for: a row that does
    not match its own is lost. The damaged folder stays as it is.

    Raises:
      StoreError: if nothing can be read, if a sweep runs there, or if the new folder is not empty.
    """
    folder, to = Path(folder), Path(to)
    check_new(to)
    with store.unwritten(folder), replacing_folder(to) as new:
        saved = save_whole_rows(folder, new, _identity_fault())
        saved["generators"] = _drop_damaged_generators(folder, new, saved["generators"])
        copy_files([folder], new)
    return saved


def _identity_fault() -> Callable[[str, Mapping[str, Any]], str]:
    """A function that says why a row is not what its own id, fingerprint or number says."""
    seeds: list[int] = []  # of the study, once it is known

    def fault(table: str, row: Mapping[str, Any]) -> str:
        if table == "study" and "seed" in row["definition"]:
            seeds.append(row["definition"]["seed"])
        elif table == "protocols" and Protocol(**row["description"]).fingerprint != row["fingerprint"]:
            return "its description is another protocol's"
        elif table == "trials":
            config = Config.from_dict(row["settings"])
            if config.identity() != row["config"]:
                return "its settings are another config's"
            if seeds and trial_of(seeds[0], row["method"], config, row["seed"]).id != row["trial"]:
                return "its method, settings and seed are another trial's"
        elif table == "scores" and not math.isfinite(row["value"]):
            return f"its value is {row['value']}"
        return ""

    return fault


def _drop_damaged_generators(folder: Path, new: Path, saved: Saved) -> Saved:
    """Says of kept generators whose file cannot be loaded that they are kept no longer."""
    lost, changes = list(saved.lost), []
    results = load(new)
    for row in results.generators().to_dict("records"):
        path = Path(row["path"])
        try:
            load_generator(folder / path.relative_to(new))
        except GeneratorError as error:
            lost.append(str(error))
            changes.append({name: row[name] for name in ("trial", "rung", "bytes")} | {"kept": False})
    with store.open_store(new) as writer:
        if changes:
            writer.add_generators(changes)
    return Saved(saved.rows, lost)
