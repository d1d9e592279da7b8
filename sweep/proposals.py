"""Proposals of searchers become trials: the space and the seed of a searcher, the config and the id of a trial."""

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganscape.data import DATASETS
from ganscape.models import Config, ConfigError
from ganscape.search_spaces import Phase, Space
from ganscape.sweep.messages import Trial
from ganscape.sweep.population import key_of
from ganscape.sweep.searchers import SEARCHERS, Observation, facts_of
from ganscape.sweep.searchers.sequences import REPEATS

# How many configs of a method's round are asked for, at most, only to look at them before work starts.
ASKED = 1000


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


def first_round_size(phase: Phase) -> int:
    """Returns how many configs of each method the first phase asks for in its first round."""
    return min(phase.batch, phase.configs)


def propose(
    name: str,
    space: Space,
    numbers: tuple[int, ...],
    size: int,
    make_config: Callable[[Mapping[str, Any]], Config],
    observations: Sequence[Observation] = (),
) -> list[Config]:
    """Returns `size` different configs that a searcher proposes, none of them observed before; fewer if it has no more.

    A searcher that learns from scores is asked once. Draws that are equal are drawn again, until REPEATS in a row were
    there before.

    Args:
      name: a key of SEARCHERS. numbers: its seed. make_config: returns the config of settings that it proposes.
      observations: configs and their scores, in the order they were asked.
    """
    searcher, most = SEARCHERS[name](space, numbers), REPEATS if facts_of(name)["independent"] else 0
    searcher.tell([item._replace(settings=space.select_fields(item.settings)) for item in observations])
    known = {Config.from_dict(observation.settings).identity() for observation in observations}
    configs: list[Config] = []
    repeated = 0
    while len(configs) < size and (proposals := searcher.ask(size - len(configs))):
        for config in map(make_config, proposals):
            repeated += 1
            if config.identity() not in known:
                known.add(config.identity())
                configs.append(config)
                repeated = 0
        if repeated >= most:
            break
    return configs


def trial_id(study_seed: int, method: str, identity: str, seed: int) -> str:
    """Returns the id of a trial, twelve hex digits: a hash of study seed, method, identity of the config and seed."""
    return hashlib.sha256(f"{study_seed}/{method}/{identity}/{seed}".encode()).hexdigest()[:12]


def trial_of(study_seed: int, method: str, config: Config, seed: int) -> Trial:
    """Returns the trial of a config and a seed."""
    identity = config.identity()
    name = trial_id(study_seed, method, identity, seed)
    key = key_of(study_seed, identity, seed)
    return Trial(name, method, seed, key, identity, sys.intern(config.structure()), lambda: config)


def stored_trial(study_seed: int, row: Mapping[str, Any], settings: Callable[[str], Mapping[str, Any]]) -> Trial:
    """Returns the trial of a row of the store.

    settings: the trial's id -> those of its config; called when the config is needed.
    """
    name, identity, seed = row["trial"], row["config"], row["seed"]
    key = key_of(study_seed, identity, seed)
    structure = sys.intern(row["structure"])
    return Trial(name, row["method"], seed, key, identity, structure, lambda: Config.from_dict(settings(name)))
