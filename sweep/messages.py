"""What the processes of a sweep say to each other: the driver hands out cohorts, workers send back the rest."""

from typing import NamedTuple

import numpy as np

from ganscape.data import Dataset
from ganscape.models import Config
from ganscape.sweep.measuring.diagnostics import Diagnostic


class Trial(NamedTuple):
    """One training run: a config with a seed. Its id and key come from its content."""

    id: str
    method: str
    config: Config
    seed: int
    key: tuple[int, int]


class Cohort(NamedTuple):
    """Trials of equal structure trained together: the unit that a worker receives.

    committed: for each trial the rungs whose scores the store holds; they are not computed again.
    attempt: for each trial how often it was handed out before.
    size: places in the population; trials beyond them wait, in their order, until a place is free.
    until: the rung at which they are left on disk for others to go on; None: they are trained to the end.
    """

    trials: tuple[Trial, ...]
    committed: tuple[frozenset[int], ...]
    attempt: tuple[int, ...]
    size: int
    until: int | None = None


class Workload(NamedTuple):
    """What every cohort of a study has in common.

    samples: generated images in a score. rungs: real images seen, increasing. lanes: members side
    by side. checkpoints: the folder; a trial is saved after each checkpoint_seconds of training.
    """

    dataset: Dataset
    metric: str
    samples: int
    rungs: tuple[int, ...]
    lanes: int
    checkpoints: str
    checkpoint_seconds: float


class Score(NamedTuple):
    """A trial's score at a rung.

    rung: the real images planned for it; images: those seen, a whole number of cycles.
    seconds: the trial's share of its cohort's wall time, compilation apart.
    grid: images to look at, uint8 [n, height, width, channels], as `sample_and_encode` orders them.
    signs: what its losses, gradients and samples say beside the score.
    """

    trial: str
    attempt: int
    rung: int
    images: int
    value: float
    seconds: float
    grid: np.ndarray
    signs: tuple[Diagnostic, ...] = ()


class Failure(NamedTuple):
    """Why a trial ended early: cause `diverged` or `crashed`, on the way to which rung, at which step."""

    trial: str
    attempt: int
    cause: str
    rung: int
    step: int
    message: str
    detail: str


class Compiled(NamedTuple):
    """A cohort's programs are ready: the seconds that took, nearly all of them compilation.

    compiled, loaded: programs that were compiled for it, and read from the compilation cache; neither where the
    worker had them. lanes: members side by side, as many as fit.
    """

    structure: str
    seconds: float
    compiled: int
    loaded: int
    lanes: int


class Ready(NamedTuple):
    """A worker has started; the devices it computes on, in words."""

    devices: str


class Free(NamedTuple):
    """A worker asks for a cohort; the structures that it has compiled."""

    warm: frozenset[str]
