"""What a study is: methods compared on some data, over their spaces, in phases, at several scales."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from ganscape.errors import check_name
from ganscape.search_spaces.dimensions import StudyError, Value
from ganscape.search_spaces.space import Space

# Searchers of a phase that asks again for configs it was told, and for no others.
SELECTING = ("best",)


class Phase(NamedTuple):
    """A part of a search that comes after others and is told all that they found; trained with seeds of its own.

    searcher: a name as in Study; "best" asks again for the best config that is known.
    configs, seeds, rounds: as in Scale.
    settings: config fields fixed for every method while the phase lasts.
    """

    name: str
    searcher: str
    configs: int
    seeds: int
    rounds: int = 1
    settings: dict[str, Value] = {}  # noqa: RUF012 - never changed

    @property
    def batch(self) -> int:
        """Configs of a method in a round; the last may have fewer."""
        return math.ceil(self.configs / self.rounds)


class Scale(NamedTuple):
    """How large a study is run.

    data: name of the data set used when the user names none.
    settings: config fields fixed for every method; a space's own settings override them.
    configs: configs asked per method, the space's defaults first.
    seeds: trials per config.
    images: real images seen by one trial, or a table data set -> images.
    interval: real images between two rungs, or a table data set -> images.
    samples: generated images per score; None: as many as the test split has.
    summary: one line for people.
    rounds: how often each method's searcher is asked for its share of the configs, told the scores in between.
    phases: what follows these rounds, in each method by itself.
    own: method -> config fields fixed for that one alone, before `settings`; its space's own override them too.
    scheduler: which trials are stopped on the way: "none", or another one of `sweep.schedulers.SCHEDULERS`.
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

    def describe(self) -> dict:
        """The scale as JSON-able data."""
        tables = {k: dict(sorted(v.items())) for k, v in self._asdict().items() if isinstance(v, dict)}
        return self._asdict() | tables | {"phases": [each._asdict() for each in self.phases]}

    def drop(self, name: str) -> "Scale":
        """This scale without config field `name`."""
        own = {method: _without(each, name) for method, each in self.own.items()}
        return self._replace(settings=_without(self.settings, name), own=own)


class Study(NamedTuple):
    """A question, the spaces that are searched to answer it, and how they are searched.

    searcher: "random" (the defaults of a space, then random draws), "points" (its defaults only), "gp_bandit" (what
      a Gaussian process expects most of) or another one of `sweep.searchers.SEARCHERS`.
    metrics: data set -> the metric that trials are scored by, where that is the question; the study is then of these
      data sets alone.
    """

    question: str
    source: str
    methods: dict[str, Space]
    searcher: str
    scales: dict[str, Scale]
    metrics: dict[str, str] = {}  # noqa: RUF012 - never changed

    def metric(self, data: str) -> str | None:
        """The study's own metric on that data set, if it has any; StudyError for one that it is not of."""
        if not self.metrics:
            return None
        check_name("data set of this study", data, self.metrics, StudyError)
        return self.metrics[data]

    def describe(self) -> dict:
        """The study as JSON-able data, equal for equal studies."""
        methods = {name: each.describe() for name, each in self.methods.items()}
        scales = {name: each.describe() for name, each in self.scales.items()}
        return self._asdict() | {"methods": methods, "scales": scales}

    def only(self, methods: Iterable[str]) -> "Study":
        """This study with these methods alone, in its own order; StudyError for one that it does not have."""
        wanted = list(methods)
        for method in wanted:
            check_name("method", method, self.methods, StudyError)
        return self._replace(methods={method: each for method, each in self.methods.items() if method in wanted})

    def at(self, scale: str) -> "Study":
        """This study with what its scale of that name sets for single methods, where their spaces do not set it."""
        own = find_scale(self, scale).own
        return self._replace(
            methods={method: each.beside(own.get(method, {})) for method, each in self.methods.items()}
        )

    def drop(self, name: str) -> "Study":
        """This study without config field `name`, in its methods and scales."""
        methods = {method: each.drop(name) for method, each in self.methods.items()}
        scales = {scale: each.drop(name) for scale, each in self.scales.items()}
        return self._replace(methods=methods, scales=scales)

    def pin(self, name: str, value: Value) -> "Study":
        """This study with config field `name` fixed to `value` for every method.

        StudyError for a field by which the methods differ: their names would lie.
        """
        own = {method: each.fixed[name] for method, each in self.methods.items() if name in each.fixed}
        if len(set(own.values())) > 1:
            told = ", ".join(f"{method} has {each}" for method, each in own.items())
            raise StudyError(f"{name}={value!r} would make the methods one; {name} is what they differ by: {told}")
        for each in (phase for scale in self.scales.values() for phase in scale.phases):
            if name in each.settings:
                raise StudyError(f"{name}={value!r} is not for phase {each.name!r}, which has {each.settings[name]!r}")
        return self._replace(methods={method: each.pin(name, value) for method, each in self.methods.items()})


def phases(searcher: str, scale: Scale) -> tuple[Phase, ...]:
    """All phases of a scale; the first, called like the study's searcher, is what the scale itself says."""
    first = Phase(searcher, searcher, scale.configs, scale.seeds, scale.rounds)
    return (first, *scale.phases)


def find_scale(study: Study, name: str) -> Scale:
    """The scale of `study` called `name`; StudyError listing the choices otherwise."""
    check_name("scale", name, study.scales, StudyError)
    return study.scales[name]


def rungs(scale: Scale, data: str) -> tuple[int, ...]:
    """Real images seen at each evaluation of a trial on data set `data`: increasing, the last is the whole budget.

    StudyError when the scale has no training length for that data set, or one that is not positive.
    """
    images, interval = (_for_data(table, data) for table in (scale.images, scale.interval))
    for name, value in (("images", images), ("interval", interval)):
        if value < 1:
            raise StudyError(f"{name} of a scale is a positive number of real images, not {value}")
    return (*range(interval, images, interval), images)


def _without(settings: dict[str, Value], name: str) -> dict[str, Value]:
    return {field: value for field, value in settings.items() if field != name}


def _for_data(table: int | dict[str, int], data: str) -> int:
    if isinstance(table, int):
        return table
    check_name("data set at this scale", data, table, StudyError)
    return table[data]
