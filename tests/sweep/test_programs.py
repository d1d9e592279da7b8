import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from ganscape.models import Config
from ganscape.sweep import programs, trial
from ganscape.sweep.messages import Compiled, Score
from ganscape.sweep.programs import bytes_of, fitting_lanes, free_bytes
from ganscape.sweep.trial import train


def test_lanes_that_fit_are_kept_in_silence():
    assert fitting_lanes(8, 16, lambda lanes: 10 * lanes, 80) == 8


@pytest.mark.parametrize(("room", "expected"), [(79, 4), (35, 2), (5, 1)])
def test_lanes_are_lowered_until_they_fit_and_divide_the_members(room, expected):
    with pytest.warns(UserWarning, match=f"from 8 to {expected}"):
        assert fitting_lanes(8, 16, lambda lanes: 10 * lanes, room) == expected


def test_lowered_lanes_divide_the_members():
    with pytest.warns(UserWarning, match="from 6 to 3"):
        assert fitting_lanes(6, 6, lambda lanes: lanes, 5) == 3


def test_one_lane_and_an_unknown_room_are_never_refused():
    def needed(lanes):
        raise AssertionError("asked")

    assert fitting_lanes(1, 4, needed, 0) == 1
    assert fitting_lanes(4, 4, needed, None) == 4


def test_the_bytes_of_a_program_are_those_beside_its_arguments():
    argument = jnp.zeros((512, 512))
    product = jax.jit(lambda x: x @ x).lower(argument).compile()
    assert argument.nbytes <= bytes_of(product) <= 3 * argument.nbytes
    donated = jax.jit(lambda x: x + 1.0, donate_argnums=0).lower(argument).compile()
    assert bytes_of(donated) < argument.nbytes


def test_the_machine_has_memory_left():
    assert 2**20 < free_bytes() < 2**50


class Device:
    def __init__(self, limit, used):
        self.stats = {"bytes_limit": limit, "bytes_in_use": used}

    def memory_stats(self):
        return self.stats


def test_the_fullest_device_counts(monkeypatch):
    monkeypatch.setattr(programs.jax, "local_devices", lambda: [Device(100, 10), Device(100, 70)])
    assert free_bytes() == 30


def test_memory_that_was_freed_between_pieces_in_use_goes_back_to_the_system():
    """Pieces of 16 KiB, which malloc takes from its heap; every hundredth stays in use."""
    before = programs.resident_bytes()
    pieces = [bytes(2**14) for _ in range(8000)]
    for piece in range(len(pieces)):
        if piece % 100:
            pieces[piece] = b""
    programs.return_free_memory()
    assert programs.resident_bytes() - before < 2**25, f"{len(pieces)} pieces were 2**27 bytes"


def test_memory_is_given_back_once_for_each_structure_that_is_compiled(make_cohort, workload, judge, monkeypatch):
    counts, returned = [(3, 0), (3, 0), (3, 0), (4, 0), (4, 0), (4, 1)], []  # before and after each of three cohorts
    monkeypatch.setattr(programs, "program_counts", lambda: counts.pop(0))
    monkeypatch.setattr(programs, "return_free_memory", lambda: returned.append(len(counts)))
    for _ in range(3):
        train(make_cohort(Config(z_dim=8)), workload._replace(rungs=(64,)), judge, [].append)
    assert returned == [2, 0]


def test_a_cohort_with_too_many_lanes_is_trained_with_fewer(
    configs, make_cohort, workload, judge, scores_of, monkeypatch
):
    """With room for one lane its scores are those of one lane, to the bit."""
    cohort, expected = make_cohort(*configs[:2]), scores_of(*configs[:2])
    monkeypatch.setattr(trial.programs, "free_bytes", lambda: 1)
    found = []
    with pytest.warns(UserWarning, match="lanes lowered from 2 to 1"):
        train(cohort, workload._replace(lanes=2), judge, found.append)
    assert {(m.trial, m.rung): m.value for m in found if isinstance(m, Score)} == expected
    assert [m.lanes for m in found if isinstance(m, Compiled)] == [1]


COUNTED = """
import sys
import jax
import jax.numpy as jnp
import numpy as np
from ganscape.sweep import programs

counts = [programs.program_counts()]
program, matrix = jax.jit(lambda x: jnp.sin(x) @ x), np.ones((4, 4), np.float32)
for turn in range(4):
    if turn == 2:
        jax.clear_caches()
    jax.block_until_ready(program(matrix))
    counts.append(programs.program_counts())
print(counts)
"""


def test_compiled_and_cached_programs_are_counted_once(tmp_path):
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    environment = os.environ | cache | {"JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1", "JAX_PLATFORMS": "cpu"}
    counts = json.loads(_printed(COUNTED, environment).replace("(", "[").replace(")", "]"))
    assert counts == [[0, 0], [1, 0], [1, 0], [1, 1], [1, 1]]


SHARDED = """
import json
import jax
import jax.numpy as jnp
import numpy as np
from ganscape.data import load
from ganscape.models import Config, sampling
from ganscape.sweep.population import advance, on_devices, put, stack, start_member, take, trial_key

images = jnp.asarray(load("digits").train)
configs = [Config(g_lr=rate, d_lr=rate, z_dim=8) for rate in (1e-4, 5e-4, 2e-3, 1e-3)]

def trained(configs):
    members = [start_member(config, (8, 8, 1), trial_key(0, config, 0)) for config in configs]
    population = advance(on_devices(stack(members, len(members))), images, jnp.int32(5), lanes=1)
    devices = len(jax.tree.leaves(population.state)[0].sharding.device_set)
    members = [take(population, place) for place in range(len(configs))]
    weights = [[leaf.tobytes() for leaf in jax.tree.leaves(member.state)] for member in members]
    return devices, weights, members[0]

devices, weights, first = trained(configs)
_, turned, _ = trained(configs[::-1])
lone_devices, _, alone = trained(configs[:1])
pictures = [sampling.sample(m.config, m.state, (8, 8, 1), jax.random.key(0), 16) for m in (first, alone)]

def begun(config):
    return start_member(config, (8, 8, 1), trial_key(0, config, 0))

others = advance(on_devices(stack([begun(config) for config in configs[:3]], 4)), images, jnp.int32(3), lanes=1)
programs = advance._cache_size()
refilled = advance(put(others, jnp.int32(3), begun(configs[3])), images, jnp.int32(5), lanes=1)
entered = [leaf.tobytes() for leaf in jax.tree.leaves(take(refilled, 3).state)]
print(json.dumps({
    "devices": [jax.local_device_count(), devices, lone_devices],
    "by place": weights == turned[::-1],
    "entered": entered == weights[3],
    "cycles": refilled.cycle.tolist(),
    "programs": advance._cache_size() - programs,
    "pixels": float(jnp.abs(pictures[0] - pictures[1]).max()),
}))
"""


def test_members_are_shared_by_the_devices_of_a_worker():
    """Equal wherever they stand, and to rounding to those on one device, as docs/concepts.md states for lanes."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    found = json.loads(_printed(SHARDED, os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}))
    assert found["devices"] == [4, 4, 1]
    assert found["by place"]
    assert found["entered"] and found["cycles"] == [8, 8, 8, 5] and found["programs"] == 0
    assert found["pixels"] < 1e-3


def _printed(script, environment):
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[-1]
