"""Studies, plans and results as tables on the terminal."""

from pathlib import Path
from typing import Any

import typer

from ganscape.sweep.commands.terminal import print_table


def print_spaces(study) -> None:
    """Prints the value or range of every field in every method of a study, and the sources of these numbers."""
    spaces = [space.describe() for space in study.methods.values()]
    named = [name for space in study.methods.values() for name in space.field_names()]
    fields = dict.fromkeys([*named, *(name for space in spaces for default in space["defaults"] for name in default)])
    rows = [(field, *(_cell(space, field) for space in spaces)) for field in fields]
    print_table("Search spaces, and what is asked first", ("field", *study.methods), rows)
    for source in dict.fromkeys(space.source for space in study.methods.values()):
        typer.echo(f"source: {source}")


def print_scales(study) -> None:
    """Prints phases, trials and images of a study at each of its scales, on each data set that it has numbers for."""
    from ganscape.search_spaces import all_phases, rungs

    rows = []
    on_data = [(name, data) for name, scale in study.scales.items() for data in (scale.data, *scale.variants)]
    for name, data in on_data:
        scale = study.on_data(name, data).scales[name]
        parts = all_phases(study.searcher, scale)
        trials = len(study.methods) * sum(phase.configs * phase.seeds for phase in parts)
        length = rungs(scale, data)
        words = "\n".join(f"{phase.name}: {_size(phase)}" for phase in parts)
        samples = "as many as test images" if scale.samples is None else f"{scale.samples:,}"
        fixed = "\n".join(f"{field}={_plain(value)}" for field, value in scale.settings.items())
        rows.append((name, scale.summary, data, words, fixed, f"{length[-1]:,}, {len(length)} rungs", samples,
                     f"{trials:,}", f"{trials * length[-1]:,}"))  # fmt: skip
    header = ("scale", "", "data", "phases", "all methods", "images per trial", "samples scored", "trials at most",
              "images in all")  # fmt: skip
    print_table("Scales", header, rows)


def print_plan(planned, workers: int, folder: Path, keep, resources) -> None:
    """Prints what a plan would run, and about how long it takes with so many workers of these resources."""
    from ganscape.results.wording import duration
    from ganscape.sweep.estimate import estimate
    from ganscape.sweep.memory import memory_warnings
    from ganscape.sweep.pictures import describe_rule
    from ganscape.sweep.pinning import describe_pinning
    from ganscape.sweep.rounds import shortages

    done = _scored_rungs(folder)
    cost = estimate(planned, workers, done)
    definition = planned.definition
    typer.echo(f"{definition['study']} at scale {definition['scale']}: {definition['question']}")
    rows = [
        ("output", folder),
        ("data", f"{definition['data']} {'x'.join(map(str, definition['image_shape']))}"),
        ("score", planned.protocol.label()),
        *([("also scored by", ", ".join(protocol.metric for protocol in planned.further))] if planned.further else []),
        *(
            ("warning", warning)
            for warning in (*planned.warnings, *shortages(planned), *memory_warnings(planned, workers))
        ),
        ("methods", ", ".join(planned.methods)),
        ("trials", f"{cost.trials}"),
        *((f"phase {phase.name}", _size(phase)) for phase in planned.phases),
        ("structures to compile", cost.structures),
        *([("there already", f"{done:,} of {cost.trials * len(definition['rungs']):,} scores")] if done else []),
        ("images per trial", f"{definition['images']:,}, scored at {len(definition['rungs'])} rungs"),
        ("images in all", f"{cost.images:,}{_at_most(planned)}"),
        ("pictures kept", describe_rule(cost.trials)),
        ("generators kept", _kept(planned, keep)),
        *([("workers pinned", describe_pinning(workers, resources))] if resources.pin_cores else []),
        (
            "estimated time",
            f"not known: {cost.unknown}"
            if cost.unknown
            else f"{duration(cost.seconds)} with {workers} workers, roughly: from {len(cost.measured)} configs",
        ),
        *([("those configs", "\n".join(config.structure() for config in cost.measured))] if cost.measured else []),
    ]
    print_table("Plan", ("", ""), rows)


def _scored_rungs(folder: Path) -> int:
    """How many scores a folder has, those that no more trials get included; 0 where there is no sweep."""
    from ganscape.results.frames import load
    from ganscape.results.live import scored_rungs
    from ganscape.results.store import STORE

    return scored_rungs(load(folder)) if (folder / STORE).exists() else 0


def _kept(planned, keep) -> str:
    """How many trained generators a plan keeps, and their size on disk."""
    from ganscape.sweep.keeping import count_kept, generator_bytes

    count = count_kept(planned, keep)
    if not count:
        return "none"
    megabytes = count * generator_bytes(planned) / 1e6
    return f"at most {count:,}, {megabytes:,.3g} MB: those of the lowest scores of each method"


def print_cost(planned) -> None:
    """Prints the number of trials and images of a plan; the time shows while it runs, and in a dry run."""
    from ganscape.sweep.rounds import count_trials

    count = count_trials(planned)
    typer.echo(f"{count:,} trials, {count * planned.workload.rungs[-1]:,} images in all{_at_most(planned)}")


def print_status(folder: Path) -> None:
    """Prints how many trials of a sweep are in which state, and the best score of each method."""
    from ganscape.results.baselines import describe_baselines, not_told_from
    from ganscape.results.definition import describe_protocol
    from ganscape.results.store import NO_STUDY, TO_READ, check_complete, read_totals

    totals = read_totals(folder)
    if totals.study:
        check_complete(folder, totals.study, TO_READ)
    methods = totals.methods
    count = {name: sum(getattr(method, name) for method in methods.values())
             for name in ("trials", "done", "running", "failed", "stopped")}  # fmt: skip
    state = _state(folder, totals)
    begun = "running" if state == "running" else "unfinished"
    states = f"{count['done']} done, {count['running']} {begun}, {count['failed']} failed"
    states += f", {count['stopped']} stopped" if count["stopped"] else ""
    study = f"{totals.study['study']} on {totals.study['data']}" if totals.study else NO_STUDY
    typer.echo(f"{study}: {state}, {count['trials']} trials, {states}")
    rows = []
    for method, part in sorted(methods.items(), key=lambda pair: pair[1].lowest):
        if ended := part.trials - part.running:
            blind = not_told_from(totals.baselines, part.lowest, ended)
            words = f"not told from {blind}" if blind else ""
            rows.append((method, part.done, part.failed, f"{part.lowest:.4g}", words, part.config, part.seed))
    header = ("method", "done", "failed", f"best {totals.study.get('metric', 'score')}", "", "config", "seed")
    label = describe_protocol(totals.study, totals.protocols)
    print_table("\n".join([label, *describe_baselines(totals.baselines)]), header, rows)


def _state(folder: Path, totals) -> str:
    """Returns whether a sweep is finished, is running, or was interrupted, by its trials and its lock."""
    from ganscape.results.store import is_written

    if is_written(folder):
        return "running"
    ended = sum(method.trials - method.running for method in totals.methods.values())
    expected = max(totals.expected(), sum(method.trials for method in totals.methods.values()))
    return "finished" if 0 < ended == expected else "interrupted"


def _at_most(planned) -> str:
    if planned.scheduler == "none":
        return ""
    rungs = ", ".join(f"{rung:,}" for rung in planned.decision_rungs(0))
    return f" at most; {planned.scheduler!r} stops trials at {rungs} images"


def _size(phase) -> str:
    """Returns the size of a phase in words."""
    words = f"{phase.configs} configs x {phase.seeds} seeds per method, by searcher {phase.searcher!r}"
    if phase.rounds > 1:
        words += f", in {phase.rounds} rounds of {phase.batch}"
    if phase.settings:
        words += f", with {_plain(phase.settings)}"
    if phase.methods:
        words += f", of {', '.join(phase.methods)} alone"
    return words


def _cell(space: dict, field: str) -> str:
    """Returns a field's fixed value in a method, or its range with the defaults that are asked first."""
    if field in space["fixed"]:
        return _plain(space["fixed"][field])
    first = dict.fromkeys(_plain(default[field]) for default in space["defaults"] if field in default)
    if field not in space["dimensions"]:
        return " or ".join(first)
    return "\n".join([_plain(space["dimensions"][field]), *([f"first {' or '.join(first)}"] if first else [])])


def _plain(value: Any) -> str:
    """Returns a setting, a table, or a described dimension as text: "LogUniform(1e-05, 0.01)"."""
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if not isinstance(value, dict):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if value.get("kind") == "When":
        return _plain(value["dimension"])
    if "kind" in value:
        return f"{value['kind']}({', '.join(_plain(part) for name, part in value.items() if name != 'kind')})"
    return ", ".join(f"{name}={_plain(part)}" for name, part in value.items())


def print_claims(answers) -> None:
    """What each published claim comes to, its estimate, and below the table what is missing and what differs."""
    from ganscape.results.claims import rows, shared_caveats
    from ganscape.results.claims.judging import NOT_TESTABLE

    shared = shared_caveats(answers)
    missing: dict[str, list[str]] = {}
    cells, notes = [], []
    for answer, row in zip(answers, rows(answers), strict=True):
        if answer.verdict == NOT_TESTABLE:
            missing.setdefault(row.needed, []).append(row.claim)
            continue
        cells.append((row.sentence, row.data, row.verdict, row.estimate(), row.evidence()))
        own = [row.needed, *(caveat for caveat in answer.caveats if caveat not in shared)]
        if any(own):
            notes.append(f"{row.claim}: {'; '.join(filter(None, own))}")
    if cells:
        print_table("Published claims, and what these data say", ("claim", "data", "", "estimate", "evidence"), cells)
    for note in notes:
        typer.echo(note)
    if shared:
        typer.echo(f"This is no reproduction: {'; '.join(shared)}.")
    for needed, claims in missing.items():
        typer.echo(f"not testable, {needed}: {', '.join(claims)}")
