"""How many trials a worker trains together, and how many it gets to refill from."""

import math

from ganscape.models import Config
from ganscape.models.architectures import build
from ganscape.models.initialization import parameter_count
from ganscape.models.networks import input_shapes
from ganscape.sweep.plan import Plan

COHORT_TRIALS = 8
COHORT_BYTES = 2**30
BYTES_PER_PARAMETER = 12  # a weight and two moments of its optimizer, float32


def cohort_limit(plan: Plan, config: Config, trials: int, workers: int) -> int:
    """Returns how many trials of a config's structure a worker trains at a time: its share of the trials so far, as
    far as their weights and optimizers fit in COHORT_BYTES. A config whose networks cannot be built is trained alone:
    its worker reports why it cannot."""
    try:
        member = BYTES_PER_PARAMETER * sum(parameters(config, plan.workload.dataset.image_shape))
    except Exception:
        return 1
    round_size = max(phase.batch * phase.seeds for phase in plan.phases) * len(plan.methods)
    share = math.ceil(min(trials, round_size) / workers)
    return max(1, plan.workload.lanes, min(COHORT_TRIALS, share, COHORT_BYTES // member))


def refill_size(waiting: int, lanes: int, workers: int) -> int:
    """Returns how many of the waiting trials of a structure to give one worker, if that is more than its slots.

    With lanes > 1 an empty lane still costs a full step, so the worker gets spare trials to refill from. With one lane
    nothing is wasted, so spare trials stay available to other workers.
    """
    return 0 if lanes == 1 else math.ceil(waiting / workers)


def slots(trials: int, lanes: int) -> int:
    """Returns the size of the population for so many trials: a power of two, so that few sizes are compiled, in whole
    lanes."""
    size = 1 << (trials - 1).bit_length()
    return -(-size // lanes) * lanes


def parameters(config: Config, image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Returns the trainable values of the network that makes images and of the one that sees them."""
    networks, shapes = build(config, image_shape), input_shapes(config, image_shape)
    generator, discriminator = (
        parameter_count(network, shape, classes=config.classes) for network, shape in zip(networks, shapes, strict=True)
    )
    return generator, discriminator
