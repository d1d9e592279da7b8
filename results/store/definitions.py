"""Definitions of studies as JSON, and in words what differs between two."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def differences(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Says what differs between two dicts, three entries at most and how many more; "" where nothing does."""
    words = list(_differing("", stored, asked))
    return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")


def _differing(name: str, stored: Any, asked: Any) -> Iterator[str]:
    """Yields a sentence for each entry that differs; of dicts the innermost ones."""
    if isinstance(stored, Mapping) and isinstance(asked, Mapping) and not {"kind"} & (stored.keys() | asked.keys()):
        for key in {**stored, **asked}:
            yield from _differing(f"{name} {key}".strip(), stored.get(key), asked.get(key))
    elif stored != asked:
        yield f"{name} is {_in_words(stored)}, not {_in_words(asked)}"


def _in_words(value: Any) -> str:
    """Returns a value for people: a range like LogUniform(1e-05, 0.01), a list with commas between."""
    if isinstance(value, Mapping):
        inner = ", ".join(_in_words(each) for key, each in value.items() if key != "kind")
        named = ", ".join(f"{key}={_in_words(each)}" for key, each in value.items())
        return f"{value['kind']}({inner})" if "kind" in value else f"({named})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_in_words, value))}]"
    return "none" if value is None else json.dumps(value)


def as_plain(value) -> Any:
    """Returns the value as it is read back from the store."""
    return json.loads(as_json(value))


def as_json(value) -> str:
    """Returns JSON text; floats keep every bit, numpy scalars become plain numbers, NaN and infinity are refused."""
    return json.dumps(value, allow_nan=False, default=lambda scalar: scalar.item())
