"""Plans: a study by name, resolved to what is trained, on which data, scored how, and checked before work starts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from ganscape.data import fetch, find_source
from ganscape.errors import check_name, shown
from ganscape.metrics import Protocol, check_lower, make_encoder
from ganscape.metrics.defaults import default_metric, warnings
from ganscape.models import Config, ConfigError
from ganscape.models.config import ALIASES, FIELDS, check_choice, check_value, expand, inert_fields
from ganscape.models.schedules import SCHEDULED
from ganscape.results.definition import RENAMED, Definition, PhaseDefinition, current_searcher
from ganscape.search_spaces import (
    Phase,
    Scale,
    Space,
    Study,
    StudyError,
    all_phases,
    find_scale,
    find_shipped,
    read_study,
    rungs,
)
from ganscape.search_spaces.study_file import METHOD_NAME, read_imports
from ganscape.sweep.messages import Workload
from ganscape.sweep.own_images import fit_architecture, length_name
from ganscape.sweep.plan_checks import check_configs, check_least, check_schedulers, check_study, cut_lists
from ganscape.sweep.plan_size import check_scale, check_settings_are_values
from ganscape.sweep.plugins import check_imported, import_plugins
from ganscape.sweep.protocols import check_further, protocol_of, recorded_definitions, recorded_metrics
from ganscape.sweep.schedulers import SCHEDULERS, decision_rungs
from ganscape.sweep.searchers import SEARCHERS, SELECTORS, facts_of
from ganscape.sweep.transfer import with_ranges_from
from ganscape.sweep.used_code import with_code

Searched = TypeVar("Searched", Study, Phase)
SCALE_FIELDS = ("configs", "rounds", "images", "interval", "samples")
FILE = ".toml"
CONFIRM, CONFIRMING = "confirm", "best"
CHECKPOINT_SECONDS = 60.0


class Plan(NamedTuple):
    """What a sweep does: which configs of which methods it trains, on which data, and how it scores them.

    definition: what the store keeps; two runs are the same study exactly when theirs are `comparable` and equal.
    fixed: settings of every config; a method's space overrides them.
    scheduler: that of the phases which have none of their own.
    phases: one after the other in each method; rounds are numbered through all of them.
    warnings: what was chosen for the user's images, and reasons to doubt the scores, one line each.
    further: how the same samples are scored by other metrics, which select nothing.
    first_configs: method -> the configs of its first round, ASKED at most, which were checked; without methods that the
      folder alone has.
    """

    definition: Definition
    methods: dict[str, Space]
    fixed: dict[str, Any]
    phases: tuple[Phase, ...]
    seed: int
    workload: Workload
    protocol: Protocol
    scheduler: str = "none"
    warnings: tuple[str, ...] = ()
    further: tuple[Protocol, ...] = ()
    first_configs: Mapping[str, list[Config]] = MappingProxyType({})

    @property
    def rounds(self) -> int:
        """The number of rounds of all phases."""
        return sum(phase.rounds for phase in self.phases)

    def phase_index(self, number: int) -> int:
        """Returns the index of the phase that round `number` belongs to (the last phase for any later round)."""
        last = len(self.phases) - 1
        return next((index for index in range(last) if number < self.first_round(index + 1)), last)

    def first_round(self, phase_index: int) -> int:
        """Returns the number of a phase's first round; after the last phase, of rounds in all."""
        return sum(phase.rounds for phase in self.phases[:phase_index])

    def seeds_of(self, phase_index: int) -> range:
        """Returns the seeds of a phase in a new folder, distinct from those of earlier phases."""
        start = sum(phase.seeds for phase in self.phases[:phase_index])
        return range(start, start + self.phases[phase_index].seeds)

    def scheduler_of(self, phase_index: int) -> str:
        """Returns the name of the scheduler of a phase; "none" for one that confirms."""
        phase = self.phases[phase_index]
        return "none" if phase.searcher in SELECTORS else phase.scheduler or self.scheduler

    def decision_rungs(self, phase_index: int) -> tuple[int, ...]:
        """Returns the rungs at which the scheduler of a phase decides about its trials; none if it stops nothing."""
        return () if self.scheduler_of(phase_index) == "none" else decision_rungs(self.workload.rungs)


def plan(
    study: str | Path | Study,
    *,
    out: str | Path,
    name: str | None = None,
    methods: Sequence[str] | None = None,
    data: str | None = None,
    scale: str = "smoke",
    searcher: str | None = None,
    scheduler: str | None = None,
    ranges_from: str | Path | None = None,
    seeds: int | None = None,
    seed: int = 0,
    lanes: int = 1,
    metric: str | None = None,
    further: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    imports: Sequence[str] = (),
    allow_changed_code: bool = False,
) -> Plan:
    """Returns the plan of a study.

    Args:
      study: a name, see `search_spaces.STUDIES`, the path of a .toml file, or a Study. scale: the name of one of its
        scales.
      out: the output folder, where checkpoints go; not touched here.
      name: what stores and reports call a Study that is given as such, "study" by default.
      methods: those of the study's methods that take part; all by default.
      data: a data set's name, or the path of images, see `data.own`; the scale's own by default.
      searcher: in place of the study's own. scheduler: in place of the scale's own.
      ranges_from: the output folder of an earlier sweep; the ranges of each method are cut to the box around its good
        configs there, see `sweep.transfer`.
      seeds: trials per config; the scale's own by default.
      seed: the study seed, from which all randomness is derived.
      lanes: members side by side in a program.
      metric: what trials are scored by, where lower is better; by default that of the sweep in `out`, the study's own,
        or `metrics.defaults.default_metric`.
      further: metrics by which the same samples are scored too, lower or higher being better: they select nothing.
      settings: config fields fixed for all methods, `configs rounds images interval samples`, and `confirm`:
        on how many fresh seeds the best config of each method is trained at the end.
      data_root: the folder with the data sets' files.
      checkpoint_seconds: training seconds between two checkpoints.
      imports: modules from outside that register entries, see `sweep.plugins`.
      allow_changed_code: goes on with the sweep in `out` though the code of such a module has changed.

    Raises:
      StudyError, DataError, ConfigError, MetricError, PluginError, StoreError: one line each, before any work.
    """
    import_plugins(imports)
    recorded = recorded_definitions(Path(out))
    for stored in recorded:  # whose names are unknown without the modules that register them
        check_imported(out, stored, changed_too=False)
    label = study_label(study, name)
    chosen = find_study(study) if methods is None else find_study(study).select_methods(methods)
    if ranges_from is not None:
        chosen = with_ranges_from(chosen, ranges_from)
    if searcher is not None:
        searcher = current_searcher(searcher)
        check_name("searcher", searcher, sorted(SEARCHERS), StudyError)
        chosen = chosen._replace(searcher=searcher)
    chosen = chosen.on_data(scale, find_scale(chosen, scale).data if data is None else data)
    check_settings_are_values(dict(settings or {}))
    chosen, size = _override(chosen, scale, settings or {})
    size = size._replace(scheduler=size.scheduler if scheduler is None else scheduler)
    check_name("scheduler", size.scheduler, SCHEDULERS, StudyError)
    data = size.data if data is None else data
    source = find_source(data)
    size = size._replace(seeds=check_least("seeds", size.seeds if seeds is None else seeds, 1))
    check_least("seed", seed, 0)
    check_least("lanes", lanes, 1)
    if metric is None:
        metric, further = recorded_metrics(recorded, data, source) or (chosen.metric(data), further)
    if metric is not None:
        check_lower(metric)
        make_encoder(metric, source.image_shape)
    check_further(metric, further, source)
    check_scale(chosen, size, length_name(data, source), seed, lanes)
    budgets = rungs(size, length_name(data, source))
    check_schedulers(all_phases(chosen.searcher, size), size.scheduler, budgets)
    first_configs: dict[str, list[Config]] = {}
    size, replaced = fit_architecture(
        data,
        source,
        size,
        settings or (),
        lambda tried: first_configs.update(check_configs(chosen, tried, budgets, source, seed, metric)),
    )
    dataset = fetch(source, data, data_root)
    samples = len(dataset.test) if size.samples is None else size.samples
    fewest = min(samples, len(dataset.test))
    metric = metric or default_metric(data, dataset.image_shape, fewest)
    protocol = protocol_of(metric, dataset, samples)
    check_further(metric, further, source)  # again: it may be the default
    others = [protocol_of(name, dataset, samples) for name in further]
    definition: Definition = {
        "study": label,
        "question": chosen.question,
        "source": chosen.source,
        "scale": scale,
        "data": dataset.name,
        "data_fingerprint": dataset.fingerprint,
        "image_shape": list(dataset.image_shape),
        "seed": seed,
        "seeds": size.seeds,
        "configs": size.configs,
        "rounds": size.rounds,
        "searcher": chosen.searcher,
        **facts_of(chosen.searcher),
        "methods": {name: space.describe() for name, space in chosen.methods.items()},
        "settings": dict(size.settings),
        "images": budgets[-1],
        "rungs": list(budgets),
        "metric": protocol.metric,
        "protocol": protocol.fingerprint,
    }
    if size.phases:
        definition["phases"] = [describe_phase(phase) for phase in size.phases]
    if size.scheduler != "none":
        definition["scheduler"] = size.scheduler
    definition, (protocol, *others) = with_code(out, definition, (protocol, *others), allow_changed_code)
    checkpoints = str(Path(out) / "checkpoints")
    workload = Workload(
        dataset, protocol.metric, samples, budgets, lanes, checkpoints, checkpoint_seconds, further=tuple(further)
    )
    return Plan(
        definition,
        chosen.methods,
        size.settings,
        all_phases(chosen.searcher, size),
        seed,
        workload,
        protocol,
        size.scheduler,
        (*replaced, *cut_lists(chosen, size), *warnings(metric, dataset.image_shape, fewest)),
        tuple(others),
        first_configs,
    )


def find_study(study: str | Path | Study) -> Study:
    """Returns the study of this name, or in the TOML file of that path, with its searchers by their present names.

    A Study is checked as if it were read from a file. A file may name modules to import, which this runs.

    Raises StudyError if there is none, or something in it is wrong.
    """
    if isinstance(study, Study):
        check_study(study, _read)
    else:
        study = _read(study) if str(study).endswith(FILE) else find_shipped(str(study))
    scales = {
        scale: size._replace(phases=tuple(_with_present_name(phase) for phase in size.phases))
        for scale, size in study.scales.items()
    }
    return _with_present_name(study)._replace(scales=scales)


def _with_present_name(part: Searched) -> Searched:
    return part._replace(searcher=current_searcher(part.searcher))


def _read(path: str | Path) -> Study:
    import_plugins(read_imports(path), Path(path).parent)
    return read_study(path, [*SEARCHERS, *RENAMED], [*FIELDS, *ALIASES], SCHEDULERS, check_value)


def study_label(study: str | Path | Study, name: str | None = None) -> str:
    """Returns the name of a study in stores and folders; for the path of a .toml file that of the file.

    Raises StudyError for a `name` of a study that has one, and for one that is no name.
    """
    if isinstance(study, Study):
        label = "study" if name is None else name
        if not METHOD_NAME.fullmatch(label):
            raise StudyError(f"name={shown(label)} must be letters, digits, spaces and . _ + -, at most 64")
        return label
    if name is not None:
        raise StudyError(f"name={shown(name)} is for a Study that is built in Python; {str(study)!r} has a name")
    return Path(study).stem if str(study).endswith(FILE) else str(study)


def _override(study: Study, name: str, settings: Mapping[str, Any]) -> tuple[Study, Scale]:
    """Applies --set: fixes each setting for all methods and drops fields that the setting makes meaningless. Returns
    the study and its scale."""
    sizes: dict[str, Any] = {name: check_least(name, settings[name], 1) for name in SCALE_FIELDS if name in settings}
    for alias, value in settings.items():
        if alias in (*SCALE_FIELDS, CONFIRM):
            continue
        try:
            fields = expand(alias, value)
        except ConfigError as error:
            raise ConfigError(f"{error}, or of the study: {', '.join((*SCALE_FIELDS, CONFIRM))}") from None
        for field, chosen in fields.items():
            check_choice(field, chosen)
            study = study.pin(field, chosen)
            for inert in inert_fields(field, chosen):
                # Methods that a choice of the old architecture tells apart would become one: the plan is refused.
                kept = inert in settings or (field == "architecture" and study.tells_apart(inert))
                study = study if kept else study.drop(inert)
    scale = find_scale(study, name)
    scale = _with_schedules_to(scale, sizes.get("images", scale.images))._replace(**sizes)
    if CONFIRM in settings:
        seeds = check_least(CONFIRM, settings[CONFIRM], 1)
        searching = tuple(phase for phase in scale.phases if phase.searcher not in SELECTORS)
        scale = scale._replace(phases=(*searching, Phase(CONFIRM, CONFIRMING, 1, seeds)))
    return study._replace(scales=study.scales | {name: scale}).at_scale(name), scale


def _with_schedules_to(scale: Scale, images: int | dict[str, int]) -> Scale:
    """Returns the scale with every schedule that ends with its training ending after `images` real images instead."""
    if isinstance(images, dict) or images == scale.images:
        return scale
    lengths, end = [f"{name}_images" for name in SCHEDULED], float(images)

    def moved(settings: dict[str, Any]) -> dict[str, Any]:
        return {
            field: end if field in lengths and value == scale.images else value for field, value in settings.items()
        }

    own = {method: moved(settings) for method, settings in scale.own.items()}
    return scale._replace(settings=moved(scale.settings), own=own)


def describe_phase(phase: Phase) -> PhaseDefinition:
    """Returns what a definition says of a phase after the first."""
    described: PhaseDefinition = {
        "name": phase.name,
        "searcher": phase.searcher,
        "configs": phase.configs,
        "seeds": phase.seeds,
        "rounds": phase.rounds,
        "settings": dict(phase.settings),
        **facts_of(phase.searcher),
    }
    if phase.methods:
        described["methods"] = list(phase.methods)
    if phase.scheduler:
        described["scheduler"] = phase.scheduler
    return described
