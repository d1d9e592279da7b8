"""Every architecture in a population: it trains, repeats itself, goes on from disk, and is compiled once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES, build
from ganscape.sweep import checkpoints
from ganscape.sweep.population import advance, stack, start_member, take

# Pairs that are others with other widths, and compile for longer.
OTHER_WIDTHS = {"infogan": "conv8", "resnet19": "resnet_cifar", "resnet_stl": "resnet_cifar"}
# Their networks run in test_registries.py.
SLOW = {"biggan", "resnet_cifar", "sagan", "sndcgan"}
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (48, 48, 3), (64, 64, 3)]


@pytest.fixture(autouse=True)
def _compile_quickly():
    """Programs run for moments here and compile for long: most of the compiler's optimisations are off."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in ARCHITECTURES
        if name not in OTHER_WIDTHS
    ],
)
def test_an_architecture_trains_repeats_itself_continues_from_disk_and_is_compiled_once(name, tmp_path):
    architecture = ARCHITECTURES[name]
    shape = next(shape for shape in SHAPES if architecture.accepts(shape))
    settings = {"architecture": name, "batch_size": 2, "z_dim": 4} | ({"channels": 4} if architecture.channels else {})
    slow, fast = (Config(**settings, g_lr=rate, d_lr=rate) for rate in (1e-4, 1e-2))
    images = jnp.asarray(np.random.default_rng(0).integers(0, 256, (6, *shape), np.uint8))
    programs = advance._cache_size()

    def run(*members, cycles):
        return jax.device_get(advance(jax.device_put(stack(members, 1)), images, jnp.int32(cycles), lanes=1))

    begun, afresh = (start_member(slow, shape, (1, 2)) for _ in range(2))
    first, again = (run(member, cycles=2) for member in (begun, afresh))
    other = run(start_member(fast, shape, (1, 2)), cycles=2)
    assert first.cycle.tolist() == [2] and first.finite.all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(first))
    assert equal(first, again)
    assert not equal(first.state.generator.params, other.state.generator.params)
    assert not equal(first.state.generator.params, stack([begun], 1).state.generator.params)
    assert not equal(first.state.discriminator.params, stack([begun], 1).state.discriminator.params)

    half = take(run(begun, cycles=1), 0)
    saved = {f"leaf{place:04d}": leaf for place, leaf in enumerate(jax.tree.leaves(half))}
    checkpoints.save_checkpoint(str(tmp_path), "trial", 1, saved)
    loaded = checkpoints.load_checkpoint(str(tmp_path), "trial")
    restored = jax.tree.unflatten(jax.tree.structure(half), [loaded[place] for place in sorted(loaded)])
    assert equal(run(restored, cycles=1), first)
    assert advance._cache_size() == programs + 1


def equal(one, other) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


@pytest.mark.parametrize(("name", "other"), OTHER_WIDTHS.items())
def test_a_pair_that_is_left_out_is_another_with_other_widths(name, other):
    kinds = []
    for each in (name, other):
        shape = next(shape for shape in SHAPES if ARCHITECTURES[each].accepts(shape))
        kinds.append([type(network) for network in build(Config(architecture=each), shape)])
    assert kinds[0] == kinds[1]
