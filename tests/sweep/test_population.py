import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import FAMILIES, Config, sampling
from ganscape.models.family import Family
from ganscape.sweep.population import Population, advance, images_per_cycle, only, stack, start_member, take, trial_key

SHAPE = (8, 8, 1)


def population(configs, size=4, seed=0):
    members = [start_member(config, SHAPE, trial_key(0, config, seed)) for config in configs]
    return jax.device_put(stack(members, size))


def weights(members, index):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(take(members, index).state)]


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def images(request):
    return jnp.asarray(request.getfixturevalue("digits").train)


def test_a_trial_key_is_its_identity():
    config = Config(g_lr=1e-3)
    same = Config.from_dict(dict(reversed(config.to_dict().items())))
    assert trial_key(7, config, 2) == trial_key(7, same, 2)
    others = [trial_key(8, config, 2), trial_key(7, config, 3), trial_key(7, Config(g_lr=2e-3), 2)]
    assert trial_key(7, config, 2) not in others


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_member_is_bit_equal_alone_and_beside_others(configs, images, place):
    together = advance(population(configs), images, jnp.int32(9), lanes=1)
    alone = advance(population([configs[place]], 1), images, jnp.int32(9), lanes=1)
    assert equal(weights(together, place), weights(alone, 0))


def test_segments_do_not_change_a_member(configs, images):
    whole = advance(population(configs), images, jnp.int32(9), lanes=1)
    parts = population(configs)
    for cycles in (1, 3, 1, 4):
        parts = advance(parts, images, jnp.int32(cycles), lanes=1)
    assert all(equal(weights(whole, place), weights(parts, place)) for place in range(3))


def test_lanes_side_by_side_agree_to_rounding(configs, images):
    """What docs/concepts.md states for vmap: pixels within 1e-3 after five cycles. Weights may differ more:
    where a gradient is zero but for rounding (a bias before batch norm), Adam follows the rounding."""
    pictures = []
    for lanes in (1, 4):
        members = advance(population(configs), images, jnp.int32(5), lanes=lanes)
        one = take(members, 1)
        pictures.append(sampling.sample(one.config, one.state, SHAPE, jax.random.key(0), 64))
    np.testing.assert_allclose(*pictures, rtol=0, atol=1e-3)


def test_side_by_side_a_member_depends_on_neither_its_lane_nor_its_neighbours(configs, images):
    """To the bit, within the program of so many lanes."""
    together = advance(population(configs), images, jnp.int32(5), lanes=4)
    turned = advance(population([Config(g_lr=0.5, z_dim=8), *configs[::-1]]), images, jnp.int32(5), lanes=4)
    assert all(equal(weights(together, place), weights(turned, 3 - place)) for place in range(3))


def test_changing_a_number_never_recompiles(configs, images):
    advance(population(configs), images, jnp.int32(1), lanes=1)
    before = advance._cache_size()
    others = [Config(g_lr=3e-3, d_lr=1e-5, beta1=0.1, beta2=0.9, z_dim=8) for _ in configs]
    advance(population(others), images, jnp.int32(3), lanes=1)
    assert advance._cache_size() == before
    advance(population([Config(loss="hinge", z_dim=8)] * 3), images, jnp.int32(1), lanes=1)
    assert advance._cache_size() == before + 1


def test_a_diverging_member_stops_where_it_diverged_and_leaves_the_others_alone(configs, images):
    wild = Config(g_lr=1e12, d_lr=1e12, z_dim=8)
    together = advance(population([configs[0], wild, configs[2]]), images, jnp.int32(30), lanes=1)
    alone = advance(population([configs[2]], 1), images, jnp.int32(30), lanes=1)
    assert np.asarray(together.finite).tolist()[:3] == [True, False, True]
    assert 0 < int(together.cycle[1]) < 30
    assert equal(weights(together, 2), weights(alone, 0))


def test_a_halted_member_is_not_advanced(configs, images):
    before = population(configs)
    kept = weights(before, 1)
    after = advance(only(before, [0, 2]), images, jnp.int32(5), lanes=1)
    assert np.asarray(after.cycle).tolist()[:3] == [5, 0, 5]
    assert equal(weights(after, 1), kept)
    after = advance(only(after, [1]), images, jnp.int32(7), lanes=1)
    assert np.asarray(after.cycle).tolist()[:3] == [5, 7, 5]


def test_places_beyond_the_members_are_halted(configs):
    padded = stack([start_member(config, SHAPE, (1, 2)) for config in configs], 8)
    assert padded.halted.tolist() == [False] * 3 + [True] * 5


def test_a_cycle_sees_disc_iters_batches():
    assert images_per_cycle(Config(disc_iters=5, batch_size=32)) == 160


def test_every_cycle_draws_images_and_a_key_of_its_own(monkeypatch):
    """A method that learns nothing and remembers which images and keys it was given, for two members of 200 images."""

    def step(config, state, images, key, labels):
        seen, keys, cycle = state
        names = jnp.round(images[:, 0, 0, 0] * 255).astype(jnp.int32)
        return (seen.at[names].add(1), keys.at[cycle].set(key), cycle + 1), {"loss": jnp.float32(0)}

    monkeypatch.setitem(FAMILIES, "gan", Family(lambda *_: None, step, lambda *_: None, ("loss",)))
    config = jax.tree.map(np.float32, Config())
    memory = (np.zeros(200, np.int32), np.zeros((6, 2), np.uint32), np.int32(0))
    members = [
        Population(config, memory, np.array(key, np.uint32), np.int32(0), np.bool_(False), np.bool_(True))
        for key in ((1, 2), (1, 3))
    ]
    images = jnp.arange(200, dtype=jnp.uint8)[:, None, None, None]
    seen, keys, _ = advance(jax.device_put(stack(members, 2)), images, jnp.int32(6), lanes=1).state
    assert seen.sum(axis=1).tolist() == [6 * 64] * 2
    assert (np.count_nonzero(seen, axis=1) > 140).all()
    assert len(np.unique(np.asarray(keys).reshape(-1, 2), axis=0)) == 12
    assert not np.array_equal(seen[0], seen[1])
