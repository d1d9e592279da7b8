"""The contracts of what `ganscape.register` takes, as checks for the tests of a plugin's author.

    def test_my_module_keeps_the_contracts():
        ganscape.testing.check_plugin("mine.py")

Every check raises AssertionError. The entries of the package pass the same checks in tests/test_registries.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganscape.testing.entries import (
    check_data_set,
    check_encoder,
    check_loss,
    check_metric,
    check_penalty,
    check_scheduler,
    check_searcher,
    check_study,
)
from ganscape.testing.training import check_architecture, check_executor, check_family

__all__ = [
    "check_architecture",
    "check_data_set",
    "check_encoder",
    "check_executor",
    "check_family",
    "check_loss",
    "check_metric",
    "check_penalty",
    "check_plugin",
    "check_scheduler",
    "check_searcher",
    "check_study",
]


def check_plugin(module: str | Path) -> list[str]:
    """Imports a module and checks every entry that it registers; returns them as "loss exponential"."""
    from ganscape.sweep.plugins import import_plugins
    from ganscape.sweep.registration import ENTRIES, KINDS, registry_of

    import_plugins([str(module)])
    owner = Path(module).stem if str(module).endswith(".py") else str(module)
    registries = {kind.word: registry_of(kind) for kind in KINDS.values()}
    checked = []
    for (word, name), registered_by in list(ENTRIES.items()):
        if registered_by == owner:
            if word in CHECKS:
                CHECKS[word](registries[word][name])
            else:
                CHECKS_BY_NAME[word](name)
            checked.append(f"{word} {name}")
    return checked


# what an entry is called -> the check of one
CHECKS: dict[str, Callable[[Any], None]] = {
    "loss": check_loss,
    "penalty": check_penalty,
    "searcher": check_searcher,
    "scheduler": check_scheduler,
    "data set": check_data_set,
    "metric": check_metric,
    "encoder": check_encoder,
    "study": check_study,
}
# likewise, by the name under which an entry is registered, for those that a config or an option names
CHECKS_BY_NAME: dict[str, Callable[[str], None]] = {
    "architecture": check_architecture,
    "family": check_family,
    "executor": check_executor,
}
