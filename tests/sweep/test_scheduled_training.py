"""A schedule is a function of images seen: where a training is divided, saved or put beside others changes no bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config
from ganscape.sweep import checkpoints
from ganscape.sweep.population import advance, images_per_cycle, stack, start_member, take, trial_key

SHAPE, CYCLES, PAUSE = (8, 8, 1), 12, 5
SETTINGS = {"batch_size": 8, "z_dim": 4, "penalty": "r1", "penalty_weight": 1.0, "averaging": "ema_half_life"}
# Everything moves during the training, and the warm-up ends within it.
SETTINGS |= {f"{name}_schedule": "cosine" for name in ("learning_rate", "penalty", "ema")}
SETTINGS |= {f"{name}_images": 80.0 for name in ("learning_rate", "penalty", "ema", "beta2")}
SETTINGS |= {"beta2_schedule": "linear", "beta2_final": 0.9, "ema_half_life": 50.0}
SETTINGS |= {"warmup": "linear", "warmup_images": 20.0}


def population(*rates):
    configs = [Config(**SETTINGS, g_lr=rate, d_lr=rate) for rate in rates]
    return jax.device_put(stack([start_member(config, SHAPE, trial_key(0, config, 0)) for config in configs], 2))


def train(members, cycles, lanes):
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (100, *SHAPE), np.uint8))
    return advance(members, images, jnp.int32(cycles), lanes=lanes)


def leaves(members, index):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(take(members, index))]


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_scheduled_training_is_the_same_bits_in_segments_resumed_from_disk_and_beside_others(lanes, tmp_path):
    whole = train(population(1e-3, 3e-3), CYCLES, lanes)
    parts = population(1e-3, 3e-3)
    for cycles in (1, 3, 1):
        parts = train(parts, cycles, lanes)
    for index in range(2):
        saved = {f"leaf{number:04d}": leaf for number, leaf in enumerate(leaves(parts, index))}
        checkpoints.save_checkpoint(str(tmp_path), f"trial{index}", PAUSE, saved)
    stored = [checkpoints.load_checkpoint(str(tmp_path), f"trial{index}") for index in range(2)]
    structure = jax.tree.structure(take(parts, 0))
    members = [jax.tree.unflatten(structure, [arrays[name] for name in sorted(arrays)]) for arrays in stored]
    # The other way round, so that each resumes beside another and in another lane.
    resumed = train(jax.device_put(stack(members[::-1], 2)), CYCLES - PAUSE, lanes)
    for index in range(2):
        assert equal(leaves(resumed, 1 - index), leaves(whole, index))


def test_schedules_of_that_training_move_within_it():
    """So the test above compares something: they end after 80 of its 96 images, five cycles being 40."""
    config = Config(**SETTINGS)
    seen = PAUSE * images_per_cycle(config)
    assert config.warmup_images < seen < config.learning_rate_images < CYCLES * images_per_cycle(config)
