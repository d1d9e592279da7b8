"""The code from outside the package that a study uses, in its definition and its protocols."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from ganscape.metrics import Protocol
from ganscape.results.definition import Definition, PluginDefinition
from ganscape.results.store import STORE, read_facts
from ganscape.sweep.plugins import plugins_of


def with_code(
    out: str | Path, definition: Definition, protocols: Sequence[Protocol], allow_changed: bool
) -> tuple[Definition, tuple[Protocol, ...]]:
    """Returns a definition with the modules from outside that it uses, and the protocols that it is scored by.

    allow_changed: whether both get the hashes that the sweep in `out` has for the same modules. It then remains the
      study that it was; each start of a sweep records the hashes of the code that it runs.

    Raises PluginError for a study that uses what the running script has registered.
    """
    plugins, changed = plugins_of(definition, protocols), tuple(protocols)
    if allow_changed:
        stored = _stored(out)
        for plugin in plugins:
            changed = tuple(_replaced(protocol, plugin, stored) for protocol in changed)
        plugins = [{"name": p["name"], "sha256": stored.get(p["name"], p["sha256"])} for p in plugins]
    first, *further = changed
    facts: dict[str, Any] = {"protocol": first.fingerprint}
    facts |= {"further": {other.metric: other.fingerprint for other in further}} if further else {}
    facts |= {"plugins": plugins} if plugins else {}
    return cast(Definition, {**definition, **facts}), changed


def _stored(out: str | Path) -> dict[str, str]:
    """Returns module -> hash of the sweep in `out`, {} without one."""
    studies = read_facts(out)["study"] if (Path(out) / STORE).exists() else []
    return {plugin["name"]: plugin["sha256"] for row in studies for plugin in row["definition"].get("plugins", ())}


def _replaced(protocol: Protocol, plugin: PluginDefinition, stored: dict[str, str]) -> Protocol:
    now = plugin["sha256"]
    then = stored.get(plugin["name"], now)
    return protocol._replace(code=protocol.code.replace(now, then), weights=protocol.weights.replace(now, then))
