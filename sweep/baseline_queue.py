"""Has the baselines of a sweep measured once, by the first worker that is idle."""

import logging
from collections.abc import Iterable

from ganscape.metrics import find_metric
from ganscape.results.store import Store
from ganscape.sweep.measuring.baselines import draw_count
from ganscape.sweep.messages import Baselines, BaselineTask, Trial
from ganscape.sweep.plan import Plan
from ganscape.sweep.proposals import trial_of

logger = logging.getLogger(__name__)


class BaselineQueue:
    """Hands out one request for baselines, unless the store has them, and commits what comes back.

    By a metric that searches a generator's latents one untrained generator of each architecture is scored, as each
    takes as long as the evaluation of a trial.

    pending: whether a worker measures them now.
    """

    def __init__(self, plan: Plan, store: Store):
        self.plan, self.store, self.pending = plan, store, False
        self.wanted = not any(row["protocol"] == plan.protocol.fingerprint for row in store.baselines())

    def take(self, trials: Iterable[Trial]) -> BaselineTask | None:
        """Returns the request, the first time that it is asked for; None if baselines are there or being measured.

        trials: the first of each architecture is scored untrained, with as many seeds as there are draws of images.
        """
        if not self.wanted:
            return None
        self.wanted, self.pending = False, True
        first_of_structure: dict[str, Trial] = {}
        for trial in trials:
            first_of_structure.setdefault(trial.structure, trial)
        first: dict[str | None, Trial] = {}
        for trial in first_of_structure.values():  # the config of a trial costs time to make, so one of each structure
            first.setdefault(trial.config.architecture, trial)
        of_images = find_metric(self.plan.workload.metric).inversion is None
        seeds = range(draw_count(self.plan.workload.samples) if of_images else 1)
        return BaselineTask(
            tuple(trial_of(self.plan.seed, each.method, each.config, seed) for each in first.values() for seed in seeds)
        )

    def record(self, message: Baselines) -> None:
        """Commits what a worker measured."""
        shared = {"metric": self.plan.workload.metric, "protocol": self.plan.protocol.fingerprint}
        self.store.add_baselines([score._asdict() | shared for score in message.scores])
        logger.info("baselines: %s", ", ".join(f"{kind} {value:.4g}" for kind, _, _, value in message.scores))

    def end(self) -> None:
        """Notes that nobody measures baselines any more: they are there, failed, or their worker died."""
        self.pending = False
