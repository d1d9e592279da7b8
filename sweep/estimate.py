"""The cost of a plan: trials and images counted, seconds measured on one member."""

import time
from collections import Counter
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ganscape.models import Config
from ganscape.sweep.measuring.evaluation import evaluate, evaluator, sample_and_encode
from ganscape.sweep.plan import Plan
from ganscape.sweep.population import advance, images_per_cycle, stack, start
from ganscape.sweep.proposals import trial_of
from ganscape.sweep.rounds import count_trials, first_configs
from ganscape.sweep.trial import on_device

MEASURED_SECONDS = 2.0


class Estimate(NamedTuple):
    """The cost of a plan.

    trials, images (real images seen by all trials): of all rounds. structures: programs to compile for the
    first round. seconds: wall time, extrapolated from `measured` alone.
    """

    trials: int
    structures: int
    images: int
    seconds: float
    measured: Config


def first_round(plan: Plan) -> list[Config]:
    """Returns the configs of the first round of all methods."""
    return [config for method in plan.methods for config in first_configs(plan, method)]


def estimate(plan: Plan, workers: int) -> Estimate:
    """Returns the cost of a plan with this many workers, each as fast as this process.

    One member of the commonest structure is compiled, trained for two seconds and evaluated.
    """
    configs = first_round(plan)
    structures = Counter(config.structure() for config in configs)
    commonest = structures.most_common(1)[0][0]
    chosen = next(config for config in configs if config.structure() == commonest)
    compiling, per_image, per_score = _measure(plan, chosen)
    count = count_trials(plan)
    images = count * plan.workload.rungs[-1]
    scores = count * len(plan.workload.rungs)
    work = len(structures) * compiling + images * per_image + scores * per_score
    return Estimate(count, len(structures), images, work / min(workers, count), chosen)


def _measure(plan: Plan, config: Config) -> tuple[float, float, float]:
    """Returns seconds per compilation, per image trained on, and per score."""
    workload = plan.workload
    evaluation = evaluator(workload.metric, workload.dataset.test, workload.samples)
    began = time.monotonic()
    trial = trial_of(plan.seed, next(iter(plan.methods)), config, 0)
    member = start(config, workload.dataset.image_shape, trial.key)
    population = jax.device_put(stack([member], 1))
    images, labels = on_device(config, workload.dataset)
    population = advance(population, images, jnp.int32(1), labels, lanes=1)
    jax.block_until_ready(sample_and_encode(population, evaluation))
    compiling = time.monotonic() - began

    cycles, began = 1, time.monotonic()
    while (trained := time.monotonic() - began) < MEASURED_SECONDS:
        population = advance(population, images, jnp.int32(cycles), labels, lanes=1)
        jax.block_until_ready(population)
        cycles += cycles
    per_image = trained / ((cycles - 1) * images_per_cycle(config))

    began = time.monotonic()
    evaluate(evaluation, jax.device_get(sample_and_encode(population, evaluation)), 0)
    return compiling, per_image, time.monotonic() - began
