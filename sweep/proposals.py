"""Proposals of searchers become trials: the space and the seed of a searcher, the config and the id of a trial."""

import hashlib
from collections.abc import Mapping
from typing import Any

from ganscape.data import DATASETS
from ganscape.models import Config, ConfigError
from ganscape.search_spaces import Phase, Space
from ganscape.sweep.messages import Trial
from ganscape.sweep.population import trial_key


def space_in(space: Space, phase: Phase) -> Space:
    """Returns a method's space in a later phase: the phase's settings are fixed, and no defaults are asked first."""
    for field, value in phase.settings.items():
        space = space.pin(field, value)
    return space._replace(defaults=())


def searcher_seed(study_seed: int, method: str, number: int) -> tuple[int, ...]:
    """Returns the seed of a method's searcher in a round."""
    name = int.from_bytes(hashlib.sha256(method.encode()).digest()[:8])
    return study_seed, name, number


def config_of(method: str, settings: Mapping[str, Any], classes: int | None) -> Config:
    """Returns the config of a method with these settings, and with the number of the data's classes if it has a
    conditioning. Raises ConfigError, naming the method, if they do not fit together."""
    if settings.get("conditioning", "none") != "none":
        if classes is None:
            labelled = ", ".join(name for name, source in DATASETS.items() if source.classes)
            raise ConfigError(
                f"method {method}: conditioning={settings['conditioning']!r} needs classes, which these data have "
                f"not; it needs one of: {labelled}"
            )
        settings = {"classes": classes, **settings}
    try:
        config = Config.from_dict(settings)
    except ConfigError as error:
        raise ConfigError(f"method {method}: {error}") from None
    if config.classes not in (None, classes):
        raise ConfigError(f"method {method}: classes={config.classes}, but the data have {classes}")
    return config


def trial_of(study_seed: int, method: str, config: Config, seed: int) -> Trial:
    """Returns the trial of a config and a seed. Its id, twelve hex digits, is a hash of study seed, method, config and
    seed."""
    identity = f"{study_seed}/{method}/{config.identity()}/{seed}"
    name = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return Trial(name, method, config, seed, trial_key(study_seed, config, seed))
