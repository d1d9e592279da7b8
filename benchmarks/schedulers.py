"""Compares schedulers on the real training curves of recorded sweeps: what each finds for the same number of images.

    python benchmarks/schedulers.py [--studies equal_wide_mnist16] [--trainings 8] [--orders 200]

Every order is a random permutation of a method's configs, which a scheduler gets in rounds of six until it has spent
the images of `trainings` whole trainings. Nothing is predicted: scores and failures are those of the table. What counts
is the score at the last rung of the best config that was trained to the end, divided by the lowest of the table: the
geometric mean over methods and orders, and how often it is the lowest itself. `syne_asha` is ASHA of Syne Tune with the
same reduction factor, where that is installed.
"""

import argparse
import importlib.util
import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

import ganscape
from ganscape.benchmark import Tabular
from ganscape.sweep.schedulers import (
    REDUCTION,
    SCHEDULERS,
    Course,
    Decision,
    Entrant,
    decide,
    decision_rungs,
    make_entrant,
)

ROUND = 6
Curve = tuple[float, ...]  # the score at each rung, infinite from a failure on


def trained_by(scheduler: str, curves: Sequence[Curve], rungs: Sequence[int], images: float) -> float:
    """Returns the lowest score at the last rung that one of our schedulers reaches with so many images.

    A config is trained as far as the scheduler lets it before the next one begins.
    """
    search = Search(scheduler, curves, rungs, images)
    for start in range(0, len(curves), ROUND):
        waiting = list(range(start, min(start + ROUND, len(curves))))
        search.reached += [0] * len(waiting)
        search.stopped += [False] * len(waiting)
        while waiting and search.spent <= images:
            waiting = [index for index in waiting if search.train(index)]
    return search.lowest


class Search:
    """What a scheduler has trained so far. reached: rungs of each config; stopped: whether it was stopped."""

    def __init__(self, scheduler: str, curves: Sequence[Curve], rungs: Sequence[int], images: float):
        self.scheduler, self.curves, self.rungs, self.images = SCHEDULERS[scheduler], curves, rungs, images
        self.costs = [end - start for start, end in pairwise((0, *rungs))]
        self.deciding = decision_rungs(rungs)
        self.reached: list[int] = []
        self.stopped: list[bool] = []
        self.lowest, self.spent = math.inf, 0

    def train(self, index: int) -> bool:
        """Trains a config until it ends, the images are spent or it waits for others; returns whether it waits."""
        while self.reached[index] < len(self.rungs):
            decision = self.decide(index)
            if decision is not Decision.CONTINUE:
                self.stopped[index] = decision is Decision.STOP
                return decision is Decision.WAIT
            self.spent += self.costs[self.reached[index]]
            if self.spent > self.images:
                return False
            score = self.curves[index][self.reached[index]]
            self.reached[index] += 1
            if math.isinf(score):
                return False
        self.lowest = min(self.lowest, score)
        return False

    def decide(self, index: int) -> Decision:
        """Returns what the scheduler says of a config where it is."""
        rung = self.rungs[self.reached[index] - 1] if self.reached[index] else 0
        if rung not in self.deciding:
            return Decision.CONTINUE
        entrants = _entrants(self.curves, self.rungs, self.reached, self.stopped, self.deciding)
        return decide(self.scheduler, entrants, index, self.deciding.index(rung))


def _entrants(
    curves: Sequence[Curve], rungs: Sequence[int], reached: list[int], stopped: list[bool], deciding: Sequence[int]
) -> list[Entrant]:
    """Returns the configs asked so far as schedulers see them."""
    entrants = []
    for index, count in enumerate(reached):
        known = dict(zip(rungs, curves[index][:count], strict=False))
        scores = {rung: score for rung, score in known.items() if math.isfinite(score)}
        course = Course(scores, stopped[index], len(scores) < len(known))
        entrants.append(make_entrant(index // ROUND, [course], deciding))
    return entrants


def trained_by_syne_tune(curves: Sequence[Curve], rungs: Sequence[int], images: float) -> float:
    """Returns the same for ASHA of Syne Tune, which decides about a config as soon as it has a score."""
    from syne_tune.optimizer.scheduler import SchedulerDecision
    from syne_tune.optimizer.schedulers.asha import Bracket

    bracket = Bracket(rungs[0], rungs[-1], REDUCTION, 0)
    lowest, spent = math.inf, 0.0
    for index, curve in enumerate(curves):
        for score, (start, end) in zip(curve, pairwise((0, *rungs)), strict=True):
            spent += end - start
            if spent > images:
                return lowest
            if end == rungs[-1]:
                lowest = min(lowest, score)
            elif bracket.on_result(index, end, {"score": score}) == SchedulerDecision.STOP or math.isinf(score):
                break
    return lowest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", default="equal_wide_mnist16,landscape_reg_norm_mnist16")
    parser.add_argument("--trainings", type=int, default=8)
    parser.add_argument("--orders", type=int, default=200)
    arguments = parser.parse_args()
    ways: dict[str, Callable] = {
        name: lambda curves, rungs, images, name=name: trained_by(name, curves, rungs, images) for name in SCHEDULERS
    }
    if importlib.util.find_spec("syne_tune") is None:
        print("syne_asha is left out: syne_tune is not installed")
    else:
        ways["syne_asha"] = trained_by_syne_tune
    for study in arguments.studies.split(","):
        table = Tabular(ganscape.recorded(study))
        ratios: dict[str, list[float]] = {name: [] for name in ways}
        for method in table.methods:
            curves = [
                tuple(answer.value for answer in table.curve(config, table.seeds(config)[0]))
                for config in table.configs(method)
            ]
            best = min(curve[-1] for curve in curves)
            for order in range(arguments.orders):
                shuffled = [curves[place] for place in np.random.default_rng(order).permutation(len(curves))]
                for name, way in ways.items():
                    found = way(shuffled, table.rungs, arguments.trainings * table.rungs[-1])
                    ratios[name].append(found / best)
        print(f"{study}: {len(table.methods)} methods, {arguments.trainings} trainings, rungs {table.rungs}")
        for name, found in ratios.items():
            mean, hits = np.exp(np.mean(np.log(found))), np.mean(np.array(found) == 1)
            print(f"  {name:10s} best / lowest {mean:6.3f}   lowest found {hits:5.1%}", flush=True)


if __name__ == "__main__":
    main()
