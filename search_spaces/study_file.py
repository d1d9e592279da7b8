"""Reads a study from a TOML file that a user wrote; errors name the line of the mistake."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ganscape.errors import UserError, check_name, shown
from ganscape.search_spaces.conditions import Partly, Unless, When
from ganscape.search_spaces.dimensions import Choice, Dimension, Fixed, Integer, LogUniform, StudyError, Uniform
from ganscape.search_spaces.space import Space, check_condition
from ganscape.search_spaces.studies import find_shipped
from ganscape.search_spaces.study import SELECTING, Phase, Scale, Study, Variant
from ganscape.search_spaces.toml_text import line_of, read_toml

STUDY = {
    "question": str,
    "source": str,
    "searcher": str,
    "methods": (dict, str),
    "scales": dict,
    "metrics": dict,
    "import": list,
}
METHOD = {"source": str, "fixed": dict, "ranges": dict, "defaults": list}
RANGE = {
    "low": float,
    "high": float,
    "log": bool,
    "integer": bool,
    "options": list,
    "when": dict,
    "unless": dict,
    "of": list,
}
SCALE = {
    "data": str,
    "settings": dict,
    "configs": int,
    "seeds": int,
    "images": (int, dict),
    "interval": (int, dict),
    "samples": int,
    "summary": str,
    "rounds": int,
    "phases": list,
    "own": dict,
    "scheduler": str,
    "variants": dict,
}
VARIANT = {"images": int, "interval": int, "samples": int, "architectures": dict}
PHASE = {
    "name": str,
    "searcher": str,
    "configs": int,
    "seeds": int,
    "rounds": int,
    "settings": dict,
    "methods": list,
    "scheduler": str,
}
OPTIONAL = {
    "source",
    "metrics",
    "samples",
    "summary",
    "rounds",
    "phases",
    "settings",
    "fixed",
    "ranges",
    "defaults",
    "own",
    "scheduler",
    "variants",
    "architectures",
    "import",
}
KINDS = {str: "text", int: "a whole number of at least 1", dict: "a table", list: "a list", bool: "true or false"}


JUST_INSIDE = 1e-9
METHOD_NAME = re.compile(r"[^\W_][\w .+-]{0,63}")


class _File(NamedTuple):
    """The text of a study file, and the names that it may use."""

    path: Path
    text: str
    searchers: Collection[str]
    fields: Collection[str]
    schedulers: Collection[str]
    check_value: Callable[[str, Any], None]

    def refuse(self, keys: tuple, message: str) -> StudyError:
        """Returns an error about the entry under these keys, with its line."""
        return StudyError(f"{self.path}:{line_of(self.text, keys)}: {message}")


def read_study(
    path: str | Path,
    searchers: Collection[str],
    fields: Collection[str],
    schedulers: Collection[str] = ("none",),
    check_value: Callable[[str, Any], None] = lambda field, value: None,
) -> Study:
    """Returns the study in a TOML file.

    searchers: the names that a study or a phase may use.
    fields: the names of config fields and their aliases.
    schedulers: the names that a scale may use.
    check_value: raises UserError for a value that a config field cannot have.

    Raises:
      StudyError: one line with file and line number, for invalid TOML, an unknown or missing key, a value of the wrong
        type, an empty range, or a condition that can never hold.
    """
    path = Path(path)
    text, content = read_toml(path)
    file = _File(path, text, searchers, fields, schedulers, check_value)
    _check(file, (), content, STUDY)
    _check_name(file, ("searcher",), content["searcher"], searchers)
    for part in ("methods", "scales"):
        if not content[part]:
            raise file.refuse((part,), f"{part} is empty; a study needs one at least")
    for name in content["methods"] if isinstance(content["methods"], dict) else ():
        if not METHOD_NAME.fullmatch(name):
            allowed = "letters, digits, spaces and . _ + -, a letter or digit first, 64 at most"
            raise file.refuse(("methods", name), f"method {shown(name)} must be {allowed}")
    methods = _methods(file, content["methods"])
    for scale, each in content["scales"].items():
        for method in each.get("own", {}) if isinstance(each, dict) and isinstance(each.get("own", {}), dict) else ():
            _check_name(file, ("scales", scale, "own", method), method, methods, "method")
    scales = {name: _scale(file, ("scales", name), scale) for name, scale in content["scales"].items()}
    for name, scale in scales.items():
        for number, phase in enumerate(scale.phases):
            for method in phase.methods:
                _check_name(file, ("scales", name, "phases", number, "methods"), method, methods, "method")
    return Study(
        content["question"],
        content.get("source", path.name),
        methods,
        content["searcher"],
        scales,
        _metrics(file, content.get("metrics", {})),
    )


def read_imports(path: str | Path) -> list[str]:
    """Returns the modules that a study file names to be imported before it is read. Raises StudyError as `read_study`,
    and for anything but a list of texts."""
    text, content = read_toml(Path(path))
    modules = content.get("import", [])
    if not isinstance(modules, list) or not all(isinstance(module, str) for module in modules):
        raise StudyError(
            f'{path}:{line_of(text, ("import",))}: import = {modules!r} must be a list of modules, such as ["mine.py"]'
        )
    return modules


def _ends(dimension: Dimension) -> list:
    """Returns the values of a dimension that a limit would meet first: all options, or what lies just inside its ends,
    because a range may end where the numbers that a field takes end without being one of them."""
    while isinstance(dimension, When):
        dimension = dimension.dimension
    if isinstance(dimension, Uniform | LogUniform):
        return [dimension.from_unit(JUST_INSIDE), dimension.from_unit(1 - JUST_INSIDE)]
    return dimension.grid(2)


def _methods(file: _File, content: dict | str) -> dict[str, Space]:
    """Returns the methods in these tables, or those of the shipped study of this name."""
    if isinstance(content, dict):
        return {name: _space(file, ("methods", name), method) for name, method in content.items()}
    try:
        return find_shipped(content).methods
    except StudyError as error:
        raise file.refuse(("methods",), str(error)) from None


def _metrics(file: _File, content: dict) -> dict[str, str]:
    for data, name in content.items():
        if not isinstance(name, str):
            raise file.refuse(("metrics", data), f"metric {name!r} of {data} must be {KINDS[str]}")
    return content


def _check(file: _File, keys: tuple, content: Any, schema: Mapping[str, Any]) -> None:
    """Raises StudyError for an unknown or missing key, and for a value of the wrong type. schema: key -> type(s)."""
    where = ".".join(map(str, keys)) or "the file"
    if not isinstance(content, dict):
        raise file.refuse(keys, f"{where} is {content!r}, not a table")
    for name, value in content.items():
        check_name("key", name, schema, partial(file.refuse, (*keys, name)), before=f"{where}: ")
        kinds = schema[name] if isinstance(schema[name], tuple) else (schema[name],)
        if not any(_is(kind, value) for kind in kinds):
            expected = " or ".join(KINDS.get(kind, "a number") for kind in kinds)
            raise file.refuse((*keys, name), f"{name} = {value!r} in {where} must be {expected}")
    optional = OPTIONAL | {"methods"} if schema is PHASE else OPTIONAL
    for name in schema:
        if name not in optional and name not in content and schema is not RANGE:
            raise file.refuse(keys, f"{where} has no {name}")


def _is(kind: type, value: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float)
    return isinstance(value, kind) and not (isinstance(value, int) and value < 1)


def _check_name(file: _File, keys: tuple, name: str, choices: Collection[str], kind: str = "") -> None:
    try:
        check_name(kind or keys[-1], name, choices, StudyError)
    except StudyError as error:
        raise file.refuse(keys, str(error)) from None


def _check_settings(file: _File, keys: tuple, settings: dict) -> dict:
    for field, value in settings.items():
        try:
            check_name("config field", field, file.fields, StudyError)
            Fixed(value)
            file.check_value(field, value)
        except UserError as error:
            raise file.refuse((*keys, field), str(error)) from None
    return settings


def _space(file: _File, keys: tuple, content: Any) -> Space:
    _check(file, keys, content, METHOD)
    fixed = _check_settings(file, (*keys, "fixed"), content.get("fixed", {}))
    ranges = content.get("ranges", {})
    for name in ranges:
        if name in fixed:
            raise file.refuse((*keys, "ranges", name), f"{name} is both fixed and a range")
    dimensions = {name: _dimension(file, (*keys, "ranges", name), entry) for name, entry in ranges.items()}
    for name in dimensions:
        try:
            check_name("config field", name, file.fields, StudyError)
            check_condition(name, fixed, dimensions)
            for value in _ends(dimensions[name]):
                file.check_value(name, value)
        except UserError as error:
            raise file.refuse((*keys, "ranges", name), str(error)) from None
    defaults = content.get("defaults", [])
    for number, default in enumerate(defaults):
        if not isinstance(default, dict):
            raise file.refuse((*keys, "defaults", number), f"default {default!r} is not a table of settings")
        _check_settings(file, (*keys, "defaults", number), default)
    source = content.get("source", file.path.name)
    return Space(fixed, dimensions, tuple(fixed | default for default in defaults), source)


def _dimension(file: _File, keys: tuple, content: Any) -> Dimension:
    _check(file, keys, content, RANGE)
    content = dict(content)
    conditions = {name: content.pop(name, None) for name in ("when", "unless", "of")}
    try:
        return _conditional(_plain_dimension(content), **conditions)
    except StudyError as error:
        raise file.refuse(keys, str(error)) from None


def _conditional(dimension: Dimension, when: dict | None, unless: dict | None, of: list | None) -> Dimension:
    for name, fields in (("when", when), ("unless", unless)):
        if fields is not None and not (fields and all(isinstance(values, list) for values in fields.values())):
            raise StudyError(f"{name} = {fields!r} must name one field and a list of its values")
    for field, values in reversed((unless or {}).items()):
        dimension = Unless(dimension, field, tuple(values))
    if when is None:
        if of is not None:
            raise StudyError(f"of = {of!r} needs a when beside it")
        return dimension
    if len(when) > 1:
        raise StudyError(f"when = {when!r} must name one field and a list of its values")
    ((field, values),) = when.items()
    return When(dimension, field, tuple(values)) if of is None else Partly(dimension, field, tuple(values), tuple(of))


def _plain_dimension(content: dict[str, Any]) -> Dimension:
    if "options" in content:
        if len(content) > 1:
            raise StudyError("options go without low, high, log and integer")
        return Choice(tuple(content["options"]))
    if not {"low", "high"} <= content.keys():
        raise StudyError("a range needs low and high, or else options")
    if content.get("log") and content.get("integer"):
        raise StudyError("a range of integers cannot be logarithmic")
    kind = LogUniform if content.get("log") else Integer if content.get("integer") else Uniform
    return kind(content["low"], content["high"])


def _scale(file: _File, keys: tuple, content: Any) -> Scale:
    _check(file, keys, content, SCALE)
    for name in ("images", "interval"):
        for data, value in content[name].items() if isinstance(content[name], dict) else ():
            if not _is(int, value):
                raise file.refuse((*keys, name, data), f"{name} of {data} = {value!r} must be {KINDS[int]}")
    _check_name(file, (*keys, "scheduler"), content.get("scheduler", "none"), file.schedulers)
    settings = _check_settings(file, (*keys, "settings"), content.get("settings", {}))
    phases = tuple(_phase(file, (*keys, "phases", n), entry) for n, entry in enumerate(content.get("phases", [])))
    for method, own in content.get("own", {}).items():
        if not isinstance(own, dict):
            raise file.refuse((*keys, "own", method), f"own of {method} = {own!r} is not a table of settings")
        _check_settings(file, (*keys, "own", method), own)
    variants = {
        data: _variant(file, (*keys, "variants", data), entry) for data, entry in content.get("variants", {}).items()
    }
    absent: dict[str, Any] = {"samples": None, "summary": "", "settings": {}}
    return Scale(**absent | content | {"settings": settings, "phases": phases, "variants": variants})


def _variant(file: _File, keys: tuple, content: Any) -> Variant:
    _check(file, keys, content, VARIANT)
    for old, new in content.get("architectures", {}).items():
        _check_settings(file, (*keys, "architectures"), {"architecture": old})
        _check_settings(file, (*keys, "architectures"), {"architecture": new})
    return Variant(**content)


def _phase(file: _File, keys: tuple, content: Any) -> Phase:
    _check(file, keys, content, PHASE)
    _check_name(file, (*keys, "searcher"), content["searcher"], [*file.searchers, *SELECTING])
    if "scheduler" in content:
        _check_name(file, (*keys, "scheduler"), content["scheduler"], file.schedulers)
    settings = _check_settings(file, (*keys, "settings"), content.get("settings", {}))
    return Phase(**content | {"settings": settings, "methods": tuple(content.get("methods", ()))})
