"""Several output folders as one study, where their scores may be compared."""

from collections.abc import Iterable

from ganscape.results.definition import comparable
from ganscape.results.frames import Results
from ganscape.results.store import StoreError, differences

# What has to agree for scores, rungs and phases to mean the same.
AGREE = ("metric", "data", "data_fingerprint", "rungs", "searcher", "rounds", "phases")
WORDS = ("configs", "seeds", "seed", "scale", "study", "question", "source", "settings", "images")


def concat(parts: Iterable[Results]) -> Results:
    """One view of several folders, each of which stays one search (`searches`).

    Methods of the same name must be asked from the same space. Raises StoreError naming what differs where scores
    would not compare, and for a trial that is in two of them.
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
    studies = [{name: comparable(part.study).get(name) for name in AGREE} for part in (one, other)]
    if found := differences(studies[0] | spaces[0], studies[1] | spaces[1]):
        raise StoreError(f"{names} cannot be concatenated: {found}")
    both = set(one.trials()["trial"]) & set(other.trials()["trial"])
    if both:
        raise StoreError(f"{names} cannot be concatenated: both hold trial '{min(both)}'")


def _joined(study: dict, tables: list[dict[str, dict[str, list]]]) -> dict[str, dict[str, list]]:
    joined = {
        table: {column: [value for each in tables for value in each[table][column]] for column in columns}
        for table, columns in tables[0].items()
    }
    known: dict[str, dict] = {}
    for each in tables:
        known |= dict(zip(each["protocols"]["fingerprint"], each["protocols"]["description"], strict=True))
    joined["protocols"] = {"fingerprint": [*known], "description": [*known.values()]}
    return joined | {"study": {"definition": [study]}}
