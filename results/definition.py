"""The definition of a study: what a sweep writes into its store as JSON, once, and everybody reads there.

`sweep/plan.py` builds it. Keys keep their meaning for ever; one that was added later is absent in older folders, and
this module says what its absence means.
"""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

# What a definition says in words, which may change between versions, and facts about its searchers, which follow from
# their names (the keys of UNSTATED): none of it decides what is trained.
WORDS = ("question", "source")
# The searchers of which these facts are true in definitions that do not state them: those written before them.
UNSTATED: dict[str, tuple[str, ...]] = {
    "independent": ("points", "random", "original", "grid", "sobol"),
    "only_defaults": ("points",),
    "confirms": ("best",),
}


# Searchers by the names that they had before -> now. A definition keeps the name that it was written with.
RENAMED = {"points": "defaults", "original": "published"}


class Facts(TypedDict, total=False):
    """What is true of the searcher of a phase.

    independent: it never looks at scores, so its configs are exchangeable draws.
    only_defaults: it asks for the defaults that the definition lists for each method, and for nothing else.
    confirms: it asks for the best configs of earlier phases again, to be trained on seeds of their own.
    """

    independent: bool
    only_defaults: bool
    confirms: bool


class PhaseDefinition(Facts):
    """One phase of the search of every method.

    searcher: its name. configs: per method; seeds: per config; rounds: into how many the configs are divided.
    settings: config fields fixed while the phase lasts. methods: those that take part; absent where all do.
    scheduler: which stops trials of the phase early; absent where that of the study does.
    """

    name: str
    searcher: str
    configs: int
    seeds: int
    rounds: int
    settings: dict[str, Any]
    methods: NotRequired[list[str]]
    scheduler: NotRequired[str]


class PluginDefinition(TypedDict):
    """A module from outside the package whose entries a study uses. sha256: of its code."""

    name: str
    sha256: str


class Definition(Facts):
    """A study as it is run: its methods, on which data, in which phases, scored how.

    study: its name; question, source: in words. scale: the name of its size.
    data, data_fingerprint, image_shape: the data set. seed: of the study.
    seeds, configs, rounds, searcher and its facts: those of the first phase; phases: the others.
    methods: name -> its space, as `Space.describe` gives it. settings: config fields fixed for all methods.
    images: real images that a trial sees; rungs: those after which it is scored, increasing up to `images`.
    metric, protocol: what scores are called, and the fingerprint of how they are measured.
    scheduler: which stops trials early; absent where none does.
    further: metric -> fingerprint of the other metrics that score the same samples; absent where there are none.
    plugins: the modules from outside the package that the study uses; absent where there are none.
    """

    study: str
    question: str
    source: str
    scale: str
    data: str
    data_fingerprint: str
    image_shape: list[int]
    seed: int
    seeds: int
    configs: int
    rounds: NotRequired[int]
    searcher: NotRequired[str]
    methods: dict[str, dict[str, Any]]
    settings: dict[str, Any]
    images: int
    rungs: list[int]
    metric: str
    protocol: str
    phases: NotRequired[list[PhaseDefinition]]
    scheduler: NotRequired[str]
    further: NotRequired[dict[str, str]]
    plugins: NotRequired[list[PluginDefinition]]


def current_searcher(name: str) -> str:
    """Returns the present name of a searcher, given that or an earlier one."""
    return RENAMED.get(name, name)


def with_names_of(definition: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a definition with the names that a stored one has for the same searchers, by which its phases go on."""
    kept = {**definition, **_same_searcher(definition, stored)}
    if "phases" in kept:
        stored_phases = [*stored.get("phases", ()), *({} for _ in kept["phases"])]
        pairs = zip(kept["phases"], stored_phases, strict=False)
        kept["phases"] = [{**phase, **_same_searcher(phase, earlier)} for phase, earlier in pairs]
    return kept


def phases_of(definition: Mapping[str, Any]) -> list[PhaseDefinition]:
    """Returns every phase in order, the first one included, each with all its facts.

    The first phase is called like the searcher. Facts that the definition does not state are those of UNSTATED.
    """
    searcher = definition.get("searcher", "random")
    first = {"name": searcher, "searcher": searcher, "configs": 0, "seeds": 0, "rounds": 1, "settings": {}}
    first |= {key: definition[key] for key in ("configs", "seeds", "rounds", *UNSTATED) if key in definition}
    return [_with_facts(phase) for phase in (first, *definition.get("phases", ()))]


def takes_part(phase: PhaseDefinition, method: str) -> bool:
    """Whether a phase is for a method."""
    return method in phase.get("methods", [method])


def phase_of_round(phases: list[PhaseDefinition], number: int) -> str:
    """Returns the name of the phase that round `number` belongs to: rounds are numbered through all phases, from 0.

    A round beyond the last phase is of the last phase.
    """
    last = 0
    for phase in phases:
        last += phase["rounds"]
        if number < last:
            return phase["name"]
    return phases[-1]["name"]


def holes_of(definition: Mapping[str, Any]) -> dict[str, str]:
    """Returns method -> which holes it completes, such as "irregular holes of 0.25 of the pixels"; "" for a method that
    makes whole images."""
    shared, holes = definition.get("settings", {}), {}
    for method, space in definition.get("methods", {}).items():
        settings = {**shared, **space.get("fixed", {}), **dict.fromkeys(space.get("dimensions", ()), "several")}
        share = f" of {settings['mask_share']} of the pixels" if "mask_share" in settings else ""
        completes = settings.get("family") == "completion"
        holes[method] = f"{settings.get('mask', 'unknown')} holes{share}" if completes else ""
    return holes


def describe_protocol(definition: Mapping[str, Any], protocols: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the protocol of a study in one phrase, such as "fd_digits, 797 samples against digits/test (797)".

    protocols: fingerprint -> what it stands for.
    """
    protocol = protocols.get(definition.get("protocol", ""), {})
    label = str(definition.get("metric", "score"))
    label += f", {protocol['samples']} samples" if protocol.get("samples") else ""
    label += f" against {protocol['reference']}" if protocol.get("reference") else ""
    label += f" ({protocol['reference_samples']})" if protocol.get("reference_samples") else ""
    holes = set(holes_of(definition).values())
    return label + (f", {holes.pop()} completed" if len(holes) == 1 and "" not in holes else "")


def decisive_part(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what decides which trials a study has and how they are scored: the definition without words and facts,
    its searchers by their present names.

    Two studies are the same exactly when these are equal.
    """
    kept = _decisive(definition)
    if "phases" in kept:
        kept["phases"] = [_decisive(phase) for phase in kept["phases"]]
    return _without_words(kept)


def are_listed(settings: Mapping[str, Any], listed: Mapping[str, Any]) -> bool:
    """Returns whether a config has the settings that a definition lists: all that it has in common with the list, at
    least one.

    A listed `learning_rate` stands for `g_lr` and `d_lr` of configs that have two.
    """
    spelled: dict[str, Any] = {}
    for name, value in listed.items():
        both = name == "learning_rate" and name not in settings
        spelled |= dict.fromkeys(("g_lr", "d_lr"), value) if both else {name: value}
    shared = spelled.keys() & settings.keys()
    return bool(shared) and all(settings[name] == spelled[name] for name in shared)


def _with_facts(phase: Mapping[str, Any]) -> PhaseDefinition:
    facts = {fact: phase.get(fact, phase["searcher"] in names) for fact, names in UNSTATED.items()}
    return cast(PhaseDefinition, {**phase, **facts})


def _same_searcher(phase: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, str]:
    """Returns {"searcher": stored name} where both phases have the same searcher by any of its names, else {}."""
    if "searcher" not in phase or "searcher" not in stored:
        return {}
    same = current_searcher(phase["searcher"]) == current_searcher(stored["searcher"])
    return {"searcher": stored["searcher"]} if same else {}


def _decisive(phase: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in phase.items() if key not in UNSTATED}
    return kept | ({"searcher": current_searcher(kept["searcher"])} if "searcher" in kept else {})


def _without_words(value: Any) -> Any:
    """Returns the value without questions and sources, those of methods included."""
    if not isinstance(value, Mapping):
        return value
    return {name: _without_words(inner) for name, inner in value.items() if name not in WORDS}
