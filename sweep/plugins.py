"""Modules from outside the package that register entries: imported in the driver and in every worker.

A module is a file, named by its path, or something installed, named as in an import statement; installed packages may
also name themselves by an entry point of the group `ganscape.plugins`. Importing runs its code: import nothing that
you would not run.
"""

import contextlib
import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganscape.errors import shown
from ganscape.metrics import Protocol
from ganscape.results.definition import PluginDefinition
from ganscape.sweep.plugin_code import SHOWN, Code, read_code
from ganscape.sweep.registration import CODE, ENTRIES, IMPORTING, KINDS, PluginError, unregister

GROUP = "ganscape.plugins"


def import_plugins(names: Sequence[str] = (), folder: str | Path | None = None) -> None:
    """Imports these modules and those of entry points, each once; one whose file has changed is imported again.

    Args:
      names: paths that end in .py, or dotted names.
      folder: what relative paths are relative to; the working folder by default.

    Raises:
      PluginError: in one line, for a module that does not exist, fails when it is imported, or registers something
        that is taken or of the wrong kind.
    """
    if isinstance(names, str):
        raise PluginError(f"imports={shown(names)} must be a list of modules, such as [{shown(names)}]")
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            _import(point.module, None)
        except PluginError as error:
            raise PluginError(f"{error} (an entry point of {point.dist.name if point.dist else GROUP})") from None
    for name in names:
        _import(name, Path(folder) if folder is not None else Path.cwd())


def loaded() -> tuple[Code, ...]:
    """Returns the code of every module that is there, for workers to import it too."""
    return tuple(CODE.values())


def import_in_worker(modules: Collection[Code]) -> str:
    """Imports the driver's modules into this process. Returns "", or in words which of them cannot be had alike."""
    for code in modules:
        if code.module in CODE and CODE[code.module].sha256 == code.sha256:
            continue
        try:
            if code.text is not None:
                _execute(code)
                continue
            if str(Path(code.where).parent) not in sys.path:
                sys.path.append(str(Path(code.where).parent))
            _import(code.module, None)
        except PluginError as error:
            return str(error)
        if CODE[code.module].sha256 != code.sha256:
            return (
                f"module {code.module!r} is other code on {os.uname().nodename} ({CODE[code.module].sha256[:SHOWN]}) "
                f"than where the sweep was started ({code.sha256[:SHOWN]}); install the same on all nodes"
            )
    return ""


def plugins_of(definition: Mapping[str, Any], protocols: Sequence[Protocol]) -> list[PluginDefinition]:
    """Returns the modules whose entries a study and its protocols use, by name, with the hashes of their code.

    Raises:
      PluginError: if one of these entries was registered by the script or notebook that is running, which workers do
        not import.
    """
    named = set(_named((), definition))
    modules = set()
    for (word, name), module in ENTRIES.items():
        keys = {kind.key for kind in KINDS.values() if kind.word == word}
        if word == "metric":
            used = any(protocol.metric == f"{name}_{protocol.encoder}" for protocol in protocols)
        elif word == "encoder":
            used = any(protocol.encoder == name for protocol in protocols)
        else:
            used = any((key, name) in named for key in keys)
        if used and module not in CODE:
            raise PluginError(
                f"{word} {name!r} was registered by the script or notebook that is running, which workers do not "
                "import; put it into a file, say mine.py, and name that: imports=['mine.py']"
            )
        if used:
            modules.add(module)
    return [{"name": module, "sha256": CODE[module].sha256} for module in sorted(modules)]


def check_imported(folder: str | Path, definition: Mapping[str, Any], changed_too: bool = True) -> None:
    """Raises PluginError unless every module that a stored study uses is imported, with the code that it had.

    changed_too: whether other code is an error.
    """
    for plugin in definition.get("plugins", ()):
        name = plugin["name"]
        if name not in CODE:
            raise PluginError(
                f"the study in '{folder}' uses module {name!r}, which is not imported; name it: --import {name}.py"
            )
        if changed_too and CODE[name].sha256 != plugin["sha256"]:
            raise PluginError(describe_change(folder, name, plugin["sha256"], CODE[name].sha256))


def describe_change(folder: str | Path, name: str, before: str, now: str) -> str:
    """Returns the sentence that refuses a study whose code has changed."""
    return (
        f"module {name!r} is not the code that '{folder}' was trained with ({now[:SHOWN]} now, {before[:SHOWN]} then); "
        "restore it, choose another folder, or go on with --allow-changed-code, which is recorded"
    )


def _named(keys: tuple[str, ...], value: Any) -> Iterator[tuple[str, str]]:
    """Yields (key, text) for every text in a definition, with every key that it stands under."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _named((*keys, key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _named(keys, inner)
    elif isinstance(value, str):
        yield from ((key, value) for key in keys)


def _import(name: str, folder: Path | None) -> None:
    """Imports one module, unless its code is there already. folder: of relative paths; None: only what is installed."""
    if name.endswith(".py") or os.sep in name:
        path = (folder or Path.cwd()) / Path(name).expanduser()
        module = path.stem
        if not path.is_file():
            raise PluginError(
                f"--import {shown(name)}: there is no such file{'' if path == Path(name) else f' in {path.parent}'}"
            )
        if not module.isidentifier():
            raise PluginError(f"--import {shown(name)}: {module!r} cannot be the name of a module; rename the file")
    else:
        path, module = _installed(name, folder), name
    top = module.partition(".")[0]
    if top != module and "." in name and not name.endswith(".py"):
        path = _installed(top, folder)  # a part of a package changes with the rest of it
    try:
        code = read_code(module, path)
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"--import {shown(name)} cannot be read: {error}") from None
    if module in CODE and CODE[module].sha256 == code.sha256:
        return
    present = getattr(sys.modules.get(module), "__file__", "")
    if module in sys.modules and module not in CODE and Path(str(present)).resolve() != path.resolve():
        raise PluginError(
            f"--import {shown(name)}: there is another module {module!r}, {present or 'built in'}; rename the file"
        )
    if code.text is not None:
        _execute(code)
    else:
        _import_package(code)


def _installed(name: str, folder: Path | None) -> Path:
    """Returns the file of a module that can be imported by its dotted name, from the folder too."""
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(name)
    except Exception as error:  # importing the packages around it may fail in any way
        raise PluginError(f"--import {shown(name)}: {_reason(error)}") from None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise PluginError(
            f"--import {shown(name)}: there is no such module here; give a path that ends in .py, or install it"
        )
    return Path(spec.origin)


def _execute(code: Code) -> None:
    """Runs the source of a single file as the module of its name, here as in every worker."""
    spec = importlib.machinery.ModuleSpec(code.module, None, origin=code.where)
    module = importlib.util.module_from_spec(spec)
    module.__file__ = code.where

    def run() -> None:
        sys.modules[code.module] = module
        exec(compile(code.text or "", code.where, "exec"), module.__dict__)

    _registering(code, run)


def _import_package(code: Code) -> None:
    top = code.module.partition(".")[0]

    def run() -> None:
        for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
            del sys.modules[name]
        importlib.import_module(code.module)

    _registering(code, run)


def _registering(code: Code, run: Any) -> None:
    """Runs a module's code in place of an earlier state of it. If it fails, nothing of it stays."""
    unregister(code.module)
    CODE[code.module] = code
    IMPORTING.append(code.module)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a command's output may be read by a program
            run()
        if code.module not in ENTRIES.values():
            raise PluginError(f"--import {code.module}: the module registers nothing; it has to call ganscape.register")
    except BaseException as error:
        unregister(code.module)
        del CODE[code.module]
        sys.modules.pop(code.module, None)
        if isinstance(error, KeyboardInterrupt | PluginError):
            raise
        raise PluginError(f"--import {code.module} fails: {_reason(error)}{_line(error, code.where)}") from error
    finally:
        IMPORTING.pop()


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _line(error: BaseException, where: str) -> str:
    """Returns " (line n)" of the innermost line of the module's own file in a traceback; "" without one, as where the
    file is no Python, which the error itself locates."""
    number = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(where):
            number = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {number})" if number else ""
