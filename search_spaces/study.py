"""Study: methods to compare, their search spaces, and the scales at which they can be run, in phases."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from ganscape.errors import check_name
from ganscape.search_spaces.dimensions import StudyError, Value
from ganscape.search_spaces.space import Space

# Searchers of phases that train configs of earlier phases again, and no others.
SELECTING = ("best", "leaders")


class Phase(NamedTuple):
    """A later part of a search. Its searcher knows the results of earlier phases; its trials have fresh seeds.

    searcher: a name as in Study; "best" trains the best config known so far again, "leaders" those that led the search
      after all, a half, a quarter ... of its configs.
    configs, seeds, rounds: as in Scale.
    settings: config fields fixed for every method during the phase.
    methods: those that take part, all if it is empty.
    scheduler: as in Scale, in place of that of the scale; "" for that one. It compares the phase's configs with those
      of earlier phases too.
    """

    name: str
    searcher: str
    configs: int
    seeds: int
    rounds: int = 1
    settings: dict[str, Value] = {}  # noqa: RUF012 - never changed
    methods: tuple[str, ...] = ()
    scheduler: str = ""

    @property
    def batch(self) -> int:
        """The number of configs per method and round; the last round may have fewer."""
        return math.ceil(self.configs / self.rounds)

    def has(self, method: str) -> bool:
        """Whether a method takes part."""
        return not self.methods or method in self.methods


class Variant(NamedTuple):
    """What a scale has in place of its own numbers on one data set.

    images, interval, samples: as in Scale.
    architectures: architecture of the scale or of a method -> the one that takes its place.
    """

    images: int
    interval: int
    samples: int | None = None
    architectures: dict[str, str] = {}  # noqa: RUF012 - never changed


class Scale(NamedTuple):
    """The size of a run of a study.

    data: name of the data set, unless the user names another.
    settings: config fields fixed for every method; those of a method's space take precedence.
    configs: configs per method, the space's defaults first.
    seeds: trials per config.
    images: real images seen by one trial, or a table data set -> images.
    interval: real images between two rungs, or a table data set -> images.
    samples: generated images per score; None for as many as the test split has.
    summary: one line for people.
    rounds: into how many rounds each method's configs are divided; the searcher knows the scores of earlier rounds.
    phases: phases after these rounds; each method enters them independently of the others.
    own: method -> config fields fixed for this method only. They take precedence over `settings`, those of its space
      over them.
    scheduler: which trials are stopped early: "none", or another name in `sweep.schedulers.SCHEDULERS`.
    variants: data set -> Variant, for data sets that are trained on otherwise than the rest.
    """

    data: str
    settings: dict[str, Value]
    configs: int
    seeds: int
    images: int | dict[str, int]
    interval: int | dict[str, int]
    samples: int | None
    summary: str
    rounds: int = 1
    phases: tuple[Phase, ...] = ()
    own: dict[str, dict[str, Value]] = {}  # noqa: RUF012 - never changed
    scheduler: str = "none"
    variants: dict[str, Variant] = {}  # noqa: RUF012 - never changed

    def describe(self) -> dict:
        """Returns the scale as JSON-serializable data."""
        tables = {k: dict(sorted(v.items())) for k, v in self._asdict().items() if isinstance(v, dict)}
        variants = {data: variant._asdict() for data, variant in sorted(self.variants.items())}
        phases = [_described(phase) for phase in self.phases]
        return self._asdict() | tables | {"phases": phases, "variants": variants}

    def drop(self, name: str) -> "Scale":
        """Returns this scale without config field `name`."""
        own = {method: _without(settings, name) for method, settings in self.own.items()}
        return self._replace(settings=_without(self.settings, name), own=own)


class Study(NamedTuple):
    """A question, the search spaces of the methods that it compares, and how they are searched.

    question: one sentence that the study answers.
    source: the paper that it follows.
    methods: method -> its Space.
    searcher: "random" (a space's defaults, then random draws), "defaults" (its defaults only), "gp_bandit" (a Gaussian
      process) or another name in `sweep.searchers.SEARCHERS`.
    scales: scale -> Scale.
    metrics: data set -> the metric that trials are scored with, if the question prescribes one; the study then runs on
      these data sets only.
    """

    question: str
    source: str
    methods: dict[str, Space]
    searcher: str
    scales: dict[str, Scale]
    metrics: dict[str, str] = {}  # noqa: RUF012 - never changed

    def metric(self, data: str) -> str | None:
        """Returns the metric that the study prescribes for a data set, None if it prescribes none.

        Raises StudyError for a data set that it does not run on.
        """
        if not self.metrics:
            return None
        check_name("data set of this study", data, self.metrics, StudyError)
        return self.metrics[data]

    def describe(self) -> dict:
        """Returns the study as JSON-serializable data, equal for equal studies."""
        methods = {name: space.describe() for name, space in self.methods.items()}
        scales = {name: scale.describe() for name, scale in self.scales.items()}
        return self._asdict() | {"methods": methods, "scales": scales}

    def select_methods(self, methods: Iterable[str]) -> "Study":
        """Returns this study with only these methods, in its own order. Raises StudyError for an unknown one."""
        wanted = list(methods)
        for method in wanted:
            check_name("method", method, self.methods, StudyError)
        return self._replace(methods={method: space for method, space in self.methods.items() if method in wanted})

    def at_scale(self, scale: str) -> "Study":
        """Returns this study with the settings that a scale has for single methods fixed in their spaces."""
        own = find_scale(self, scale).own
        return self._replace(
            methods={method: space.with_fixed(own.get(method, {})) for method, space in self.methods.items()}
        )

    def on_data(self, scale: str, data: str) -> "Study":
        """Returns this study with the scale's variant for a data set, if it has one, in place of the scale."""
        chosen = find_scale(self, scale)
        if data not in chosen.variants:
            return self
        images, interval, samples, architectures = chosen.variants[data]
        methods = {method: space.replace("architecture", architectures) for method, space in self.methods.items()}
        settings = {
            field: architectures.get(str(value), value) if field == "architecture" else value
            for field, value in chosen.settings.items()
        }
        size = chosen._replace(images=images, interval=interval, samples=samples, settings=settings)
        return self._replace(methods=methods, scales={**self.scales, scale: size})

    def drop(self, name: str) -> "Study":
        """Returns this study without config field `name` in its methods and scales."""
        methods = {method: space.drop(name) for method, space in self.methods.items()}
        scales = {label: scale.drop(name) for label, scale in self.scales.items()}
        return self._replace(methods=methods, scales=scales)

    def tells_apart(self, name: str) -> bool:
        """Returns whether methods have different values of config field `name`, or one of them none."""
        return len({space.fixed.get(name) for space in self.methods.values()}) > 1

    def pin(self, name: str, value: Value) -> "Study":
        """Returns this study with config field `name` fixed to `value` for every method.

        Raises StudyError for a field in which the methods differ: their names would no longer be true.
        """
        fixed = {method: space.fixed[name] for method, space in self.methods.items() if name in space.fixed}
        if len(set(fixed.values())) > 1:
            values = ", ".join(f"{method} has {fixed_value}" for method, fixed_value in fixed.items())
            raise StudyError(f"{name}={value!r} would make the methods one; {name} is what they differ by: {values}")
        for phase in (phase for scale in self.scales.values() for phase in scale.phases):
            if name in phase.settings:
                raise StudyError(
                    f"{name}={value!r} is not for phase {phase.name!r}, which has {phase.settings[name]!r}"
                )
        return self._replace(methods={method: space.pin(name, value) for method, space in self.methods.items()})


def all_phases(searcher: str, scale: Scale) -> tuple[Phase, ...]:
    """Returns all phases of a scale: first the search that the scale itself describes, then its `phases`.

    The first phase is named after `searcher`, the study's.
    """
    first = Phase(searcher, searcher, scale.configs, scale.seeds, scale.rounds)
    return (first, *scale.phases)


def find_scale(study: Study, name: str) -> Scale:
    """Returns the scale of `study` of this name. Raises StudyError with the choices if there is none."""
    check_name("scale", name, study.scales, StudyError)
    return study.scales[name]


def rungs(scale: Scale, data: str) -> tuple[int, ...]:
    """Returns the numbers of real images after which a trial on data set `data` is evaluated; the last is its budget.

    Raises StudyError if the scale has no training length for the data set, or one that is not positive.
    """
    images, interval = image_counts(scale, data)
    for name, value in (("images", images), ("interval", interval)):
        if value < 1:
            raise StudyError(f"{name} of a scale is a positive number of real images, not {value}")
    return (*range(interval, images, interval), images)


def image_counts(scale: Scale, data: str) -> tuple[int, int]:
    """Returns the real images of a trial on data set `data`, and those between two rungs; StudyError where the scale
    has none for it."""
    return _for_data(scale.images, data), _for_data(scale.interval, data)


def _described(phase: Phase) -> dict[str, Any]:
    described = phase._asdict() | {"methods": list(phase.methods)}
    return {field: value for field, value in described.items() if value or field != "scheduler"}


def _without(settings: dict[str, Value], name: str) -> dict[str, Value]:
    return {field: value for field, value in settings.items() if field != name}


def _for_data(table: int | dict[str, int], data: str) -> int:
    if isinstance(table, int):
        return table
    check_name("data set at this scale", data, table, StudyError)
    return table[data]
