"""A study that is given more: which definitions can be united, and where a trial stands in the larger study."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganscape.results.definition import decisive_part, phase_of_round, phases_of, with_names_of
from ganscape.results.store.database import StoreError
from ganscape.results.store.definitions import as_plain, differences

# What may become more, and the name of the scale, which is a label for numbers.
MAY_GROW = ("scale", "seeds", "configs", "rounds", "images", "rungs", "methods", "phases", "plugins")
NUMBERS = ("seeds", "configs", "rounds")


def unite(folder, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the definition of the study that has all of both: methods, phases, seeds, configs, rounds and images.

    Raises:
      StoreError: if they are different studies, if less is asked for than is stored, or if what is there would not have
        come about in the larger study.
    """
    stored, asked = dict(stored), with_names_of(as_plain(asked), stored)
    plugins = _plugins(folder, stored, asked)
    one, two = decisive_part(stored), decisive_part(asked)
    fixed = [{name: value for name, value in study.items() if name not in MAY_GROW} for study in (one, two)]
    both = [name for name in one["methods"] if name in two.get("methods", {})] if "methods" in one else []
    methods = [{f"method {name}": study["methods"][name] for name in both} for study in (one, two)]
    if found := differences(fixed[0] | methods[0], fixed[1] | methods[1]):
        raise StoreError(f"'{folder}' holds another study: {found}; choose another folder")
    united: dict[str, Any] = dict(asked)
    if "methods" in asked:
        united["methods"] = _methods(stored, asked)
    if plugins:
        united["plugins"] = plugins
    phases = _phases(folder, stored, asked)
    united |= {name: phases[0][name] for name in NUMBERS if name in stored or name in asked}
    if len(phases) > 1:
        united["phases"] = phases[1:]
    if "rungs" in asked:
        united["rungs"] = _rungs(folder, stored, asked)
        united["images"] = united["rungs"][-1]
    same = decisive_part({**united, "scale": ""}) == decisive_part({**stored, "scale": ""})
    return dict(stored) if same else united


def join_definitions(folders: Sequence, definitions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the definition of the study that has all that the studies of several folders have.

    Raises:
      StoreError: if one of them cannot grow to it, as `unite` says.
    """
    joined = as_plain(definitions[0])
    for definition in definitions[1:]:
        joined = _at_least(with_names_of(as_plain(definition), joined), joined)
    for _ in range(2):  # the first time methods and phases of all come together, the second time all grow to the same
        for folder, definition in zip(folders, definitions, strict=True):
            joined = unite(folder, definition, joined)
    return joined


def _at_least(definition: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A definition whose numbers are those of another one where these are larger."""
    larger: dict[str, Any] = {**definition}
    before: list[dict[str, Any]] = [dict(phase) for phase in phases_of(other)]
    after: list[dict[str, Any]] = [dict(phase) for phase in phases_of(definition)]
    for phase, smaller in zip(after, before, strict=False):
        phase |= {name: max(phase[name], smaller[name]) for name in NUMBERS}
    larger |= {name: after[0][name] for name in NUMBERS if name in definition or name in other}
    if len(after) > 1:
        larger["phases"] = after[1:]
    if "rungs" in definition and "rungs" in other and other["rungs"][-1] > definition["rungs"][-1]:
        larger |= {"rungs": other["rungs"], "images": other["images"]}
    return larger


def describe_growth(stored: Mapping[str, Any], united: Mapping[str, Any]) -> str:
    """Returns what a study was given, in words; "" for nothing."""
    before, after = ([dict(phase) for phase in phases_of(each)] for each in (stored, united))
    words = [f"images {stored['images']:,} -> {united['images']:,}"] * (stored.get("images") != united.get("images"))
    for phase, larger in zip(before, after, strict=False):
        of_phase = f" of phase {phase['name']}" if len(after) > 1 else ""
        words += [
            f"{name}{of_phase} {phase[name]} -> {larger[name]}" for name in NUMBERS if phase[name] != larger[name]
        ]
    for phase, larger in zip(before, after, strict=False):
        if phase.get("methods") != larger.get("methods"):
            words.append(f"phase {phase['name']}{_of_methods(larger) or ' of all methods'}")
    words += [f"phase {phase['name']}{_of_methods(phase)}" for phase in after[len(before) :]]
    words += [f"method {name}" for name in united.get("methods", {}) if name not in stored.get("methods", {})]
    return ", ".join(words)


def _of_methods(phase: Mapping[str, Any]) -> str:
    return f" of {', '.join(phase['methods'])}" if "methods" in phase else ""


def place_trials(trials: Mapping[str, list], definitions: Sequence[Mapping[str, Any]]) -> dict[str, list]:
    """Returns the columns of trials with `phase` its name and `round` its number in the last definition.

    They are ordered as the last definition would have asked for them at once: by round, then methods and configs in the
    order in which they were asked first, then seeds.

    trials: with phase and phase_round, None where the first definition held when they were asked.
    definitions: of a study, the oldest first.

    Raises ValueError for a phase that the study does not have.
    """
    places = [*map(placement(definitions), trials["phase"], trials["phase_round"], trials["round"])]
    columns = zip(*places, strict=True) if places else [()] * 3
    placed = {**trials, **dict(zip(("phase", "phase_round", "round"), map(list, columns), strict=True))}
    if len(definitions) == 1:
        return placed
    order: dict[Any, int] = {}
    ranks = []
    for (phase, number, asked_in), method, config, seed in zip(
        places, placed["method"], placed["config"], placed["seed"], strict=True
    ):
        of_method = order.setdefault(method, len(order))
        of_config = order.setdefault((method, phase, number, config), len(order))
        ranks.append((asked_in, of_method, of_config, seed))
    indices = sorted(range(len(ranks)), key=ranks.__getitem__)
    return {name: [column[index] for index in indices] for name, column in placed.items()}


def placement(
    definitions: Sequence[Mapping[str, Any]],
) -> Callable[[str | None, Any, int], tuple[str, int, int]]:
    """Returns a function that translates phase, phase_round and round of a stored trial to those that it has in the
    last definition; see `place_trials`."""
    first, last = (phases_of(definition) for definition in (definitions[0], definitions[-1]))
    first_starts, starts = _starts(first), _starts(last)

    @functools.cache
    def place(phase: str | None, number: Any, asked_in: int) -> tuple[str, int, int]:
        if phase is None:
            phase = phase_of_round(first, asked_in)
            number = asked_in - first_starts[phase]
        if phase not in starts:
            raise ValueError(f"phase {phase[:40]!r} of a row of trials is none of the study")
        return phase, number, starts[phase] + number

    return place


def _starts(phases) -> dict[str, int]:
    """The number of each phase's first round, by name."""
    starts: dict[str, int] = {}
    number = 0
    for phase in phases:
        starts.setdefault(phase["name"], number)
        number += phase["rounds"]
    return starts


def _methods(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The methods of both, in the order of the study where it is known."""
    if all(name in asked["methods"] for name in stored["methods"]):
        return asked["methods"]
    return {**stored["methods"], **asked["methods"]}


def _plugins(folder, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[dict[str, str]]:
    """The modules from outside that either study uses; StoreError for one whose code has changed in between."""
    before, after = ({each["name"]: each["sha256"] for each in study.get("plugins", ())} for study in (stored, asked))
    for name in before.keys() & after.keys():
        if before[name] != after[name]:
            raise StoreError(
                f"module {name!r} is not the code that '{folder}' was trained with ({after[name][:12]} now, "
                f"{before[name][:12]} then); restore it, choose another folder, or go on with --allow-changed-code, "
                "which is recorded"
            )
    return [{"name": name, "sha256": sha256} for name, sha256 in sorted((before | after).items())]


def _phases(folder, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    before: list[dict[str, Any]] = [dict(phase) for phase in phases_of(stored)]
    after: list[dict[str, Any]] = [dict(phase) for phase in phases_of(asked)]
    kind = ("name", "searcher", "settings", "scheduler")
    for number, (phase, larger) in enumerate(zip(before, after, strict=False)):
        if found := differences(*({name: each.get(name) for name in kind} for each in (phase, larger))):
            raise StoreError(f"'{folder}' holds another study: phase {number + 1}: {found}; choose another folder")
        _check_phase(folder, phase, larger, before[number + 1 :], _scheduler_of(stored, phase))
        asked_of: Any = larger.pop("methods", None)
        if "methods" in phase and asked_of is not None:  # else all methods take part
            larger["methods"] = [*dict.fromkeys([*phase["methods"], *asked_of])]
    return [*after, *before[len(after) :]]


def _check_phase(folder, phase, larger, later, scheduler: str) -> None:
    """Raises StoreError unless the trials of a phase are trials of the larger one, as far as they go."""
    for name in NUMBERS:
        if larger[name] < phase[name]:
            raise StoreError(
                f"{name}={larger[name]} is fewer than the {name}={phase[name]} of phase {phase['name']} in '{folder}'; "
                f"ask for {phase[name]} or more"
            )
    changed = [name for name in NUMBERS if larger[name] != phase[name]]
    if not changed or phase["confirms"]:
        return
    where = f"phase {phase['name']} in '{folder}'"
    chosen = [each["name"] for each in later if not each["confirms"]]
    if chosen:
        raise StoreError(f"{changed[0]} of {where} cannot grow: phase {chosen[0]} was chosen from what it found")
    batches = [math.ceil(each["configs"] / each["rounds"]) for each in (phase, larger)]
    if (phase["rounds"] > 1 and batches[0] != batches[1]) or batches[1] < min(batches[0], phase["configs"]):
        raise StoreError(
            f"configs={larger['configs']} in rounds={larger['rounds']} are {batches[1]} in a round; {where} has "
            f"{batches[0]} in a round, and later rounds follow from it: ask for rounds of {batches[0]}"
        )
    if scheduler != "none" and "seeds" in changed:
        raise StoreError(f"seeds of {where} cannot grow: scheduler {scheduler} has decided by those that are there")
    if scheduler == "halving" and batches[0] != batches[1]:
        raise StoreError(f"configs of {where} cannot grow in a round: halving has compared those that are there")


def _rungs(folder, stored: Mapping[str, Any], asked: Mapping[str, Any]) -> list[int]:
    before, after = stored["rungs"], asked["rungs"]
    if after[-1] < before[-1]:
        raise StoreError(
            f"images={after[-1]} is fewer than the images={before[-1]} of '{folder}'; ask for {before[-1]} or more"
        )
    new = [rung for rung in after if rung not in before]
    if any(rung < before[-1] for rung in new):
        raise StoreError(
            f"trials in '{folder}' have scores at {', '.join(f'{rung:,}' for rung in before)} images, none at "
            f"{min(new):,}; keep interval={before[0]}"
        )
    schedulers = [_scheduler_of(stored, phase) for phase in phases_of(stored) if not phase["confirms"]]
    if new and (spread := [name for name in schedulers if name != "none"]):
        raise StoreError(f"images of '{folder}' cannot grow: scheduler {spread[0]} spread its decisions over it")
    return sorted({*before, *after})


def _scheduler_of(definition: Mapping[str, Any], phase: Mapping[str, Any]) -> str:
    return phase.get("scheduler") or definition.get("scheduler", "none")
