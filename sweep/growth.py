"""A sweep that goes on in a folder: its plan united with what the folder holds, or made of that alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from ganscape.data import DataError, fetch, find_source
from ganscape.errors import check_name
from ganscape.results.definition import Definition, PhaseDefinition, current_searcher, decisive_part, phases_of
from ganscape.results.store import StoreError, check, check_complete, read_facts
from ganscape.search_spaces import Phase, StudyError
from ganscape.search_spaces.descriptions import read_space
from ganscape.sweep.messages import Workload
from ganscape.sweep.plan import CHECKPOINT_SECONDS, CONFIRM, CONFIRMING, Plan, describe_phase
from ganscape.sweep.plan_checks import check_least, check_schedulers
from ganscape.sweep.plan_size import check_phase
from ganscape.sweep.plugins import check_imported
from ganscape.sweep.protocols import protocol_of
from ganscape.sweep.schedulers import SCHEDULERS
from ganscape.sweep.searchers import SEARCHERS, SELECTORS
from ganscape.sweep.used_code import with_code

SEARCH = "search"


def united_plan(plan: Plan, out: str | Path) -> Plan:
    """Returns the plan with all that OUT holds beside it: methods, phases, seeds, configs, rounds and images.

    Raises:
      StoreError: where the two cannot be one study; see `results.store.growth.unite`.
    """
    definition = check(out, plan.definition)
    if decisive_part(definition) == decisive_part(plan.definition):
        names = [phase["name"] for phase in phases_of(definition)]
        phases = tuple(phase._replace(name=name) for phase, name in zip(plan.phases, names, strict=True))
        return plan._replace(definition=cast(Definition, definition), phases=phases)
    methods = {
        name: plan.methods.get(name) or read_space(description) for name, description in definition["methods"].items()
    }
    return plan._replace(
        definition=cast(Definition, definition),
        methods=methods,
        phases=_phases(definition),
        workload=plan.workload._replace(rungs=tuple(definition["rungs"])),
    )


def stored_plan(
    out: str | Path,
    data: str | None = None,
    data_root: str | Path | None = None,
    lanes: int = 1,
    allow_changed_code: bool = False,
) -> Plan:
    """Returns the plan of the study that OUT holds.

    Args:
      data: where the images of one's own are now; the data set that the study names by default.
      allow_changed_code: whether modules from outside that the study uses may have changed.

    Raises:
      StoreError: if OUT holds no study, or one whose protocol this version measures otherwise.
      DataError: if the data are not those of the study.
      PluginError: if a module from outside that the study uses is not imported, or has changed.
    """
    tables = read_facts(out)
    if not tables["study"]:
        raise StoreError(f"'{out}' holds no study yet; ganscape run begins one")
    definition = tables["study"][0]["definition"]
    check_complete(out, definition)
    check_imported(out, definition, changed_too=not allow_changed_code)
    name = data or definition["data"]
    dataset = fetch(find_source(name), name, data_root)
    if dataset.fingerprint != definition["data_fingerprint"]:
        raise DataError(f"data {name!r} are not the images that '{out}' was trained on")
    described = {row["fingerprint"]: row["description"] for row in tables["protocols"]}
    samples = described.get(definition["protocol"], {}).get("samples", len(dataset.test))
    names = (definition["metric"], *definition.get("further", ()))
    protocols = [protocol_of(name, dataset, samples) for name in names]
    protocol, *further = with_code(out, definition, protocols, allow_changed_code)[1]
    if protocol.fingerprint != definition["protocol"]:
        raise StoreError(f"'{out}' was scored by a protocol that this version of Ganscape measures otherwise")
    if {other.metric: other.fingerprint for other in further} != definition.get("further", {}):
        raise StoreError(f"'{out}' has further scores by protocols that this version of Ganscape measures otherwise")
    rungs, checkpoints = tuple(definition["rungs"]), str(Path(out) / "checkpoints")
    metrics = tuple(other.metric for other in further)
    return Plan(
        definition,
        {name: read_space(description) for name, description in definition["methods"].items()},
        definition["settings"],
        _phases(definition),
        definition["seed"],
        Workload(dataset, protocol.metric, samples, rungs, lanes, checkpoints, CHECKPOINT_SECONDS, further=metrics),
        protocol,
        definition.get("scheduler", "none"),
        further=tuple(further),
    )


def confirming_plan(plan: Plan, seeds: int, top: int = 1, methods: Sequence[str] | None = None) -> Plan:
    """Returns the plan with a last phase that trains the best `top` configs of each method on so many fresh seeds.

    methods: those that take part; all by default. Of several such plans for one folder all methods take part.

    Raises:
      StudyError: for numbers that mean nothing, and methods that the study does not have.
    """
    for method in methods or ():
        check_name("method", method, plan.methods, StudyError)
    check_least("seeds", seeds, 1)
    check_least("top", top, 1)
    phases, name = list(plan.definition.get("phases", [])), CONFIRM
    if phases and phases[-1]["searcher"] == CONFIRMING:
        name = phases.pop()["name"]
    elif confirmed := sum(phase["searcher"] == CONFIRMING for phase in phases):  # a search has followed
        name = f"{CONFIRM}_{confirmed + 1}"
    return _with_phases(plan, [*phases, describe_phase(Phase(name, CONFIRMING, top, seeds, methods=_each(methods)))])


def searching_plan(
    plan: Plan,
    configs: int,
    searcher: str = "random",
    scheduler: str | None = None,
    seeds: int = 1,
    rounds: int = 1,
    methods: Sequence[str] | None = None,
    name: str = SEARCH,
) -> Plan:
    """Returns the plan with a further phase of searching, which knows all scores of the phases before it.

    A last phase of this name becomes larger instead.

    Args:
      configs: new ones of each method, in so many `rounds`, each trained on so many fresh seeds.
      scheduler: what stops trials of the phase early: it compares their configs with those of earlier phases too. None
        for that of the study.
      methods: those that take part; all by default.
      name: of the phase, in tables and reports.

    Raises:
      StudyError: for names that do not exist or are taken, numbers that mean nothing, a scheduler that could never
        decide anything.
    """
    for method in methods or ():
        check_name("method", method, plan.methods, StudyError)
    for what, number in (("configs", configs), ("seeds", seeds), ("rounds", rounds)):
        check_least(what, number, 1)
    searcher = current_searcher(searcher)
    check_name("searcher", searcher, sorted(set(SEARCHERS) - set(SELECTORS)), StudyError)
    if scheduler is not None:
        check_name("scheduler", scheduler, SCHEDULERS, StudyError)
    phase = Phase(name, searcher, configs, seeds, rounds, methods=_each(methods), scheduler=scheduler or "")
    check_phase(phase)
    phases = list(plan.definition.get("phases", []))
    if phases and phases[-1]["name"] == name:
        there = plan.phases[-1]
        phases.pop()
        for what, before, now in (
            ("searcher", there.searcher, phase.searcher),
            ("scheduler", there.scheduler or plan.scheduler, phase.scheduler or plan.scheduler),
        ):
            if before != now:
                raise StudyError(
                    f"phase {name!r} has {what} {before!r}, not {now!r}; take another name for a new phase"
                )
    if name in [other["name"] for other in (phases_of(plan.definition)[0], *phases)]:
        raise StudyError(f"name={name!r} is that of an earlier phase; take another name")
    larger = _with_phases(plan, [*phases, describe_phase(phase)])
    check_schedulers(larger.phases, larger.scheduler, larger.workload.rungs)
    return larger


def _each(methods: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(methods or ()))


def _with_phases(plan: Plan, phases: list[PhaseDefinition]) -> Plan:
    definition = cast(Definition, {**plan.definition, "phases": phases})
    return plan._replace(definition=definition, phases=_phases(definition))


def _phases(definition) -> tuple[Phase, ...]:
    """Returns the phases of a definition, by the names that it has for them, with searchers by their present names."""
    return tuple(
        Phase(
            phase["name"],
            current_searcher(phase["searcher"]),
            phase["configs"],
            phase["seeds"],
            phase["rounds"],
            phase.get("settings", {}),
            tuple(phase.get("methods", ())),
            phase.get("scheduler", ""),
        )
        for phase in phases_of(definition)
    )
