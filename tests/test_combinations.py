"""What `Config` accepts, the networks can take: every pair of values of structure fields, by shapes alone."""

import dataclasses
import itertools
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import FAMILIES, Config, ConfigError
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.penalties import PENALTIES
from ganscape.models.rules import check_images
from ganscape.models.sampling import interpolate, sample
from ganscape.sweep.cohort_size import parameters

SHAPES = ((8, 8, 1), (16, 16, 3), (28, 28, 1), (32, 32, 3), (48, 48, 3), (64, 64, 3), (128, 128, 3))
# Values of the fields that take whole numbers, as small as a program has that shows all of it.
WHOLE: dict[str, tuple] = {
    **{f"{name}_every": (None, 3) for name in PENALTIES if name != "none"},
    "penalty_every": (1, 2),
    "packing": (1, 2),
    "discriminator_scales": (1, 2),
    "classes": (3,),
    "unrolled_steps": (0, 1),
    "refinements": (0, 1),
    "channels": (4,),
    "hidden_per_channel": (2,),
    "disc_iters": (1, 2),
    "batch_size": (4,),
    "z_dim": (4, 8),
}
# Numbers that are asked for where they apply.
NUMBERS = {
    "l1_weight": 1.0,
    "perceptual_weight": 1.0,
    "style_weight": 1.0,
    "penalty_weight": 1.0,
    "learning_rate_images": 1000.0,
    "warmup_images": 100.0,
    "beta2_final": 0.9,
    "beta2_images": 1000.0,
    "penalty_images": 1000.0,
    "ema_half_life": 100.0,
    "ema_images": 1000.0,
    "generator_penalty_weight": 0.1,
    "weight_clipping": 0.1,
    "flip_probability": 0.1,
    "noise_std": 0.1,
    "noise_images": 1000.0,
    "generator_noise_std": 0.1,
    "truncation": 1.0,
    "historical_weight": 0.1,
    "unrolled_lr": 1e-3,
}
STRUCTURE = [field for field in dataclasses.fields(Config) if not field.metadata["number"]]
PAIRS = [
    (architecture, family) for architecture, offer in ARCHITECTURES.items() for family in FAMILIES
    if family in offer.families
]  # fmt: skip
TRIES = 60


def shape_of(architecture):
    return next(shape for shape in SHAPES if ARCHITECTURES[architecture].accepts(shape))


def choices(architecture, family, field):
    """The values of a field that are tried; None stands for its default."""
    offer = ARCHITECTURES[architecture]
    if field.name in ("architecture", "family"):
        return (architecture if field.name == "architecture" else family,)
    if field.name == "attention":
        return (0, *offer.attention(shape_of(architecture)))
    if offered := field.metadata.get("offered"):
        values = getattr(offer, offered)
        return values if isinstance(values, tuple) and values else (None,) if not values else WHOLE[field.name]
    return WHOLE[field.name] if field.metadata["choices"] is None else tuple(field.metadata["choices"])


def accepted(settings):
    """The config of these settings with the numbers that it asks for, without fields that do not apply; None for a
    combination that is refused."""
    settings = dict(settings)
    for _ in range(len(STRUCTURE) + len(NUMBERS)):
        try:
            config = Config(**settings)
            check_images(config, shape_of(config.architecture))
            return config
        except ConfigError as error:
            text = str(error)
            missing = [name for name in NUMBERS if text.endswith((f"needs a {name}", f"needs an {name}"))]
            inert = [name for name in settings if text.startswith(f"{name}=") and "means nothing with" in text]
            inert = [name for name in inert if Config.__dataclass_fields__[name].metadata["only"] is not None]
            if missing:
                settings[missing[0]] = NUMBERS[missing[0]]
            elif inert and text.split("; ")[-1].startswith("it needs "):
                del settings[inert[0]]
            else:
                return None
    return None


def draw(values, rng):
    """A random value of every field that has one here."""
    chosen = {name: rng.choice(options) for name, options in values.items()}
    return {name: value for name, value in chosen.items() if value is not None}


def covering(architecture, family, seed=0):
    """Configs in which every pair of values stands that `Config` accepts, so many that each adds a pair at least.

    Each is the best of a few random ones, by how many pairs it adds; the first pair that is missing is in all of them.
    """
    rng = random.Random(f"{architecture} {family} {seed}")
    values = {field.name: choices(architecture, family, field) for field in STRUCTURE}
    drawn = (accepted(draw(values, rng)) for _ in range(TRIES))
    applies = {name for config in drawn if config for name in values if getattr(config, name) is not None}
    items = [(name, value) for name in values if name in applies and len(values[name]) > 1 for value in values[name]]
    missing = {frozenset(pair) for pair in itertools.combinations(items, 2) if pair[0][0] != pair[1][0]}
    missing = dict.fromkeys(sorted(missing, key=lambda pair: sorted(map(str, pair))))
    while missing:
        wanted = next(iter(missing))
        candidates = []
        for _ in range(TRIES):
            config = accepted(draw(values, rng) | dict(wanted))
            if config is not None:
                has = {(name, getattr(config, name)) for name in values}
                new = [pair for pair in missing if pair <= has]
                candidates.append((len(new), config, new))
            if len(candidates) == 4:
                break
        del missing[wanted]  # refused with whatever else was tried, or taken now
        count, config, new = max(candidates, key=lambda candidate: candidate[0], default=(0, None, []))
        if count:
            for pair in new:
                missing.pop(pair, None)
            yield config


def trace(config):
    """Traces what a trial runs: both networks, a cycle of training, samples and walks."""
    shape, family = shape_of(config.architecture), FAMILIES[config.family]
    parameters(config, shape)
    state = family.init(config, shape, np.array([0, 1], np.uint32))
    count = config.disc_iters * config.batch_size
    images = jax.ShapeDtypeStruct((count, *shape), jnp.float32)
    labels = None if config.classes is None else jax.ShapeDtypeStruct((count,), jnp.int32)
    key = jax.random.key(0)
    stepped, _ = jax.eval_shape(lambda *inputs: family.step(config, *inputs), state, images, key, labels)
    assert jax.tree.map(lambda leaf: leaf.shape, stepped) == jax.tree.map(lambda leaf: np.shape(leaf), state)
    originals = jnp.zeros((5, *shape))
    made = jax.eval_shape(lambda state, key: sample(config, state, shape, key, 5, originals=originals), state, key)
    assert made.shape == (5, *shape)
    if config.mask is None:
        walked = jax.eval_shape(lambda state, key: interpolate(config, state, shape, key, 5), state, key)
        assert walked.shape == (5, *shape)


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "family"), PAIRS)
def test_every_pair_of_values_that_is_accepted_can_be_trained(architecture, family):
    for config in covering(architecture, family):
        trace(config)


@pytest.mark.parametrize("architecture", ["mlp", pytest.param("infogan", marks=pytest.mark.slow)])
def test_each_scale_of_a_discriminator_has_a_reference_and_a_network_of_its_own(architecture):
    settings = {"architecture": architecture, "batch_size": 4, "z_dim": 4}
    settings |= {"channels": 4, "hidden_per_channel": 2} if architecture == "infogan" else {}
    one, two = (
        Config(**settings, discriminator_normalization="virtual_batch_norm", discriminator_scales=scales)
        for scales in (1, 2)
    )
    trace(two)
    weights = [parameters(config, shape_of(architecture))[1] for config in (one, two)]
    assert weights[0] < weights[1] < 2 * weights[0], "the second network sees images of a quarter of the pixels"
