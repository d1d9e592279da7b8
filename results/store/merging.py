"""The rows of several output folders as those of one sweep."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganscape.results.store.database import StoreError, rows_of
from ganscape.results.store.definitions import as_json, differences
from ganscape.results.store.growth import join_definitions, place_trials
from ganscape.results.store.reader import kept_generators
from ganscape.results.store.rows import Tables, definitions_of

# What identifies a row -> what two rows of one identity must agree in.
IDENTITIES = {
    "protocols": (("fingerprint",), ("description",)),
    "trials": (("trial",), ("config", "method", "seed", "settings")),
    "scores": (("trial", "rung", "metric", "protocol"), ("images", "value")),
    "signs": (("trial", "rung", "quantity"), ("value", "cause")),
    # Untrained generators are of the first config of an architecture, which depends on the methods of a folder: those
    # of the first folder count.
    "baselines": (("protocol", "kind", "source", "draw"), ("metric",)),
}
# Of a failure the first row counts; one of these causes says nothing of the trial itself.
FAILURE = ("trial", "attempt", "cause", "rung", "step", "message")
OUTER_CAUSES = ("crashed", "lost", "timeout")
JSON = ("description", "settings")
SHOWN = 3  # conflicts that an error lists


class StoredFolder(NamedTuple):
    """A folder with the rows of its store."""

    folder: Path
    tables: Tables


def merge_rows(sources: Sequence[StoredFolder], command: str, now: str) -> Tables:
    """Returns the rows of a store that holds all that the stores of several folders hold.

    A trial that is in several of them is there once. Where it was lost or crashed in one folder and another folder has
    later scores of it, the failure stays as a row, no longer final. Of the generators that are kept of a trial, the one
    of the lowest score is kept. The definition is that of the larger study that all of them have grown to.

    Args:
      command: who asks. now: when, as stores write it.

    Raises:
      StoreError: if the folders hold different studies, or if they disagree about a trial, a score or a failure.
    """
    names = " and ".join(f"'{source.folder}'" for source in sources)
    try:
        definitions = _definitions(sources)
        joined = join_definitions([source.folder for source in sources], [history[-1] for history in definitions])
    except StoreError as error:
        raise StoreError(f"{names} cannot be merged: {error}") from error
    placed = [_placed(source, [*history, joined]) for source, history in zip(sources, definitions, strict=True)]
    merged, conflicts = {}, []
    for table in IDENTITIES:
        merged[table], different = _union(table, placed)
        conflicts += different
    merged["failures"], merged["retries"], contradicted = _failures(placed, now)
    if conflicts := [*conflicts, *contradicted]:
        more = f"; and {len(conflicts) - SHOWN} more" if len(conflicts) > SHOWN else ""
        raise StoreError(f"{names} cannot be merged: {'; '.join(conflicts[:SHOWN])}{more}")
    for table in ("environments", "owners", "programs"):
        merged[table] = sorted(_distinct(placed, table), key=lambda row: row["recorded"])
    merged["study"] = placed[0].tables["study"]
    history = [row for source in placed for row in source.tables["definitions"]]
    history += [_as_history(row) for source in placed[1:] for row in source.tables["study"]]
    last = {"definition": as_json(joined), "command": command, "recorded": now}
    merged["definitions"] = [*sorted(map(_without_id, history), key=lambda row: row["recorded"]), last]
    merged["generators"] = _generators(placed, merged["scores"], joined, now)
    return merged


def _definitions(sources: Sequence[StoredFolder]) -> list[list[dict[str, Any]]]:
    """The definitions of each folder, once it is sure that all measure alike."""
    for source in sources:
        if not source.tables["study"]:
            raise StoreError(f"'{source.folder}' holds no study yet")
    definitions = [definitions_of(source.tables) for source in sources]
    described = [
        {row["fingerprint"]: json.loads(row["description"]) for row in source.tables["protocols"]}.get(
            history[-1].get("protocol"), {}
        )
        for source, history in zip(sources, definitions, strict=True)
    ]
    for protocol in described[1:]:
        if found := differences(described[0], protocol):
            raise StoreError(f"their scores do not compare: {found}")
    return definitions


def _placed(source: StoredFolder, definitions: Sequence[Mapping[str, Any]]) -> StoredFolder:
    """The folder with its trials where the joined study has them."""
    rows = [{"phase": None, "phase_round": None, **row} for row in source.tables["trials"]]
    columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
    placed = rows_of(place_trials(columns, definitions)) if rows else []
    return source._replace(tables={**source.tables, "trials": placed})


def _union(table: str, sources: Sequence[StoredFolder]) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of a table in all folders, those of one identity once, and in words where two of these differ."""
    identity, facts = IDENTITIES[table]
    first: dict[tuple, dict[str, Any]] = {}
    conflicts = []
    for source in sources:
        for row in source.tables[table]:
            key = tuple(row[name] for name in identity)
            known = first.setdefault(key, row)
            found = differences(*({name: _plain(name, each.get(name)) for name in facts} for each in (known, row)))
            if found:
                what = ", ".join(f"{name} {value}" for name, value in zip(identity, key, strict=True))
                conflicts.append(f"{table} of {what}: {found} in '{source.folder}'")
    return [_without_id(row) for row in first.values()], conflicts


def _plain(name: str, value: Any) -> Any:
    return json.loads(value) if name in JSON else value


def _failures(sources: Sequence[StoredFolder], now: str) -> tuple[list[dict], list[dict], list[str]]:
    """The failures of all folders, which of them are no longer final, and in words where a failure contradicts scores
    of another folder."""
    furthest = [_furthest(source) for source in sources]
    numbers: dict[tuple, int] = {}
    rows: list[dict[str, Any]] = []
    retries: dict[int, str] = {}
    conflicts = []
    for source, own in zip(sources, furthest, strict=True):
        retried = {row["failure"]: row["recorded"] for row in source.tables["retries"]}
        for row in source.tables["failures"]:
            key = tuple(row[name] for name in FAILURE)
            if key not in numbers:
                numbers[key] = len(rows) + 1
                rows.append({**row, "id": numbers[key]})
            trial = row["trial"]
            if row["id"] in retried:
                retries.setdefault(numbers[key], retried[row["id"]])
            elif row["final"] and max(other.get(trial, -1) for other in furthest) > own.get(trial, -1):
                if row["cause"] in OUTER_CAUSES:
                    retries.setdefault(numbers[key], now)
                else:
                    ended = f"trial {trial} {row['cause']} in '{source.folder}'"
                    conflicts.append(f"{ended}, and went on in another folder")
    again = [{"failure": number, "recorded": recorded} for number, recorded in sorted(retries.items())]
    return rows, again, conflicts


def _furthest(source: StoredFolder) -> dict[str, int]:
    """The last rung of each trial that has a score."""
    furthest: dict[str, int] = {}
    for row in source.tables["scores"]:
        furthest[row["trial"]] = max(row["rung"], furthest.get(row["trial"], -1))
    return furthest


def _distinct(sources: Sequence[StoredFolder], table: str) -> Iterator[dict[str, Any]]:
    """The rows of a table; one that a copy of a folder has too, equal in all but its id, once."""
    known = set()
    for source in sources:
        for row in map(_without_id, source.tables[table]):
            if (key := tuple(sorted(row.items()))) not in known:
                known.add(key)
                yield row


def _generators(
    sources: Sequence[StoredFolder], scores: list[dict], definition: Mapping[str, Any], now: str
) -> list[dict]:
    """The history of kept generators, and at its end which are kept from now on."""
    value = {
        (row["trial"], row["rung"]): row["value"]
        for row in scores
        if (row["metric"], row["protocol"]) == (definition.get("metric"), definition.get("protocol"))
    }
    kept: dict[str, dict[str, Any]] = {}
    for row in (row for source in sources for row in kept_generators(source.tables["generators"])):
        best = kept.setdefault(row["trial"], row)
        kept[row["trial"]] = min(best, row, key=lambda each: value.get((each["trial"], each["rung"]), float("inf")))
    history = list(_distinct(sources, "generators"))
    said = {(row["trial"], row["rung"]): row for row in kept_generators(history)}
    wanted = {(row["trial"], row["rung"]): row for row in kept.values()}
    changes = [{**row, "kept": 0} for key, row in said.items() if key not in wanted]
    changes += [row for key, row in wanted.items() if key not in said]
    return history + [{**_without_id(row), "recorded": now} for row in changes]


def _as_history(row: Mapping[str, Any]) -> dict[str, Any]:
    """The first definition of a folder as one of several."""
    return {"definition": row["definition"], "command": "", "recorded": row["recorded"]}


def _without_id(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
