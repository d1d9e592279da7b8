"""The cost of a plan: trials and images counted, seconds measured on a few members."""

import math
import statistics
import time
from typing import NamedTuple

import jax
import numpy as np

from ganscape.models import Config
from ganscape.sweep.feeding import Resident, Streamed, advance_alone, feed_of
from ganscape.sweep.measuring.evaluation import evaluate, evaluator, sample_and_encode
from ganscape.sweep.memory import memory_warnings
from ganscape.sweep.plan import Plan
from ganscape.sweep.population import Population, images_per_cycle, stack, start_member
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.rounds import count_trials, first_configs

MEASURED_SECONDS = 2.0  # of training, for each structure that is measured
MEASURED_STRUCTURES = 3


class PlanCost(NamedTuple):
    """The cost of a plan.

    trials, images (real images seen by all trials): of all rounds. structures: programs to compile for the
    first round. seconds: wall time, extrapolated from `measured` alone; NaN if nothing could be measured.
    unknown: why not, "" if it could.
    """

    trials: int
    structures: int
    images: int
    seconds: float
    measured: tuple[Config, ...]
    unknown: str = ""


class MemberCost(NamedTuple):
    """Seconds that one member takes: until its programs can run, for each image it is trained on, for each score."""

    ready: float
    image: float
    score: float


def first_round(plan: Plan) -> list[Config]:
    """Returns the configs of the first round of all methods."""
    return [config for method in plan.methods for config in first_configs(plan, method)]


def estimate(plan: Plan, workers: int, done: int = 0) -> PlanCost:
    """Returns the cost of a plan with this many workers, each as fast as this process.

    done: rungs of all trials that a folder has already; they cost no time.

    A member of each of a few structures is compiled, trained for two seconds and evaluated. The first one takes longer
    until it can run, because JAX starts: every worker starts once, and compiles each of its structures. Every trial
    counts as trained to its end: those that diverge or are stopped early take less.
    """
    configs = {config.structure(): config for config in reversed(first_round(plan))}
    chosen = _spread(list(reversed(configs.values())), MEASURED_STRUCTURES)
    count = count_trials(plan)
    images, scores = count * plan.workload.rungs[-1], count * len(plan.workload.rungs)
    if memory_warnings(plan, 1):
        return PlanCost(count, len(configs), images, math.nan, (), "a config needs more memory than is free")
    try:
        costs = [_measure(plan, config) for config in chosen]
    except (MemoryError, jax.errors.JaxRuntimeError) as error:  # what was predicted is a lower bound
        return PlanCost(count, len(configs), images, math.nan, (), " ".join(str(error).split()))
    left = max(0.0, 1.0 - done / scores)
    compiling = statistics.mean(cost.ready for cost in costs[1:] or costs)
    starting = max(0.0, costs[0].ready - compiling)
    work = len(configs) * compiling
    work += left * images * statistics.mean(cost.image for cost in costs)
    work += left * scores * statistics.mean(cost.score for cost in costs)
    seconds = starting + work / min(workers, count) if left else 0.0
    return PlanCost(count, len(configs), images, seconds, tuple(chosen))


def _spread(configs: list[Config], count: int) -> list[Config]:
    """Returns at most `count` configs, spread evenly over their order."""
    count = min(count, len(configs))
    return [configs[number * len(configs) // count] for number in range(count)]


def _measure(plan: Plan, config: Config) -> MemberCost:
    workload = plan.workload
    evaluation = evaluator(workload.metric, workload.dataset.test, workload.samples, further=workload.further)
    began = time.monotonic()
    trial = trial_of(plan.seed, next(iter(plan.methods)), config, 0)
    start = stack([start_member(config, workload.dataset.image_shape, trial.key)], 1)
    feed = feed_of(config, workload.dataset, 1)
    population = advance_alone(_fresh(start), feed, trial.key, 1)
    jax.block_until_ready(sample_and_encode(population, evaluation))
    ready = time.monotonic() - began

    per_cycle = _seconds_per_cycle(start, feed, trial.key)

    # Scored before its first cycle: features of a member that diverged are not finite, which no metric takes.
    untrained = _fresh(start)
    began = time.monotonic()
    evaluate(evaluation, jax.device_get(sample_and_encode(untrained, evaluation)), 0)
    return MemberCost(ready, per_cycle / images_per_cycle(config), time.monotonic() - began)


def _seconds_per_cycle(start: Population, feed: Resident | Streamed, key: tuple[int, int]) -> float:
    """Returns the mean seconds of a cycle in MEASURED_SECONDS of training a population of one member.

    start: the population before its first cycle, on the host. The member starts again from there if its loss is no
    longer finite, because it would do nothing from then on and the cycles asked for would cost no time.
    """
    population, trained, done, asked = _fresh(start), 0.0, 0, 1
    while trained < MEASURED_SECONDS:
        before, began = _cycles(population), time.monotonic()
        population = advance_alone(population, feed, key, asked)
        jax.block_until_ready(population)
        trained += time.monotonic() - began
        done += _cycles(population) - before
        if np.asarray(population.finite)[0]:
            asked += asked
        else:
            population = _fresh(start)
    return trained / done


def _fresh(start: Population) -> Population:
    # A copy: `advance` donates its population, and on a CPU arrays of a device can share their memory with the host's.
    return jax.device_put(jax.tree.map(np.copy, start))


def _cycles(population: Population) -> int:
    return int(np.asarray(population.cycle)[0])
