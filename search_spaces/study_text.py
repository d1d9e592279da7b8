"""Writes a study as the text of a TOML file, which `search_spaces.study_file` reads."""

import json
import re
from typing import Any

from ganscape.search_spaces.conditions import Partly, Unless, When
from ganscape.search_spaces.dimensions import Choice, Dimension, Integer, LogUniform
from ganscape.search_spaces.study import Study


def write_study(study: Study) -> str:
    """Returns the text of a file from which `read_study` reads this study."""
    lines = [f"{name} = {_toml(getattr(study, name))}" for name in ("question", "source", "searcher")]
    if study.metrics:
        lines.append(f"metrics = {_toml(study.metrics)}")
    for name, space in study.methods.items():
        lines += ["", f"[methods.{_key(name)}]", f"source = {_toml(space.source)}", f"fixed = {_toml(space.fixed)}"]
        if space.defaults:
            searched = [{f: v for f, v in default.items() if space.fixed.get(f, ()) != v} for default in space.defaults]
            lines += ["defaults = [", *(f"  {_toml(default)}," for default in searched), "]"]
        if space.dimensions:
            lines += ["", f"[methods.{_key(name)}.ranges]"]
            lines += [f"{_key(field)} = {_toml(_describe(dimension))}" for field, dimension in space.dimensions.items()]
    for name, scale in study.scales.items():
        own = {"own": scale.own} if scale.own else {}
        elsewhere = ("phases", "own", "variants")
        values = {f: v for f, v in scale._asdict().items() if v is not None and f not in elsewhere} | own
        lines += ["", f"[scales.{_key(name)}]", *(f"{field} = {_toml(value)}" for field, value in values.items())]
        for data, variant in scale.variants.items():
            lines += ["", f"[scales.{_key(name)}.variants.{_key(data)}]"]
            lines += [f"{field} = {_toml(value)}" for field, value in variant._asdict().items() if value is not None]
        for phase in scale.phases:
            lines += ["", f"[[scales.{_key(name)}.phases]]"]
            stated = {
                field: value
                for field, value in phase._asdict().items()
                if value or field not in ("methods", "scheduler")
            }
            lines += [f"{field} = {_toml(value)}" for field, value in stated.items()]
    return "\n".join(lines) + "\n"


def _describe(dimension: Dimension) -> dict[str, Any]:
    if isinstance(dimension, When):
        described = _describe(dimension.dimension)
        condition = {dimension.field: list(dimension.values)}
        if isinstance(dimension, Unless):
            return described | {"unless": condition | described.get("unless", {})}
        return described | {"when": condition} | ({"of": list(dimension.of)} if isinstance(dimension, Partly) else {})
    if isinstance(dimension, Choice):
        return {"options": list(dimension.options)}
    kind = {LogUniform: {"log": True}, Integer: {"integer": True}}.get(type(dimension), {})
    return {"low": dimension.low, "high": dimension.high} | kind  # type: ignore[attr-defined]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, flags=re.ASCII) else json.dumps(name)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_toml(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
