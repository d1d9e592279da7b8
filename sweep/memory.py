"""How much memory training takes at least, from the shapes of its arrays: nothing is computed or compiled.

XLA plans 0.95 to 2.4 times as much for the steps of mlp, infogan and sndcgan: it computes some things side by side that
need not be.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ganscape.models import FAMILIES, Config
from ganscape.sweep.cohort_size import COHORT_TRIALS, cohort_limit, parameters, slots
from ganscape.sweep.plan import Plan
from ganscape.sweep.population import images_per_cycle, start_member
from ganscape.sweep.proposals import ASKED
from ganscape.sweep.resources import available_bytes, gibibytes
from ganscape.sweep.rounds import count_trials, first_configs

WORKER_BYTES = 256 * 2**20  # of a worker that has trained nothing yet
TRACED = 3  # structures whose training is looked at closely: those that look largest
# No network has had more intermediate results than so many for each value of the real images of an update.
ROUGH = 6000

# Results that XLA computes where they are used, without an array of their own.
FUSED = {
    *("broadcast_in_dim", "convert_element_type", "iota", "reshape", "squeeze", "stop_gradient", "neg", "copy"),
    *("eq", "ne", "lt", "le", "gt", "ge", "select_n", "and", "or", "not", "integer_pow", "sign", "transpose"),
}

LOOPS = {"while", "scan"}


def training_bytes(config: Config, image_shape: tuple[int, int, int], members: int = 1, lanes: int = 1) -> int:
    """Returns about how many bytes training takes at least, beside the data set: networks, states of optimizers,
    averages, and the largest set of intermediate results that are needed at one time.

    members: of a population; lanes: how many of them are trained side by side.
    """
    member = jax.tree.map(_shape, start_member(config, image_shape, (0, 0)))
    images = jax.ShapeDtypeStruct((images_per_cycle(config), *image_shape), np.float32)
    labels = None if config.classes is None else jax.ShapeDtypeStruct(images.shape[:1], np.int32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    step = jax.make_jaxpr(FAMILIES[config.family].step)(member.config, member.state, images, key, labels)
    return members * tree_bytes(member.state) + lanes * (tree_bytes(images) + peak_bytes(step.jaxpr))


def worker_bytes(plan: Plan, config: Config, workers: int) -> int:
    """Returns about how many bytes a worker takes at least that trains trials of a config: itself, the data set as it
    is trained on, and its cohort."""
    members = slots(cohort_limit(plan, config, count_trials(plan), workers), plan.workload.lanes)
    training = training_bytes(config, plan.workload.dataset.image_shape, members, plan.workload.lanes)
    return WORKER_BYTES + _data_bytes(plan) + training


def memory_warnings(plan: Plan, workers: int) -> list[str]:
    """Returns a sentence if the workers of a sweep on this machine need more memory than is free, from the config of
    the first round that needs most; empty if they fit, and where the system does not say what is free."""
    free = available_bytes()
    largest = sorted(_structures(plan), key=lambda config: _rough_bytes(plan, config), reverse=True)
    if free is None or not largest or workers * _rough_bytes(plan, largest[0]) < free:
        return []
    needs = [worker_bytes(plan, config, workers) for config in largest[:TRACED]]
    need = max(needs)
    config, fit = largest[needs.index(need)], int(free // need)
    if workers <= fit:
        return []
    remedy = f"--workers {fit}" if fit else "lower batch_size, or take a smaller network"
    together = f", {workers} workers {gibibytes(workers * need)}" if workers > 1 else ""
    return [
        f"config {config.identity()} needs at least {gibibytes(need)} of memory a worker{together}; "
        f"{gibibytes(free)} are free: {remedy}"
    ]


def _structures(plan: Plan) -> list[Config]:
    """Returns a config of each structure of the first round whose networks can be built."""
    configs = [config for method in plan.methods for config in first_configs(plan, method, ASKED)]
    built = []
    for config in {config.structure(): config for config in configs}.values():
        with contextlib.suppress(Exception):  # the trial fails, and its row says why
            parameters(config, plan.workload.dataset.image_shape)
            built.append(config)
    return built


def _data_bytes(plan: Plan) -> int:
    """Returns how many bytes a worker's copy of the images takes; 0 for images that it maps from a file."""
    splits = (plan.workload.dataset.train, plan.workload.dataset.test)
    return sum(images.nbytes for images in splits if not isinstance(images, np.memmap))


def _rough_bytes(plan: Plan, config: Config) -> int:
    """Returns more bytes than `worker_bytes` does for any network that there is, at no cost."""
    shape, lanes = plan.workload.dataset.image_shape, plan.workload.lanes
    results = ROUGH * 4 * config.batch_size * math.prod(shape)
    state = 40 * sum(parameters(config, shape))
    return WORKER_BYTES + _data_bytes(plan) + max(COHORT_TRIALS, lanes) * state + lanes * results


def tree_bytes(tree: Any) -> int:
    """Returns the bytes of all arrays of a tree."""
    return sum(_bytes(leaf) for leaf in jax.tree.leaves(tree))


def peak_bytes(jaxpr: Any) -> int:
    """Returns the most bytes of intermediate results that are needed at one time, if a program computes in its order.

    The arguments of the program are not counted.
    """
    last_use = {id(var): number for number, eqn in enumerate(jaxpr.eqns) for var in eqn.invars}
    last_use |= {id(var): len(jaxpr.eqns) for var in jaxpr.outvars}
    ending: dict[int, int] = {}  # number of an equation -> bytes that nobody needs after it
    held = peak = 0
    for number, eqn in enumerate(jaxpr.eqns):
        inner = max((peak_bytes(part) for part in _parts(eqn)), default=0)
        made = 0
        for var in eqn.outvars:
            size = 0 if eqn.primitive.name in FUSED else _bytes(var.aval)
            made += size
            end = last_use.get(id(var), number)
            ending[end] = ending.get(end, 0) + size
        # A loop has its state beside what a round needs; what a function returns is among what it needs.
        peak = max(peak, held + (made + inner if eqn.primitive.name in LOOPS else max(made, inner)))
        held += made - ending.get(number, 0)
    return peak


def _parts(eqn: Any) -> Iterator[Any]:
    """Yields the programs inside an equation: branches, bodies of loops, functions."""
    for value in eqn.params.values():
        for item in value if isinstance(value, tuple | list) else (value,):
            if hasattr(item, "eqns"):
                yield item
            elif hasattr(item, "jaxpr") and hasattr(item.jaxpr, "eqns"):
                yield item.jaxpr


def _shape(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(np.shape(leaf), np.asarray(leaf).dtype)


def _bytes(array: Any) -> int:
    return math.prod(array.shape) * getattr(array.dtype, "itemsize", 4) if hasattr(array, "shape") else 0
