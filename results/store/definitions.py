"""Definitions of studies: whether two are the same study, and in words what differs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganscape.results.definition import comparable
from ganscape.results.store.database import StoreError


def refuse_other(folder: Path, stored: Mapping[str, Any] | None, asked: Mapping[str, Any]):
    """Raises StoreError if a folder holds another study than the one asked for.

    Words about a study and facts about its searchers may change between versions; what it does may not.
    """
    if stored is None:
        return
    stored, asked = comparable(stored), comparable(json.loads(as_json(asked)))
    if stored != asked:
        raise StoreError(f"'{folder}' holds another study: {differences(stored, asked)}; choose another folder")


def differences(stored: dict, asked: dict) -> str:
    """What differs between two dicts, in words, at most three entries; "" where nothing does."""
    names = [name for name in {**stored, **asked} if stored.get(name) != asked.get(name)]
    return ", ".join(f"{name} is {_short(stored.get(name))}, not {_short(asked.get(name))}" for name in names[:3])


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def as_json(value) -> str:
    """JSON text; floats keep every bit, numpy scalars become plain numbers, NaN and infinity are refused."""
    return json.dumps(value, allow_nan=False, default=lambda scalar: scalar.item())
