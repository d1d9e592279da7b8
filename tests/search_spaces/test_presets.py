"""The presets: complete, what their papers say, and able to learn."""

import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.data import load
from ganscape.models import Config, ConfigError
from ganscape.models.rules import check_images
from ganscape.search_spaces import PRESETS, STUDIES
from ganscape.sweep.measuring.evaluation import evaluator, sample_and_encode, score_features
from ganscape.sweep.plan import plan
from ganscape.sweep.population import advance, images_per_cycle, stack, start_member

# Numbers of the papers: optimizer, rates of generator and discriminator, betas, updates of the discriminator, batch.
PUBLISHED = {
    "dcgan": ("adam", 2e-4, 2e-4, 0.5, 0.999, 1, 128),
    "wgan": ("rmsprop_torch", 5e-5, 5e-5, None, None, 5, 64),
    "wgan_gp": ("adam", 1e-4, 1e-4, 0.0, 0.9, 5, 64),
    "sngan": ("adam", 2e-4, 2e-4, 0.0, 0.9, 5, 64),
    "sagan": ("adam", 1e-4, 4e-4, 0.0, 0.9, 1, 256),
    "biggan": ("adam", 5e-5, 2e-4, 0.0, 0.999, 2, 2048),
    "progan": ("adam", 1e-3, 1e-3, 0.0, 0.99, 1, 16),
    "r1": ("rmsprop_torch", 1e-4, 1e-4, None, None, 1, 64),
    "ragan": ("adam", 2e-4, 2e-4, 0.5, 0.999, 1, 32),
    "r3gan": ("adam", 2e-4, 2e-4, 0.0, 0.9, 1, 512),
}
# By what factor the score of a generator falls at least.
LEARNS = {"wgan": 1.5, "dragan": 2.0, "r1": 2.0, "ragan": 2.0}
IMAGES = 32_000


def config_of(name: str, **changes) -> Config:
    settings = PRESETS[name].settings | changes
    classes = {"classes": 10} if "conditioning" in settings else {}
    return Config.from_dict(settings | classes)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_config_of_its_own_networks_on_images_that_these_take(name):
    preset = PRESETS[name]
    assert "arXiv:" in preset.source
    size = 128 if "attention" in preset.sizes else 32
    check_images(config_of(name), (size, size, 3))
    groups = (preset.tricks, preset.numbers, preset.sizes)
    assert sum(map(len, groups)) == len(preset.settings)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_numbers_are_the_papers(name):
    config = config_of(name)
    fields = ("optimizer", "g_lr", "d_lr", "beta1", "beta2", "disc_iters", "batch_size")
    assert tuple(getattr(config, field) for field in fields) == PUBLISHED[name]


def test_a_scale_replaces_sizes_and_nothing_else():
    for scale in ("smoke", "laptop", "paper"):
        study = STUDIES["presets"].at_scale(scale)
        for name, preset in PRESETS.items():
            (settings,) = study.methods[name].defaults
            kept = preset.tricks | preset.numbers
            assert {field: settings[field] for field in kept} == kept
            assert preset.sizes.keys() - settings.keys() <= {"attention", "fade_images"}


def test_a_field_may_be_set_although_the_scale_sets_it_for_each_method(tmp_path):
    made = plan("presets", out=tmp_path, settings={"batch_size": 16}, methods=["dcgan", "biggan"])
    assert {space.defaults[0]["batch_size"] for space in made.methods.values()} == {16}


def test_schedules_that_end_with_the_training_follow_its_length(tmp_path):
    made = plan("presets", out=tmp_path, settings={"images": 6400, "interval": 6400}, methods=["r3gan"])
    (default,) = made.methods["r3gan"].defaults
    lengths = {field: value for field, value in default.items() if field.endswith("_images")}
    assert lengths == dict.fromkeys(("learning_rate_images", "beta2_images", "penalty_images", "ema_images"), 6400.0)
    assert default["ema_half_life"] == 48_000.0


def test_a_preset_with_classes_needs_data_that_have_them(tmp_path):
    with pytest.raises(ConfigError, match="method sagan: conditioning='projection' needs classes, which these data"):
        plan("presets", out=tmp_path, methods=["sagan"], data="triangles")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def judge(digits):
    return evaluator("fd_digits", digits.test, len(digits.test))


# The losses, penalties and projections of the others have their formulas and steps in tests/models.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "r1" else [pytest.mark.slow]) for name in LEARNS]
)
def test_a_preset_learns_digits(name, digits, judge):
    """At rates of 1e-3, for the training is short; benchmarks/presets.py trains all of them by their own."""
    (settings,) = STUDIES["presets"].at_scale("smoke").methods[name].defaults
    config = Config.from_dict(settings | {"learning_rate": 1e-3})
    population = stack([start_member(config, digits.image_shape, (0, 1))], 1)

    def scored(population) -> float:
        features = sample_and_encode(population, judge).features
        return score_features(judge, np.asarray(features[0]))

    before = scored(population)
    cycles = jnp.int32(IMAGES // images_per_cycle(config))
    after = scored(advance(population, jnp.asarray(digits.train), cycles, lanes=1))
    assert before > LEARNS[name] * after
