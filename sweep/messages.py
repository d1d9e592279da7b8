"""The messages of a sweep: the driver sends a Workload once and then Cohorts, workers send everything else."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ganscape.data import Dataset
from ganscape.models import Config
from ganscape.sweep.measuring.diagnostics import Diagnostic
from ganscape.sweep.plugin_code import Code


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training run: a config with a seed. Its id and key come from its content.

    identity, structure: of its config, see `Config`. load_config: returns the config; called once, when it is needed,
    because a sweep that continues has many trials that have ended.
    """

    id: str
    method: str
    seed: int
    key: tuple[int, int]
    identity: str
    structure: str
    load_config: Callable[[], Config] = dataclasses.field(compare=False, repr=False)

    @functools.cached_property
    def config(self) -> Config:
        """What is trained."""
        return self.load_config()

    def __reduce__(self):
        """A trial that is sent to another process takes its config with it."""
        return _with_config, (self.id, self.method, self.seed, self.key, self.identity, self.structure, self.config)


def _with_config(
    name: str, method: str, seed: int, key: tuple[int, int], identity: str, structure: str, config: Config
) -> Trial:
    return Trial(name, method, seed, key, identity, structure, lambda: config)


class Cohort(NamedTuple):
    """Trials of equal structure trained together: the unit that a worker receives.

    committed: for each trial the rungs whose scores the store holds; they are not computed again.
    attempt: for each trial how often its worker was lost before.
    size: slots of the population; trials beyond them wait, in order, until a slot is free.
    pause_at: the rung at which these trials are checkpointed and handed back; None trains them to the end.
    """

    trials: tuple[Trial, ...]
    committed: tuple[frozenset[int], ...]
    attempt: tuple[int, ...]
    size: int
    pause_at: int | None = None


class BaselineTask(NamedTuple):
    """A request to score images whose quality is known, see `sweep.measuring.baselines`.

    trials: whose generators are scored before any training.
    """

    trials: tuple[Trial, ...]


Task = Cohort | BaselineTask


class Workload(NamedTuple):
    """What every cohort of a study has in common.

    samples: generated images in a score. rungs: real images seen, increasing. lanes: members side
    by side. checkpoints: the folder; a trial is saved after each checkpoint_seconds of training.
    generators: the folder for trained generators, "" if none are kept. card: facts, as JSON, that each is saved with.
    further: metrics by which the same samples are scored too.
    plugins: modules from outside that workers import first.
    """

    dataset: Dataset
    metric: str
    samples: int
    rungs: tuple[int, ...]
    lanes: int
    checkpoints: str
    checkpoint_seconds: float
    generators: str = ""
    card: Mapping[str, Any] = {}
    further: tuple[str, ...] = ()
    plugins: tuple[Code, ...] = ()


class Score(NamedTuple):
    """A trial's score at a rung.

    rung: the real images planned for it; images: those seen, a whole number of cycles.
    seconds: the trial's share of its cohort's wall time, compilation apart. cpu_seconds: of its worker's CPU time; NaN
    where part of it was trained by a version that did not measure that.
    grid: images to look at, uint8 [n, height, width, channels], as `sample_and_encode` orders them.
    signs: what its losses, gradients and samples say beside the score.
    generator_bytes: the size of the generator's file, 0 if none was written.
    further: (metric, value) of the same samples by each further metric of the workload, as far as they have one.
    """

    trial: str
    attempt: int
    rung: int
    images: int
    value: float
    seconds: float
    grid: np.ndarray
    signs: tuple[Diagnostic, ...] = ()
    generator_bytes: int = 0
    further: tuple[tuple[str, float], ...] = ()
    cpu_seconds: float = math.nan


class Failure(NamedTuple):
    """A trial that ended early: its cause, `diverged` or `crashed`, the rung it was heading for and the step."""

    trial: str
    attempt: int
    cause: str
    rung: int
    step: int
    message: str
    detail: str


class Compiled(NamedTuple):
    """A report that the programs of a cohort are ready to run.

    seconds: what that took, nearly all of it compilation.
    compiled, loaded: how many programs were compiled, and read from the compilation cache; both 0 if the worker had
      them already. lanes: members trained side by side, as many as fit in memory.
    """

    structure: str
    seconds: float
    compiled: int
    loaded: int
    lanes: int


class Baseline(NamedTuple):
    """The score of a draw of known images. kind: "real", "noise" or "untrained"; source: of the last, the architecture,
    else empty."""

    kind: str
    source: str
    draw: int
    value: float


class Baselines(NamedTuple):
    """The scores that a BaselineTask asks for."""

    scores: tuple[Baseline, ...]


class Ready(NamedTuple):
    """A report that a worker has started. devices: what it computes on, in words, such as "1 x cpu: cpu".
    fault: what it computes wrongly, see `sweep.proof`; "" for nothing.
    refusal: why it does not work for this sweep, in a sentence; "" if it does."""

    devices: str
    fault: str = ""
    refusal: str = ""


class Free(NamedTuple):
    """A worker's request for a cohort. warm: the structures that it has compiled."""

    warm: frozenset[str]


class LogLine(NamedTuple):
    """A line of a worker's log, with its level as in the module logging."""

    level: int
    text: str


FromWorker = Score | Failure | Compiled | Baselines | Ready | Free | LogLine
