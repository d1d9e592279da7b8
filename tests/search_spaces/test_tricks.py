"""The space of all tricks: draws are configs, and everything is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import FAMILIES, Config
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.penalties import PENALTIES
from ganscape.models.rules import check_images
from ganscape.search_spaces import SPACES, Choice, Partly, Unless, When

DRAWS = 500
ON = [("d_activations", "mlp", (8, 8, 1)), ("d_kernels", "mlp", (8, 8, 1)), ("d_kernels", "sndcgan", (32, 32, 3))]
# Came after the study: with one choice more its draws would be others, and a begun sweep could not be continued.
LATER = {"averaging": {"ema_half_life"}}
LATER_FIELDS = {"learning_rate_schedule", "warmup", "beta2_schedule", "penalty_schedule", "ema_schedule"} | {
    "generator_penalty"
}
LATER_NUMBERS = {f"{name}_weight" for name in PENALTIES if name != "none"} | {
    *("learning_rate_final", "learning_rate_images", "warmup_images", "beta2_final", "beta2_images", "penalty_final"),
    *("penalty_images", "ema_half_life", "ema_images", "generator_penalty_weight"),
}
OF_COMPLETION = {"mask_share", "adversarial_weight", "l1_weight", "perceptual_weight", "style_weight"}
# Fields of other families and of the networks, of how products are computed and of how images are sampled.
NOT_SEARCHED = {"family", "architecture", "k_range", "precision", "sampling_statistics", "upsampling"} | {
    "downsampling", "convolution", "mask", "pair_loss", "perceptual_encoder",
}  # fmt: skip


def config_of(settings, architecture) -> Config:
    classes = {"classes": 10} if settings.get("conditioning", "none") != "none" else {}
    return Config.from_dict({"architecture": architecture, "batch_size": 8, "z_dim": 4} | settings | classes)


def draws(method):
    return [SPACES["tricks"][method].sample(np.random.default_rng([7, number])) for number in range(DRAWS)]


@pytest.mark.parametrize(("method", "architecture", "shape"), ON)
def test_every_draw_is_a_config_for_these_networks(method, architecture, shape):
    for settings in draws(method):
        check_images(config_of(settings, architecture), shape)


def test_every_entry_of_every_slot_is_drawn():
    drawn = {}
    for method in SPACES["tricks"]:
        for settings in draws(method):
            for field, value in config_of(settings, "mlp").to_dict().items():
                drawn.setdefault(field, set()).add(value)
    slots = {field.name: field.metadata.get("choices") for field in Config.__dataclass_fields__.values()}
    mlp = ARCHITECTURES["mlp"]
    offered = {
        "discriminator_normalization": mlp.discriminator_normalizations,
        "generator_normalization": mlp.generator_normalizations,
    }
    for slot, choices in slots.items():
        if choices is not None and slot not in NOT_SEARCHED | LATER_FIELDS:
            assert drawn[slot] == set(offered.get(slot, choices)) - LATER.get(slot, set()), slot
    assert {"packing": {1, 2, 4}, "unrolled_steps": {0, 1, 3}}.items() <= drawn.items()


def test_every_number_of_a_switch_is_drawn():
    fields = {field for space in SPACES["tricks"].values() for field in space.dimensions}
    numbers = {field.name for field in Config.__dataclass_fields__.values() if field.metadata["number"]}
    assert numbers - fields == {"fade_images", "gamma", "k_learning_rate"} | LATER_NUMBERS | OF_COMPLETION


@pytest.mark.parametrize("number", range(2))
def test_a_draw_can_be_stepped(number):
    method = ("d_activations", "d_kernels")[number % 2]
    config = config_of(draws(method)[number], "mlp")
    key = np.array([1, 2], np.uint32)
    state = FAMILIES["gan"].init(config, (8, 8, 1), key)
    count = config.disc_iters * config.batch_size
    labels = None if config.classes is None else jnp.zeros(count, jnp.int32)
    _, logs = jax.eval_shape(FAMILIES["gan"].step, config, state, jnp.zeros((count, 8, 8, 1)), key, labels)
    assert {"d_loss", "g_loss"} <= logs.keys()


def test_an_exclusion_is_the_opposite_of_a_condition():
    inside, outside = When(Choice((1, 2)), "loss", ("hinge",)), Unless(Choice((1, 2)), "loss", ("hinge",))
    for settings in ({"loss": "hinge"}, {"loss": "minimax"}, {}):
        assert inside.is_present(settings) != outside.is_present(settings)


def test_conditions_inside_each_other_must_all_hold():
    both = Unless(Unless(Choice((1, 2)), "a", (1,)), "b", (1,))
    assert [both.is_present({"a": a, "b": b}) for a in (0, 1) for b in (0, 1)] == [True, False, False, False]
    assert Unless(When(Choice((1, 2)), "a", (1,)), "b", (1,)).is_present({"a": 1, "b": 0})


def test_a_condition_on_some_values_leaves_the_others_alone():
    some = Partly(Choice(("x", "y")), "classes", (True,), of=("y",))
    cases = [({"classes": True}, "y"), ({"classes": False}, "x"), ({}, "x"), ({"classes": False}, "y"), ({}, "y")]
    assert [some.is_present(settings, value) for settings, value in cases] == [True, True, True, False, False]
