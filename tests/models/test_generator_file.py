"""Generators in files: what is loaded makes the images of what was saved, and a file that is not whole is refused."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from ganscape.models import FAMILIES, Config, ConfigError
from ganscape.models.generator_file import FORMAT, GeneratorError, load_generator, save_generator
from ganscape.models.sampling import draw_latents, sample, weights_of

SHAPE = (8, 8, 1)
KEY = np.array([1, 2], np.uint32)


def trained(**settings):
    """A config with a state whose averages differ from the last weights, as they do after training."""
    config = Config.from_dict({"architecture": "mlp", "z_dim": 4} | settings)
    state = FAMILIES[config.family].init(config, SHAPE, KEY)
    if config.averaging not in (None, "none"):
        state = state._replace(average=jax.tree.map(lambda leaf: leaf + 0.5, state.average))
    return config, state


@pytest.fixture
def saved(tmp_path):
    config, state = trained()
    save_generator(tmp_path / "g.safetensors", config, state, SHAPE, {"score": 1.5})
    return tmp_path / "g.safetensors"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"averaging": "ema"},
        {"family": "vae"},
        pytest.param({"family": "began"}, marks=pytest.mark.slow),  # makes images as a game does
        {"generator_normalization": "virtual_batch_norm", "batch_size": 4},
        {"conditioning": "projection", "classes": 3, "architecture": "sndcgan", "channels": 8},
    ],
)
def test_a_loaded_generator_makes_the_images_of_the_state_that_was_saved(tmp_path, settings):
    config, state = trained(**settings)
    size = save_generator(tmp_path / "g.safetensors", config, state, SHAPE, {"score": 1.5})
    loaded = load_generator(tmp_path / "g.safetensors")
    assert (loaded.config, loaded.image_shape, loaded.card) == (config, SHAPE, {"score": 1.5})
    assert size == (tmp_path / "g.safetensors").stat().st_size
    assert jax.tree.map(np.shape, loaded.weights) == jax.tree.map(np.shape, weights_of(config, state))
    assert jax.tree.all(jax.tree.map(np.array_equal, loaded.weights, weights_of(config, state)))
    key = jax.random.key(3)
    images = np.asarray(loaded(key, 5))
    expected = jax.jit(lambda key: sample(config, state, SHAPE, key, 5))(key)
    np.testing.assert_allclose(images, expected, atol=1e-5)
    assert not np.array_equal(images, loaded(jax.random.key(4), 5))


def test_the_average_is_saved_where_there_is_one(tmp_path):
    config, state = trained(averaging="ema")
    save_generator(tmp_path / "g", config, state, SHAPE)
    loaded = jax.tree.leaves(load_generator(tmp_path / "g").weights.params)
    last = jax.tree.leaves(state.generator.params)
    assert all(np.allclose(average, weight + 0.5) for average, weight in zip(loaded, last, strict=True))


def test_a_file_is_read_by_safetensors_alone_and_says_what_it_is(saved):
    with safe_open(saved, "numpy") as file:
        header, names = file.metadata(), list(file.keys())
    assert header["format"] == FORMAT and json.loads(header["card"]) == {"score": 1.5}
    assert Config.from_dict(json.loads(header["config"])) == trained()[0]
    assert "images_seen" in names and any(name.startswith("params/") for name in names)


SETTINGS = {"penalty": "r1+l2", "penalty_weight": 1.0, "l2_weight": 2.0, "optimizer": "rmsprop", "packing": 2}


def test_a_generator_is_loaded_without_the_sweep_and_a_config_s_identity_is_the_same_in_another_process(saved):
    code = (
        "import sys, ganscape, jax\n"
        f"images = ganscape.load_generator({str(saved)!r})(jax.random.key(0), 3)\n"
        "assert images.shape == (3, 8, 8, 1)\n"
        f"print(ganscape.Config.from_dict({SETTINGS!r}).identity(), *sys.modules)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    identity, *loaded = done.stdout.split()
    assert identity == Config.from_dict(SETTINGS).identity()
    assert not {"ray", "orbax", "ganscape.sweep", "ganscape.results", "ganscape.data"} & set(loaded)


def rewritten(path, change):
    """The file with its arrays and header changed."""
    with safe_open(path, "numpy") as file:
        header, arrays = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(header, arrays)
    save_file(arrays, path, header)


def test_a_changed_weight_is_noticed(saved):
    rewritten(saved, lambda header, arrays: arrays[max(arrays)].__iadd__(1e-6))
    with pytest.raises(GeneratorError, match=r"g\.safetensors' is damaged: its weights are not those"):
        load_generator(saved)


def test_a_file_that_is_cut_off_is_refused(saved):
    saved.write_bytes(saved.read_bytes()[:-100])
    with pytest.raises(GeneratorError, match="is damaged or no generator's file"):
        load_generator(saved)


def rename_field(header, arrays):
    header["config"] = header["config"].replace('"z_dim"', '"zz_dim"')


def drop_array(header, arrays):
    del arrays[max(arrays)]


def other_format(header, arrays):
    header["format"] = "ganscape generator 99"


@pytest.mark.parametrize(
    "change, sentence",
    [
        (rename_field, "needs another version of Ganscape, or a module .*: unknown config field 'zz_dim'"),
        (drop_array, "written by a version of Ganscape whose mlp has other weights"),
        (other_format, "not of a generator that this version saves"),
    ],
)
def test_a_file_of_another_version_is_refused_in_one_line(saved, change, sentence):
    rewritten(saved, change)
    with pytest.raises(GeneratorError, match=sentence) as refused:
        load_generator(saved)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_or_something_else_is_named(tmp_path):
    with pytest.raises(GeneratorError, match=r"no generator at '.*nothing'"):
        load_generator(tmp_path / "nothing")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(GeneratorError, match="text' is damaged or no generator's file"):
        load_generator(tmp_path / "text")


def test_a_truncation_bounds_the_latents_and_needs_normal_ones():
    config, _ = trained(latent="normal")
    latents = np.abs(draw_latents(config, jax.random.key(0), 1000, 0.5))
    assert latents.max() <= 0.5 and latents.mean() == pytest.approx(0.244, abs=0.01)  # of N(0, 1) within 0.5
    with pytest.raises(ConfigError, match="truncation is for normal latents; this config was trained on latent='unif"):
        draw_latents(trained()[0], jax.random.key(0), 10, 0.5)


def test_images_of_one_class_differ_from_those_of_another_alone(tmp_path):
    config, state = trained(
        conditioning="projection", classes=3, architecture="sndcgan", channels=8,
        generator_normalization="conditional_batch_norm",
    )  # fmt: skip
    moved = jax.tree.map(lambda leaf: leaf + np.linspace(-1, 1, leaf.size, dtype=np.float32).reshape(leaf.shape),
                         state.generator.params)  # fmt: skip
    save_generator(tmp_path / "g", config, state._replace(generator=state.generator._replace(params=moved)), SHAPE)
    generator, key = load_generator(tmp_path / "g"), jax.random.key(0)
    zero, again, two = (np.asarray(generator(key, 4, label=label)) for label in (0, 0, 2))
    assert np.array_equal(zero, again) and not np.allclose(zero, two)
    with pytest.raises(ConfigError, match="class 3 is none of the generator's 3: 0 to 2"):
        generator(key, 4, label=3)


def test_a_class_means_nothing_to_a_generator_without_classes(saved):
    with pytest.raises(ConfigError, match="class 1 of a generator without classes"):
        load_generator(saved)(jax.random.key(0), 2, label=1)


def test_a_walk_begins_and_ends_at_fresh_latents(saved):
    generator = load_generator(saved)
    images = np.asarray(generator.walk(jax.random.key(0), 9))
    steps = np.abs(np.diff(images, axis=0)).max(axis=(1, 2, 3))
    assert images.shape == (9, *SHAPE) and (steps > 0).all()
