"""Sampling: which averages a batch norm of the generator uses."""

import jax
import numpy as np
import pytest

from ganscape.models import FAMILIES, Config, ConfigError
from ganscape.models.architectures import build
from ganscape.models.forward import Context
from ganscape.models.normalizations import reset_averages
from ganscape.models.sampling import STANDING_PASSES, _standing, sample

SHAPE = (8, 8, 1)
compiled = jax.jit(sample, static_argnums=(2, 4))


def of(statistics: str, **settings):
    return Config.from_dict({"architecture": "mlp", "z_dim": 4, "sampling_statistics": statistics, **settings})


def with_averages(state, mean):
    """The state with every running mean of its networks at this value, and every variance at 1."""
    values = {"mean": mean, "variance": 1.0, "weight": 1.0}

    def changed(path, leaf):
        names = [getattr(key, "name", getattr(key, "key", None)) for key in path]
        known = "statistics" in names and names[-1] in values
        return np.full_like(leaf, values[names[-1]]) if known else leaf

    return jax.tree_util.tree_map_with_path(changed, state)


@pytest.mark.parametrize("family", ["gan", "began", "vae"])
def test_standing_statistics_forget_the_running_averages(family):
    key = np.array([1, 2], np.uint32)
    images = {}
    for statistics in ("running", "standing"):
        config = of(statistics, family=family)
        state = FAMILIES[family].init(config, SHAPE, key)
        images[statistics] = [
            np.asarray(compiled(config, with_averages(state, mean), SHAPE, key, 3)) for mean in (0.0, 2.0)
        ]
    assert np.array_equal(*images["standing"])
    assert not np.allclose(*images["running"])


def test_standing_statistics_are_the_moments_over_fresh_latents():
    """Of the first normalization, whose inputs are W z + b of uniform z: mean b, variance |W|^2 / 3 per unit."""
    config = of("standing", batch_size=256)
    state = FAMILIES["gan"].init(config, SHAPE, np.array([1, 2], np.uint32))
    params, statistics, _ = FAMILIES["gan"].generator_of(config, with_averages(state, 5.0))
    generator = build(config, SHAPE).generator
    standing = _standing(config, generator, params, statistics, Context(False), jax.random.key(0))
    first = min(standing, key=str)
    dense = params[min(name for name in params if "kernel" in params[name])]
    variance = (np.asarray(dense["kernel"]) ** 2).sum(0) / 3.0
    mean, own, weight = (np.asarray(standing[first][name]) for name in ("mean", "variance", "weight"))
    latents = 256 * STANDING_PASSES
    # Five deviations: sqrt(variance / n) of a mean, less than 2 variance / sqrt(n) of a variance of a sum of four.
    assert np.all(np.abs(mean / weight - np.asarray(dense["bias"])) < 5 * np.sqrt(variance / latents))
    np.testing.assert_allclose(own / weight, variance, rtol=10 / np.sqrt(latents))


def test_only_averages_are_emptied():
    config = Config(architecture="conv8", generator_normalization="batch_norm+spectral_norm")
    statistics = FAMILIES["gan"].init(config, SHAPE, np.array([1, 2], np.uint32)).generator.statistics
    before = dict(jax.tree_util.tree_leaves_with_path(jax.tree.map(lambda leaf: leaf + 1.0, statistics)))
    after = dict(jax.tree_util.tree_leaves_with_path(reset_averages(jax.tree.map(lambda leaf: leaf + 1.0, statistics))))
    averages = {path for path in before if path[-1].key in ("mean", "variance", "weight")}
    assert before.keys() == after.keys() and averages and averages != before.keys()
    assert all(not np.any(after[path]) for path in averages)
    assert all(np.array_equal(after[path], before[path]) for path in before.keys() - averages)


def test_a_generator_without_averages_has_no_choice_of_them():
    with pytest.raises(ConfigError, match=r"sampling_statistics='standing' means nothing with generator_normalization"):
        Config(architecture="sndcgan", generator_normalization="layer_norm", sampling_statistics="standing")
