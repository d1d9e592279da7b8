"""How much memory training is said to take: held to arithmetic, and to what XLA plans for the compiled program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import FAMILIES, Config
from ganscape.sweep import memory
from ganscape.sweep.commands import running
from ganscape.sweep.plan import plan
from ganscape.sweep.population import images_per_cycle, start_member
from ganscape.sweep.resources import Resources

VECTOR = 4 * 1000  # bytes of 1,000 floats


def peak(function, *inputs):
    return memory.peak_bytes(jax.make_jaxpr(function)(*inputs).jaxpr)


def test_results_count_as_long_as_they_are_needed():
    x = jax.ShapeDtypeStruct((1000,), np.float32)
    assert peak(lambda x: jnp.sin(jnp.sin(jnp.sin(x))), x) == 2 * VECTOR  # one that is read, one that is written

    def used_late(x):
        first, second = jnp.sin(x), jnp.cos(x)
        return jnp.sin(jnp.exp(jnp.tanh(second))) + first

    assert peak(used_late, x) == 3 * VECTOR


def test_a_loop_needs_what_one_of_its_rounds_needs():
    def loop(x, rounds):
        return jax.lax.fori_loop(0, rounds, lambda _, x: jnp.sin(jnp.cos(x)), x)

    x = jax.ShapeDtypeStruct((1000,), np.float32)
    short, long = (peak(lambda x, rounds=rounds: loop(x, rounds), x) for rounds in (2, 200))
    assert short == long >= 3 * VECTOR


def test_a_network_that_does_not_fit_is_said_with_the_number_of_workers_that_do(tmp_path, monkeypatch):
    settings = {"images": 640, "interval": 640, "samples": 50, "configs": 1}
    planned = plan("equal/wide", out=tmp_path, methods=("vae",), seeds=1, settings=settings)
    (config,) = memory._structures(planned)
    need = memory.worker_bytes(planned, config, 4)
    assert memory._rough_bytes(planned, config) > need > memory.WORKER_BYTES
    for free, remedy in ((2.5 * need, "--workers 2"), (0.5 * need, "lower batch_size, or take a smaller network")):
        monkeypatch.setattr(memory, "available_bytes", lambda free=free: int(free))
        (warning,) = memory.memory_warnings(planned, 4)
        said = f"config {config.identity()} needs at least {need / 2**30:.3g} GiB"
        assert warning.startswith(said) and warning.endswith(remedy)
    monkeypatch.setattr(memory, "available_bytes", lambda: 5 * need)
    assert memory.memory_warnings(planned, 4) == []
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    assert memory.memory_warnings(planned, 10**6) == []


def test_only_workers_on_the_cpus_of_this_machine_are_compared_with_its_memory(monkeypatch):
    monkeypatch.setattr(memory, "memory_warnings", lambda planned, workers: [f"{planned} {workers}"])
    assert running._memory_warnings("plan", executor="local", workers=3, keep=None) == ["plan 3"]
    assert running._memory_warnings("plan", executor="ray", workers=3) == []
    assert running._memory_warnings("plan", executor="local", workers=3, resources=Resources(gpus=0.5)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings, shape",
    [
        ({"architecture": "infogan"}, (28, 28, 1)),
        ({"architecture": "sndcgan"}, (32, 32, 3)),
        ({"architecture": "dcgan"}, (64, 64, 3)),
        ({"architecture": "resnet_cifar"}, (32, 32, 3)),
    ],
)
def test_the_prediction_is_near_what_xla_plans_for_the_compiled_step(settings, shape):
    config = Config.from_dict(settings | {"batch_size": 64, "disc_iters": 1})
    member = jax.tree.map(memory._shape, start_member(config, shape, (0, 0)))
    images = jax.ShapeDtypeStruct((images_per_cycle(config), *shape), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    step = jax.jit(FAMILIES[config.family].step).lower(member.config, member.state, images, key, None).compile()
    planned = step.memory_analysis()
    needed = planned.temp_size_in_bytes + planned.output_size_in_bytes + planned.argument_size_in_bytes
    assert 0.3 < memory.training_bytes(config, shape) / needed < 1.2
