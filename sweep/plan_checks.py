"""Checks of a study before work starts: each raises StudyError or ConfigError, in one line."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ganscape.data import Source
from ganscape.errors import shown
from ganscape.metrics import find_metric
from ganscape.models import Config
from ganscape.models.rules import check_images
from ganscape.models.schedules import ENDING, SCHEDULED
from ganscape.search_spaces import Phase, Scale, Study, StudyError, all_phases, write_study
from ganscape.sweep.population import images_per_cycle
from ganscape.sweep.proposals import ASKED, config_of, first_round_size, propose, searcher_seed, space_in
from ganscape.sweep.searchers import SEARCHERS, SELECTORS, facts_of


def check_least(name: str, value: Any, low: int) -> int:
    """Returns `value` if it is a whole number of at least `low`; StudyError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise StudyError(f"{name}={shown(value)} must be a whole number of at least {low}")
    return value


def check_study(study: Study, read: Callable[[Path], Study]) -> None:
    """Raises StudyError for a Study built in Python that no file could hold: names that nothing has, values that a
    field cannot have, empty tables.

    read: reads a study file, and raises StudyError for a wrong one.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "study.toml")
        try:
            path.write_text(write_study(study), encoding="utf-8")
            read(path)
        except StudyError as error:
            reason = str(error).removeprefix(f"{path}:").partition(": ")[2]
            if "not TOML" in str(error):
                reason = "a value in it is no finite number, text, true or false"
            raise StudyError(f"the study built in Python: {reason}") from None
        except (AttributeError, TypeError, ValueError) as error:
            raise StudyError(f"the study built in Python cannot be written down: {error}") from None


def check_schedulers(phases: Sequence[Phase], scheduler: str, budgets: Sequence[int]) -> None:
    """Raises StudyError if the scheduler of a phase would never decide anything.

    phases: all of a study. scheduler: of the phases that have none of their own.
    """
    rounds = 0
    for phase in phases:
        if phase.searcher in SELECTORS:
            continue
        rounds += phase.rounds
        own = phase.scheduler or scheduler
        if own != "none" and len(budgets) < 2:
            raise StudyError(
                f"scheduler {own!r} stops trials between two rungs; interval={budgets[0]} leaves one alone"
            )
    last = next(phase for phase in reversed(phases) if phase.searcher not in SELECTORS)
    if (last.scheduler or scheduler) == "median" and rounds < 2:
        raise StudyError(
            "scheduler 'median' compares with earlier rounds; this search has one: set rounds, or take one of: "
            "halving, asha"
        )


def cut_lists(study: Study, scale: Scale) -> list[str]:
    """Returns a sentence where methods whose lists of settings cover the same values are trained with the first part of
    their lists, and these parts do not: methods with a penalty have a longer list, whose first part has fewer learning
    rates."""
    if not facts_of(study.searcher)["only_defaults"]:
        return []
    lists = [space.defaults for space in study.methods.values()]
    fields = set.intersection(*(set(settings) for each in lists for settings in each))
    fields -= {field for space in study.methods.values() for field in space.fixed}

    def covered(settings: Sequence[dict[str, Any]]) -> frozenset:
        return frozenset(tuple(each[field] for field in sorted(fields)) for each in settings)

    if len({covered(each[: scale.configs]) for each in lists}) == 1 or len(set(map(covered, lists))) > 1:
        return []
    return [
        f"the first {scale.configs} listed settings of the methods are not the same: compare methods at settings that "
        f"they share, or take configs={max(map(len, lists))}"
    ]


def check_schedules(method: str, config: Config, images: int) -> None:
    """Raises StudyError if a schedule or a warm-up of a config is longer than its training, of so many real images."""
    ending = [f"{name}_images" for name in SCHEDULED if getattr(config, f"{name}_schedule") in ENDING]
    for field in ending + ["warmup_images"] * (config.warmup == "linear"):
        length = getattr(config, field)
        if length > images:
            raise StudyError(
                f"method {method}: {field}={length:.16g} is more than the {images} real images of its training, "
                f"which would end first; set {field} to {images} at most"
            )


def check_latents(method: str, config: Config, metric: str | None) -> None:
    """Raises StudyError if a metric searches the latents of a generator that has none; None is the default metric."""
    if metric is not None and find_metric(metric).inversion and config.mask is not None:
        raise StudyError(
            f"method {method}: metric {metric!r} searches a generator's latents, and one of family "
            f"{config.family!r} has none"
        )


def check_configs(
    study: Study, scale: Scale, budgets, source: Source, seed: int, metric: str | None
) -> dict[str, list[Config]]:
    """Returns method -> the configs of its first round, at most ASKED.

    Raises an error if a config cannot be trained on these images, has no score by the metric or has rungs closer than a
    training cycle: all of the first round, and as many random ones as later rounds may ask for, at most ASKED of
    each.
    """
    first, *later = all_phases(study.searcher, scale)
    searching = [phase for phase in later if phase.searcher not in SELECTORS]
    first_configs: dict[str, list[Config]] = {}
    for method, space in study.methods.items():
        numbers = searcher_seed(seed, method, 0)
        for phase in searching:
            SEARCHERS[phase.searcher](space_in(space, phase), numbers)

        def make_config(settings: Mapping[str, Any], method: str = method) -> Config:
            return config_of(method, {**scale.settings, **settings}, source.classes)

        size = min(first_round_size(first), ASKED)
        configs = propose(first.searcher, space, numbers, size, make_config)
        first_configs[method] = list(configs)
        for phase in [first] * (first.rounds > 1) + searching:
            drawn = SEARCHERS["random"](space_in(space, phase), numbers).ask(min(phase.configs, ASKED))
            configs += map(make_config, drawn)
        for config in configs:
            check_images(config, source.image_shape)
            check_schedules(method, config, budgets[-1])
            check_latents(method, config, metric)
            check_cycles(method, config, budgets)
    return first_configs


def check_cycles(method: str, config: Config, budgets: Sequence[int]) -> None:
    """Raises StudyError if a config has two rungs within one training cycle, or one within the first."""
    cycles = [budget // images_per_cycle(config) for budget in budgets]
    if cycles[0] < 1 or len(set(cycles)) < len(cycles):
        raise StudyError(
            f"rungs up to {budgets[-1]} images (the first at {budgets[0]}) are closer than one training "
            f"cycle of {images_per_cycle(config)} images (batch_size * disc_iters of {method}); "
            "raise images and interval"
        )
