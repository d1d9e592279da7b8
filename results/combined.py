"""Combines several output folders into one study, if their scores can be compared."""

from collections.abc import Iterable

from ganscape.results.definition import decisive_part
from ganscape.results.frames import Results
from ganscape.results.store import StoreError, differences

# Entries of a definition that must agree, so that scores, rungs and phases mean the same.
AGREE = ("metric", "data", "data_fingerprint", "rungs", "searcher", "rounds", "phases")
WORDS = ("configs", "seeds", "seed", "scale", "study", "question", "source", "settings", "images")


def concat(parts: Iterable[Results]) -> Results:
    """Returns one Results for several folders, each of which remains a search of its own (`searches`).

    Methods of the same name must have the same space. Raises StoreError, naming the difference, if scores cannot be
    compared or a trial is in two folders.
    """
    parts = list(parts)
    if not parts:
        raise StoreError("nothing to concatenate: name at least one output folder")
    for part in parts[1:]:
        _check(parts[0], part)
    first = parts[0].study
    study = first | {"methods": {name: space for part in parts for name, space in part.study["methods"].items()}}
    for name in WORDS:
        if any(part.study.get(name) != first.get(name) for part in parts):
            study.pop(name, None)
    if "study" in first:
        study["study"] = " and ".join(dict.fromkeys(part.study["study"] for part in parts))
    return Results(parts[0].folder, _joined(study, [part.tables() for part in parts]), tuple(parts))


def _check(one: Results, other: Results) -> None:
    names = f"'{one.folder}' and '{other.folder}'"
    if not one.study or not other.study:
        empty = other.folder if one.study else one.folder
        raise StoreError(f"{names} cannot be concatenated: '{empty}' holds no study yet")
    how = [part.protocol() for part in (one, other)]
    if how[0] != how[1]:
        raise StoreError(f"scores of {names} do not compare: {differences(*how)}")
    methods = {name for name in one.study["methods"] if name in other.study["methods"]}
    spaces = [{f"method {name}": part.study["methods"][name] for name in sorted(methods)} for part in (one, other)]
    studies = [{name: decisive_part(part.study).get(name) for name in AGREE} for part in (one, other)]
    if found := differences(studies[0] | spaces[0], studies[1] | spaces[1]):
        raise StoreError(f"{names} cannot be concatenated: {found}")
    both = set(one.trials()["trial"]) & set(other.trials()["trial"])
    if both:
        raise StoreError(f"{names} cannot be concatenated: both hold trial '{min(both)}'")


def _joined(study: dict, tables: list[dict[str, dict[str, list]]]) -> dict[str, dict[str, list]]:
    joined = {
        table: {column: [value for part in tables for value in part[table][column]] for column in columns}
        for table, columns in tables[0].items()
    }
    protocols: dict[str, dict] = {}
    for part in tables:
        protocols |= dict(zip(part["protocols"]["fingerprint"], part["protocols"]["description"], strict=True))
    joined["protocols"] = {"fingerprint": [*protocols], "description": [*protocols.values()]}
    return joined | {"study": {"definition": [study]}}
