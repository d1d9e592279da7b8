"""From names to a plan: everything of a study that can be checked before work starts."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganscape.data import DATASETS, Source, fetch, find_source
from ganscape.errors import check_name
from ganscape.metrics import Protocol, check_lower, check_samples, make_encoder
from ganscape.metrics.defaults import default_metric, warnings
from ganscape.models import Config, ConfigError
from ganscape.models.architectures import build
from ganscape.models.config import ALIASES, FIELDS, check_choice, expand, inert_fields
from ganscape.models.initialization import parameter_count
from ganscape.models.networks import input_shapes
from ganscape.models.rules import check_images
from ganscape.results.definition import Definition, PhaseDefinition
from ganscape.results.store import STORE, read
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
from ganscape.sweep.messages import Trial, Workload
from ganscape.sweep.population import images_per_cycle, trial_key
from ganscape.sweep.schedulers import SCHEDULERS, decision_rungs
from ganscape.sweep.searchers import SEARCHERS, SELECTORS, facts
from ganscape.sweep.transfer import with_ranges_from

SCALE_FIELDS = ("configs", "rounds", "images", "interval", "samples")
FILE = ".toml"
CONFIRM, CONFIRMING = "confirm", "best"
CHECKPOINT_SECONDS = 60.0


class Plan(NamedTuple):
    """A study resolved: what will be trained, on what, scored how.

    definition: what the store keeps; two runs are the same study exactly when theirs are `comparable` and equal.
    fixed: settings of every config; a method's space overrides them.
    phases: one after the other in each method; rounds are numbered through all of them.
    warnings: reasons to doubt the scores, one line each.
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

    @property
    def rounds(self) -> int:
        """Rounds of all phases."""
        return sum(phase.rounds for phase in self.phases)

    def phase_index(self, number: int) -> int:
        """Index of the phase that round `number` belongs to (the last phase for any later round)."""
        last = len(self.phases) - 1
        return next((index for index in range(last) if number < self.first_round(index + 1)), last)

    def first_round(self, phase_index: int) -> int:
        """The number of a phase's first round; for the index after the last phase, the number of rounds in all."""
        return sum(phase.rounds for phase in self.phases[:phase_index])

    def seeds_of(self, phase_index: int) -> range:
        """The seeds of a phase in a sweep that begins anew: none that an earlier phase has."""
        start = sum(phase.seeds for phase in self.phases[:phase_index])
        return range(start, start + self.phases[phase_index].seeds)

    def decision_rungs(self, phase_index: int) -> tuple[int, ...]:
        """The rungs at which the scheduler decides about trials of a phase; none in one that trains configs again."""
        stops = self.scheduler != "none" and self.phases[phase_index].searcher not in SELECTORS
        return decision_rungs(self.workload.rungs) if stops else ()


def plan(
    study: str,
    *,
    out: str | Path,
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
    settings: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Plan:
    """The plan of a study.

    Args:
      study: a name, see `search_spaces.STUDIES`, or the path of a .toml file. scale: the name of one of its scales.
      out: the output folder, where checkpoints go; not touched here.
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
      settings: config fields fixed for all methods, `configs rounds images interval samples`, and `confirm`:
        on how many fresh seeds the best config of each method is trained at the end.
      data_root: the folder with the data sets' files.
      checkpoint_seconds: training seconds between two checkpoints.

    Raises:
      StudyError, DataError, ConfigError, MetricError, StoreError: one line each, before any work.
    """
    chosen = find_study(study) if methods is None else find_study(study).select_methods(methods)
    if ranges_from is not None:
        chosen = with_ranges_from(chosen, ranges_from)
    if searcher is not None:
        check_name("searcher", searcher, sorted(SEARCHERS), StudyError)
        chosen = chosen._replace(searcher=searcher)
    chosen, size = _override(chosen, scale, settings or {})
    size = size._replace(scheduler=size.scheduler if scheduler is None else scheduler)
    check_name("scheduler", size.scheduler, SCHEDULERS, StudyError)
    data = size.data if data is None else data
    source = find_source(data)
    size = size._replace(seeds=_at_least("seeds", size.seeds if seeds is None else seeds, 1))
    _at_least("seed", seed, 0)
    _at_least("lanes", lanes, 1)
    metric = _recorded_metric(Path(out), data, source) or chosen.metric(data) if metric is None else metric
    if metric is not None:
        check_lower(metric)
        make_encoder(metric, source.image_shape)
    budgets = rungs(size, data)
    _check_scheduler(chosen, size, budgets)
    _check_configs(chosen, size, budgets, source, seed)
    dataset = fetch(source, data, data_root)
    samples = len(dataset.test) if size.samples is None else size.samples
    fewest = min(samples, len(dataset.test))
    metric = metric or default_metric(data, dataset.image_shape, fewest)
    protocol = _protocol(metric, dataset, samples)
    definition: Definition = {
        "study": study_label(study),
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
        **facts(chosen.searcher),
        "methods": {name: space.describe() for name, space in chosen.methods.items()},
        "settings": dict(size.settings),
        "images": budgets[-1],
        "rungs": list(budgets),
        "metric": protocol.metric,
        "protocol": protocol.fingerprint,
    }
    if size.phases:
        definition["phases"] = [_described(phase) for phase in size.phases]
    if size.scheduler != "none":
        definition["scheduler"] = size.scheduler
    checkpoints = str(Path(out) / "checkpoints")
    workload = Workload(dataset, protocol.metric, samples, budgets, lanes, checkpoints, checkpoint_seconds)
    return Plan(
        definition,
        chosen.methods,
        size.settings,
        all_phases(chosen.searcher, size),
        seed,
        workload,
        protocol,
        size.scheduler,
        tuple(warnings(metric, dataset.image_shape, fewest)),
    )


def find_study(name: str) -> Study:
    """The study called `name`, or in the TOML file of that path; StudyError otherwise."""
    if name.endswith(FILE):
        return read_study(name, SEARCHERS, [*FIELDS, *ALIASES], SCHEDULERS)
    return find_shipped(name)


def study_label(name: str) -> str:
    """What a study is called in stores and folders; one from a file like the file."""
    return Path(name).stem if name.endswith(FILE) else name


def space_in(space: Space, phase: Phase) -> Space:
    """A method's space in a later phase: the phase's settings fixed, and no defaults to ask first."""
    for field, value in phase.settings.items():
        space = space.pin(field, value)
    return space._replace(defaults=())


def searcher_seed(study_seed: int, method: str, number: int) -> tuple[int, ...]:
    """The seed of a method's searcher in a round."""
    name = int.from_bytes(hashlib.sha256(method.encode()).digest()[:8])
    return study_seed, name, number


def trial_of(study_seed: int, method: str, config: Config, seed: int) -> Trial:
    """The trial of this identity; its id is twelve hex digits."""
    identity = f"{study_seed}/{method}/{config.identity()}/{seed}"
    name = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return Trial(name, method, config, seed, trial_key(study_seed, config, seed))


def parameters(config: Config, image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Trainable values of the network that makes images and of the one that sees them."""
    networks, shapes = build(config, image_shape), input_shapes(config, image_shape)
    generator, discriminator = (
        parameter_count(network, shape, classes=config.classes) for network, shape in zip(networks, shapes, strict=True)
    )
    return generator, discriminator


def _override(study: Study, name: str, settings: Mapping[str, Any]) -> tuple[Study, Scale]:
    """Applies --set: fixes each setting for all methods and drops fields that the setting makes meaningless. Returns
    the study and its scale."""
    sizes: dict[str, Any] = {name: _at_least(name, settings[name], 1) for name in SCALE_FIELDS if name in settings}
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
                study = study if inert in settings else study.drop(inert)
    scale = find_scale(study, name)._replace(**sizes)
    if CONFIRM in settings:
        seeds = _at_least(CONFIRM, settings[CONFIRM], 1)
        searching = tuple(phase for phase in scale.phases if phase.searcher not in SELECTORS)
        scale = scale._replace(phases=(*searching, Phase(CONFIRM, CONFIRMING, 1, seeds)))
    return study.at_scale(name), scale


def _at_least(name: str, value: Any, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise StudyError(f"{name}={value!r} must be a whole number of at least {low}")
    return value


def _check_scheduler(study: Study, scale: Scale, budgets: Sequence[int]) -> None:
    """The scheduler has something to decide."""
    if scale.scheduler == "none":
        return
    searching = [each for each in all_phases(study.searcher, scale) if each.searcher not in SELECTORS]
    if len(budgets) < 2:
        raise StudyError(
            f"scheduler {scale.scheduler!r} stops trials between two rungs; interval={budgets[0]} leaves one alone"
        )
    if scale.scheduler == "median" and sum(each.rounds for each in searching) < 2:
        raise StudyError(
            "scheduler 'median' compares with earlier rounds; this search has one: set rounds, or take one of: "
            "halving, asha"
        )


def _check_configs(study: Study, scale: Scale, budgets, source: Source, seed: int) -> None:
    """Every config of the first round can be trained on these images and reaches every rung, and so can as many
    random ones as later rounds may ask."""
    first, *later = all_phases(study.searcher, scale)
    for method, space in study.methods.items():
        numbers = searcher_seed(seed, method, 0)
        for phase in later:
            if phase.searcher not in SELECTORS:
                SEARCHERS[phase.searcher](space_in(space, phase), numbers)
        asked = SEARCHERS[first.searcher](space, numbers).ask(first.batch)
        for phase in [first] * (first.rounds > 1) + [each for each in later if each.searcher not in SELECTORS]:
            asked = [*asked, *SEARCHERS["random"](space_in(space, phase), numbers).ask(phase.configs)]
        for settings in asked:
            config = config_of(method, {**scale.settings, **settings}, source.classes)
            check_images(config, source.image_shape)
            cycles = [budget // images_per_cycle(config) for budget in budgets]
            if cycles[0] < 1 or len(set(cycles)) < len(cycles):
                raise StudyError(
                    f"rungs up to {budgets[-1]} images (the first at {budgets[0]}) are closer than one training "
                    f"cycle of {images_per_cycle(config)} images (batch_size * disc_iters of {method}); "
                    "raise images and interval"
                )


def config_of(method: str, settings: Mapping[str, Any], classes: int | None) -> Config:
    """The config of a method with these settings, with the number of the data's classes if it has a conditioning."""
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


def _recorded_metric(out: Path, data: str, source: Source) -> str | None:
    """Returns the metric of the sweep that `out` holds, or None if there is no sweep yet, or one on other data.

    A continuation is then scored alike, whatever the default is now.
    """
    if not (out / STORE).exists():
        return None
    name = data if data in DATASETS else Path(data).resolve().stem
    recorded = (row["definition"] for row in read(out)["study"])
    alike = (each for each in recorded if (each["data"], each["image_shape"]) == (name, list(source.image_shape)))
    return next((each["metric"] for each in alike), None)


def _described(phase: Phase) -> PhaseDefinition:
    return {
        "name": phase.name,
        "searcher": phase.searcher,
        "configs": phase.configs,
        "seeds": phase.seeds,
        "rounds": phase.rounds,
        "settings": dict(phase.settings),
        **facts(phase.searcher),
    }


def _protocol(name: str, dataset, samples: int) -> Protocol:
    encoder = make_encoder(name, dataset.image_shape)
    check_samples(name, samples)
    check_samples(name, len(dataset.test))
    return Protocol(
        metric=name,
        encoder=encoder.name,
        weights=encoder.weights,
        preprocessing=encoder.preprocessing,
        samples=samples,
        reference=f"{dataset.name}/test",
        reference_samples=len(dataset.test),
        reference_fingerprint=dataset.fingerprint,
    )
