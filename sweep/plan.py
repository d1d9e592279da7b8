"""From names to a plan: everything of a study that can be checked before work starts."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganscape.data import DATASETS, Source, fetch, find_source
from ganscape.errors import check_name
from ganscape.metrics import Protocol, check_lower, check_samples, make_encoder
from ganscape.models import Config, ConfigError
from ganscape.models.architectures import build
from ganscape.models.config import ALIASES, FIELDS, check_choice, expand, made_inert
from ganscape.models.initialization import parameter_count
from ganscape.models.networks import input_shapes
from ganscape.models.rules import check_images
from ganscape.search_spaces import Phase, Scale, Space, Study, StudyError, find, find_scale, phases, read_study, rungs
from ganscape.search_spaces import metric as usual_metric
from ganscape.sweep.messages import Trial, Workload
from ganscape.sweep.population import images_per_cycle, trial_key
from ganscape.sweep.schedulers import SCHEDULERS, decision_rungs
from ganscape.sweep.searchers import SEARCHERS, SELECTORS, Observation
from ganscape.sweep.transfer import with_ranges_from

SCALE_FIELDS = ("configs", "rounds", "images", "interval", "samples")
FILE = ".toml"
CONFIRM, CONFIRMING = "confirm", "best"
CHECKPOINT_SECONDS = 60.0


class Plan(NamedTuple):
    """A study resolved: what will be trained, on what, scored how.

    definition: JSON-able; two runs are the same study exactly when their definitions are equal.
    fixed: settings of every config; a method's space overrides them.
    phases: one after the other in each method; rounds are numbered through all of them.
    """

    definition: dict[str, Any]
    methods: dict[str, Space]
    fixed: dict[str, Any]
    phases: tuple[Phase, ...]
    seed: int
    workload: Workload
    protocol: Protocol
    scheduler: str = "none"

    @property
    def rounds(self) -> int:
        """Rounds of all phases."""
        return sum(each.rounds for each in self.phases)

    def place(self, number: int) -> int:
        """Of which phase the round of this number is, counted from 0; of the last for all beyond its rounds."""
        last = len(self.phases) - 1
        return next((place for place in range(last) if number < self.first_round(place + 1)), last)

    def first_round(self, place: int) -> int:
        """The number of the first round of a phase; of the one after the last, the number of rounds."""
        return sum(each.rounds for each in self.phases[:place])

    def seeds_of(self, place: int) -> range:
        """The seeds of a phase: none that an earlier one had."""
        start = sum(each.seeds for each in self.phases[:place])
        return range(start, start + self.phases[place].seeds)

    def decision_rungs(self, place: int) -> tuple[int, ...]:
        """Where the scheduler looks at trials of a phase; nowhere in one that looks at configs again."""
        stops = self.scheduler != "none" and self.phases[place].searcher not in SELECTORS
        return decision_rungs(self.workload.rungs) if stops else ()

    @property
    def trials(self) -> int:
        """Trials of a method that has as many configs as every phase asks for."""
        return sum(each.configs * each.seeds for each in self.phases)


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
      metric: what trials are scored by, where lower is better; the study's, or else the data set's own by default.
      settings: config fields fixed for all methods, `configs rounds images interval samples`, and `confirm`:
        on how many fresh seeds the best config of each method is trained at the end.
      data_root: the folder with the data sets' files.
      checkpoint_seconds: training seconds between two checkpoints.

    Raises:
      StudyError, DataError, ConfigError, MetricError, StoreError: one line each, before any work.
    """
    chosen = find_study(study) if methods is None else find_study(study).only(methods)
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
    metric = (chosen.metric(data) or usual_metric(data)) if metric is None else metric
    check_lower(metric)
    make_encoder(metric, source.image_shape)
    budgets = rungs(size, data)
    _check_scheduler(chosen, size, budgets)
    _check_configs(chosen, size, budgets, source, seed)
    dataset = fetch(source, data, data_root)
    samples = len(dataset.test) if size.samples is None else size.samples
    protocol = _protocol(metric, dataset, samples)
    definition = {
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
        "methods": {name: space.describe() for name, space in chosen.methods.items()},
        "settings": dict(size.settings),
        "images": budgets[-1],
        "rungs": list(budgets),
        "metric": protocol.metric,
        "protocol": protocol.fingerprint,
    }
    if size.phases:
        definition["phases"] = size.describe()["phases"]
    if size.scheduler != "none":
        definition["scheduler"] = size.scheduler
    checkpoints = str(Path(out) / "checkpoints")
    workload = Workload(dataset, protocol.metric, samples, budgets, lanes, checkpoints, checkpoint_seconds)
    return Plan(
        definition,
        chosen.methods,
        size.settings,
        phases(chosen.searcher, size),
        seed,
        workload,
        protocol,
        size.scheduler,
    )


def find_study(name: str) -> Study:
    """The study called `name`, or in the TOML file of that path; StudyError otherwise."""
    if name.endswith(FILE):
        return read_study(name, SEARCHERS, [*FIELDS, *ALIASES], SCHEDULERS)
    return find(name)


def study_label(name: str) -> str:
    """What a study is called in stores and folders; one from a file like the file."""
    return Path(name).stem if name.endswith(FILE) else name


def ask(plan: Plan, method: str, number: int, known: list[Observation], asked: int = 0) -> list[Config]:
    """The configs of a method's round: at most a batch and what the phase's budget of configs allows. They are other
    ones than those known, unless the phase looks at the best of these again.

    known: every config of the method's earlier rounds, in the order they were asked, with the scores of its trials.
    asked: how many configs the earlier rounds of the same phase asked for.
    """
    phase = plan.phases[plan.place(number)]
    count = max(0, min(phase.batch, phase.configs - asked))
    if phase.searcher in SELECTORS:
        return [Config.from_dict(settings) for settings in SELECTORS[phase.searcher](known, count)]
    space = plan.methods[method] if phase is plan.phases[0] else _in_phase(plan.methods[method], phase)
    searcher = SEARCHERS[phase.searcher](space, searcher_seed(plan.seed, method, number))
    searcher.tell([each._replace(settings=space.recognise(each.settings)) for each in known])
    seen = {Config.from_dict(observation.settings).identity() for observation in known}
    configs = []
    for settings in searcher.ask(count):
        config = _config(method, {**plan.fixed, **settings}, plan.workload.dataset.classes)
        if config.identity() not in seen:
            seen.add(config.identity())
            configs.append(config)
    return configs


def _in_phase(space: Space, phase: Phase) -> Space:
    """The space of a later phase: its settings fixed, and nothing to ask first."""
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
    """The study at its scale of that name, and the scale, with these settings fixed, without what they make inert."""
    given = [field for field in SCALE_FIELDS if field in settings]
    numbers: dict[str, Any] = {field: _at_least(field, settings[field], 1) for field in given}
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
            for inert in made_inert(field, chosen):
                study = study if inert in settings else study.drop(inert)
    scale = find_scale(study, name)._replace(**numbers)
    if CONFIRM in settings:
        seeds = _at_least(CONFIRM, settings[CONFIRM], 1)
        others = tuple(each for each in scale.phases if each.searcher not in SELECTORS)
        scale = scale._replace(phases=(*others, Phase(CONFIRM, CONFIRMING, 1, seeds)))
    return study.at(name), scale


def _at_least(name: str, value: Any, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise StudyError(f"{name}={value!r} must be a whole number of at least {low}")
    return value


def _check_scheduler(study: Study, scale: Scale, budgets: Sequence[int]) -> None:
    """The scheduler has something to decide."""
    if scale.scheduler == "none":
        return
    searching = [each for each in phases(study.searcher, scale) if each.searcher not in SELECTORS]
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
    first, *later = phases(study.searcher, scale)
    for method, space in study.methods.items():
        numbers = searcher_seed(seed, method, 0)
        for phase in later:
            if phase.searcher not in SELECTORS:
                SEARCHERS[phase.searcher](_in_phase(space, phase), numbers)
        asked = SEARCHERS[first.searcher](space, numbers).ask(first.batch)
        for phase in [first] * (first.rounds > 1) + [each for each in later if each.searcher not in SELECTORS]:
            asked = [*asked, *SEARCHERS["random"](_in_phase(space, phase), numbers).ask(phase.configs)]
        for settings in asked:
            config = _config(method, {**scale.settings, **settings}, source.classes)
            check_images(config, source.image_shape)
            cycles = [budget // images_per_cycle(config) for budget in budgets]
            if cycles[0] < 1 or len(set(cycles)) < len(cycles):
                raise StudyError(
                    f"rungs up to {budgets[-1]} images (the first at {budgets[0]}) are closer than one training "
                    f"cycle of {images_per_cycle(config)} images (batch_size * disc_iters of {method}); "
                    "raise images and interval"
                )


def _config(method: str, settings: Mapping[str, Any], classes: int | None) -> Config:
    """The config of a method on data of so many classes, which it is told if it has a conditioning."""
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
