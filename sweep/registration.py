"""Entries of the registries from outside the package: `ganscape.register(losses={...}, searchers={...})`.

An entry is checked when it is registered, and belongs to the module whose code registers it; `sweep.plugins` imports
such modules here and in workers.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ganscape.errors import UserError, shown
from ganscape.sweep.plugin_code import Code, read_code

if TYPE_CHECKING:
    from ganscape.data import Source
    from ganscape.metrics import Formula
    from ganscape.metrics.encoders import Encoder
    from ganscape.models.architectures.architecture import Architecture
    from ganscape.models.family import Family
    from ganscape.models.losses import Loss
    from ganscape.search_spaces import Study

NAME = re.compile(r"[A-Za-z][\w./-]{0,63}")


class PluginError(UserError):
    """Code from outside the package that cannot be used; one line."""


class RegistryKind(NamedTuple):
    """A registry that takes entries from outside.

    word: what one entry is called. module, registry: where the dictionary is, imported when it is first needed, because
      some need JAX. of: the class of an entry, as "module:class"; "" for functions, which take `arguments`.
    key: under which the definition of a study names an entry.
    """

    word: str
    module: str
    registry: str
    of: str = ""
    arguments: tuple[str, ...] = ()
    key: str = ""


KINDS: dict[str, RegistryKind] = {
    "losses": RegistryKind("loss", "models.losses", "LOSSES", of="models.losses:Loss", key="loss"),
    "penalties": RegistryKind(
        "penalty",
        "models.penalties",
        "PENALTIES",
        arguments=("critic", "kernels", "real", "fake", "key"),
        key="penalty",
    ),
    "architectures": RegistryKind(
        "architecture",
        "models.architectures",
        "ARCHITECTURES",
        of="models.architectures.architecture:Architecture",
        key="architecture",
    ),
    "families": RegistryKind("family", "models.families", "FAMILIES", of="models.family:Family", key="family"),
    "searchers": RegistryKind("searcher", "sweep.searchers", "SEARCHERS", arguments=("space", "seed"), key="searcher"),
    "schedulers": RegistryKind(
        "scheduler", "sweep.schedulers", "SCHEDULERS", arguments=("entrants", "index", "rung_index"), key="scheduler"
    ),
    "metrics": RegistryKind("metric", "metrics", "FORMULAS", of="metrics:Formula"),
    "encoders": RegistryKind("encoder", "metrics.encoders", "ENCODERS", arguments=("image_shape",)),
    "classifiers": RegistryKind("encoder", "metrics.encoders", "ENCODERS", arguments=("image_shape",)),
    "data_sets": RegistryKind("data set", "data", "DATASETS", of="data:Source", key="data"),
    "studies": RegistryKind("study", "search_spaces", "STUDIES", of="search_spaces:Study", key="study"),
    "executors": RegistryKind(
        "executor", "sweep.executors", "EXECUTORS", arguments=("out", "workers", "resources", "cluster")
    ),
}


# (word, name) -> the module that registered it, and the function that removes it again.
ENTRIES: dict[tuple[str, str], str] = {}
_REMOVE: dict[tuple[str, str], Callable[[], None]] = {}
# Modules that are being imported as plugins: what their parts register is theirs.
IMPORTING: list[str] = []
# Module -> its code, for every module from outside that has registered something or is being imported to do so.
CODE: dict[str, Code] = {}


def register(
    *,
    losses: "Mapping[str, Loss] | None" = None,
    penalties: "Mapping[str, Callable] | None" = None,
    architectures: "Mapping[str, Architecture] | None" = None,
    families: "Mapping[str, Family] | None" = None,
    searchers: "Mapping[str, Callable] | None" = None,
    schedulers: "Mapping[str, Callable] | None" = None,
    metrics: "Mapping[str, Formula] | None" = None,
    encoders: "Mapping[str, Callable[[tuple[int, int, int]], Encoder]] | None" = None,
    classifiers: "Mapping[str, Callable[[tuple[int, int, int]], Encoder]] | None" = None,
    data_sets: "Mapping[str, Source] | None" = None,
    studies: "Mapping[str, Study] | None" = None,
    executors: "Mapping[str, Callable] | None" = None,
) -> None:
    """Adds entries to registries, each under a name that studies, settings and options can then use.

    Call it in a module of your own and name that module to `ganscape run --import`, `ganscape.run(imports=...)` or a
    study file, so that workers import it too. docs/how_to_add.md has an example of each.

    Args:
      losses: models.losses.Loss. penalties: functions (critic, kernels, real, fake, key) -> scalar.
      architectures: models.architectures.architecture.Architecture. families: models.family.Family.
      searchers: classes or functions (space, seed) -> an object with `ask` and `tell`.
      schedulers: functions (entrants, index, rung_index) -> Decision.
      metrics: metrics.Formula; "NAME_ENCODER" is then a metric for every encoder.
      encoders: functions (image_shape) -> Encoder of features; classifiers: the same of logits.
      data_sets: data.Source. studies: search_spaces.Study.
      executors: functions (out, workers, resources, cluster) -> context manager of a RunningExecutor.

    Raises:
      PluginError: in one line, for a name that is taken, is no name, or an entry of another kind or signature; nothing
        is registered then.
    """
    given = {kind: dict(entries) for kind, entries in locals().items() if entries}
    module = IMPORTING[-1] if IMPORTING else sys._getframe(1).f_globals.get("__name__", "__main__")
    if not given:
        raise PluginError(f"{module} registers nothing: ganscape.register takes {', '.join(KINDS)}")
    for kind, entries in given.items():
        for name, entry in entries.items():
            _check(KINDS[kind], name, entry, module)
    _record_code(module)
    for kind, entries in given.items():
        for name, entry in entries.items():
            key = (KINDS[kind].word, name)
            _REMOVE[key] = _add(kind, name, entry, module)
            ENTRIES[key] = module


def unregister(module: str) -> None:
    """Removes every entry that a module has registered."""
    for key in [key for key, owner in ENTRIES.items() if owner == module]:
        _REMOVE.pop(key)()
        del ENTRIES[key]


def registry_of(kind: RegistryKind) -> dict[str, Any]:
    """Returns the dictionary that entries of a kind are in."""
    return getattr(importlib.import_module(f"ganscape.{kind.module}"), kind.registry)


def _check(kind: RegistryKind, name: str, entry: Any, module: str) -> None:
    """Raises PluginError unless an entry can be registered under this name."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"{module} registers {kind.word} {shown(name)}: a name is a letter and at most 63 of: a-z 0-9 _ . - /"
        )
    if name in registry_of(kind):
        owner = ENTRIES.get((kind.word, name))
        by = f"{owner} has registered it" if owner else "Ganscape has one of this name"
        raise PluginError(f"{module} registers {kind.word} {name!r}, but {by}; choose another name")
    if kind.of:
        home, _, cls = kind.of.partition(":")
        if not isinstance(entry, getattr(importlib.import_module(f"ganscape.{home}"), cls)):
            raise PluginError(
                f"{module} registers {kind.word} {name!r} as {_article(type(entry).__name__)}; it must be a "
                f"ganscape.{home}.{cls}"
            )
        return
    problem = _problem(entry, kind.arguments)
    if not problem and kind.word == "searcher" and isinstance(entry, type):
        problem = next((f"has no method {method}" for method in ("ask", "tell") if not hasattr(entry, method)), "")
    if problem:
        raise PluginError(f"{module} registers {kind.word} {name!r}, which {problem}")


def _problem(entry: Any, arguments: tuple[str, ...]) -> str:
    """Returns why an entry cannot be called with so many arguments, "" if it can."""
    if not callable(entry):
        return f"is {_article(type(entry).__name__)}, not a function of ({', '.join(arguments)})"
    try:
        signature = inspect.signature(entry)
    except (TypeError, ValueError):  # a function of C, which says nothing of itself
        return ""
    try:
        signature.bind(*arguments)
    except TypeError:
        return f"takes {signature}, not ({', '.join(arguments)})"
    return ""


def _article(word: str) -> str:
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"


def _add(kind: str, name: str, entry: Any, module: str) -> Callable[[], None]:
    """Puts an entry into its registry; returns the function that removes it."""
    if kind == "metrics":
        from ganscape import metrics

        return metrics.add_formula(name, entry, hash_of_module(module))
    if kind in ("encoders", "classifiers"):
        from ganscape import metrics
        from ganscape.metrics.encoders import ENCODERS

        ENCODERS[name] = partial(_encoder, name, entry, module)
        summary = (inspect.getdoc(entry) or f"features of {module}").splitlines()[0].rstrip(".")
        remove = metrics.add_encoder(name, summary, of_logits=kind == "classifiers")
        return lambda: (remove(), ENCODERS.pop(name))[0]
    registry = registry_of(KINDS[kind])
    registry[name] = entry
    return lambda: registry.pop(name, None)


def _encoder(name: str, make: Callable, module: str, image_shape: tuple[int, int, int]) -> "Encoder":
    """Returns the encoder of a module, whose code is part of its identity: features in a cache and the protocols of
    scores are those of this code."""
    from ganscape.metrics.encoders import Encoder

    encoder = make(image_shape)
    if not isinstance(encoder, Encoder):
        raise PluginError(f"encoder {name!r} of {module} makes {_article(type(encoder).__name__)}, not an Encoder")
    code = f"code {hash_of_module(module)}"
    return encoder._replace(name=name, weights=code if encoder.weights == "none" else f"{encoder.weights}, {code}")


def hash_of_module(module: str) -> str:
    """Returns the SHA-256 of a module's code; "unrecorded" for a script or notebook, whose code cannot be imported."""
    return CODE[module].sha256 if module in CODE else "unrecorded"


def _record_code(module: str) -> None:
    """Notes the code of a module that its user has imported without our help."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if module != "__main__" and module not in CODE and file:
        CODE[module] = read_code(module, Path(file))
