"""A sweep as a data set that can be published: Parquet tables, pictures, a card, Croissant metadata; and back.

docs/share.md says what is in it. Nothing recorded is lost on the way but the name of the host and trained generators.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from ganscape.results.dataset_card import CITATION, citation, croissant, write_card
from ganscape.results.frames import load
from ganscape.results.new_folder import new_folder
from ganscape.results.store import STORE, StoreError
from ganscape.results.store.tables import dump_tables, fill_tables

METADATA, CARD, SAMPLES, TABLES = "croissant.json", "README.md", "samples", "tables"
# Column types in Parquet, by the values that a store has.
KINDS = {int: "int64", float: "float64", str: "string"}


def export_dataset(out: str | Path, folder: str | Path, license: str | None = None) -> Path:
    """Writes the sweep in `out` as a data set into a new folder, whole or not at all; returns the folder.

    license: the SPDX name of the license that it is published under, such as CC-BY-4.0.

    Raises StoreError if `out` holds no sweep, or the folder exists.
    """
    out, folder = Path(out), Path(folder)
    results = load(out)
    if not results.study:
        raise StoreError(f"'{out}' holds no study yet; ganscape run begins one")
    with new_folder(folder) as temporary:
        tables = dump_tables(out)
        _without_host(tables["environments"])
        (temporary / TABLES).mkdir()
        files = {}
        for name, columns in tables.items():
            path = temporary / TABLES / f"{name}.parquet"
            _write_parquet(path, columns)
            files[name] = _facts(path, columns)
        if (out / SAMPLES).is_dir():
            shutil.copytree(out / SAMPLES, temporary / SAMPLES)
        metadata = json.dumps(croissant(results, files, license), indent=1)
        (temporary / METADATA).write_text(metadata + "\n", encoding="utf-8")
        (temporary / CARD).write_text(write_card(results, files, license), encoding="utf-8")
        (temporary / CITATION).write_text(citation(results, license), encoding="utf-8")
    return folder


def import_dataset(folder: str | Path, out: str | Path) -> Path:
    """Makes an output folder of a data set that `export_dataset` wrote, whole or not at all; returns it.

    Its frames, report and verdict are those of the sweep that was exported; it can be continued like that one.

    Raises StoreError, naming the file, for one that is missing or not what was exported, and if `out` exists.
    """
    folder, out = Path(folder), Path(out)
    tables = {name: _read_parquet(path) for name, path in _checked_files(folder)}
    with new_folder(out) as temporary:
        fill_tables(temporary, tables)
        if (folder / SAMPLES).is_dir():
            shutil.copytree(folder / SAMPLES, temporary / SAMPLES, ignore=_foreign_entries)
        for name in ("store.lock", f"{STORE}-wal", f"{STORE}-shm"):
            (temporary / name).unlink(missing_ok=True)
    return out


def _foreign_entries(folder: str, names: list[str]) -> list[str]:
    """Returns the entries of a folder that are neither folders nor files of its own: a link may lead anywhere."""
    paths = {name: Path(folder, name) for name in names}
    return [name for name, path in paths.items() if path.is_symlink() or not (path.is_dir() or path.is_file())]


def _without_host(environments: dict[str, list]) -> None:
    """Takes the names of machines out of the records of starts."""
    kept = [{name: value for name, value in json.loads(text).items() if name != "host"}
            for text in environments["environment"]]  # fmt: skip
    environments["environment"] = [json.dumps(start) for start in kept]


def _write_parquet(path: Path, columns: dict[str, list]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    def array(values: list) -> Any:
        (kind,) = {type(value) for value in values if value is not None} or {str}
        return pa.array(values, pa.type_for_alias(KINDS[kind]))

    parquet.write_table(pa.table({name: array(values) for name, values in columns.items()}), path)


def _read_parquet(path: Path) -> dict[str, list]:
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_table(path).to_pydict()
    except (ArrowException, OSError, ValueError) as error:
        raise StoreError(f"'{path}' is no Parquet file that can be read: {' '.join(str(error).split())}") from error


def _facts(path: Path, columns: dict[str, list]) -> dict[str, Any]:
    """Returns what the metadata say of a table: its hash, size, and the type of each column."""
    kinds = {
        name: next((type(value).__name__ for value in values if value is not None), "str")
        for name, values in columns.items()
    }
    rows = len(next(iter(columns.values())))
    return {"sha256": _sha256(path), "bytes": path.stat().st_size, "columns": kinds, "rows": rows}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked_files(folder: Path) -> list[tuple[str, Path]]:
    """Returns every table of a data set with its file, which is the one that was exported."""
    path = folder / METADATA
    if not path.is_file():
        raise StoreError(f"'{folder}' is no data set of a sweep: it holds no {METADATA}")
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["distribution"]
        listed = [(Path(entry["contentUrl"]), entry["sha256"]) for entry in files]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"'{path}' is damaged: {type(error).__name__} {error}") from error
    for relative, sha256 in listed:
        file = folder / relative
        if relative.parent != Path(TABLES) or relative.suffix != ".parquet":
            raise StoreError(f"'{path}' names '{relative}', which is no file of {TABLES}/")
        if not file.is_file():
            raise StoreError(f"'{file}' is missing; {METADATA} lists it")
        if _sha256(file) != sha256:
            raise StoreError(f"'{file}' is not what was exported: its hash is not that of {METADATA}")
    return [(relative.stem, folder / relative) for relative, _ in listed]
