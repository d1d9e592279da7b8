import ast
import dataclasses
import hashlib
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ganscape import models
from ganscape.limits import LIMITS
from ganscape.models import FAMILIES, Config, ConfigError
from ganscape.models.architectures import ARCHITECTURES
from ganscape.models.config import ALIASES, FIELDS, NUMBERS, expand
from ganscape.models.fields import Above, Includes
from ganscape.models.fields import structure as structure_field
from ganscape.models.losses import LOSSES
from ganscape.models.penalties import PENALTIES

FIELD = {each.name: each for each in dataclasses.fields(Config)}
EVERYTHING = {
    "architecture": "conv8",
    "loss": "wasserstein",
    "penalty": "wgangp",
    "penalty_every": 2,
    "penalty_weight": 10.0,
    "projection": "weight_clipping",
    "weight_clipping": 0.01,
    "discriminator_normalization": "batch_norm",
    "instance_noise": "linear",
    "noise_std": 0.1,
    "noise_images": 1e4,
    "optimizer": "adam",
    "disc_iters": 5,
    "batch_size": 32,
    "z_dim": 16,
    "g_lr": 1e-4,
    "d_lr": 2e-4,
    "beta1": 0.25,
    "beta2": 0.9,
}


def example(field):
    """A value that the field takes and is not its default."""
    if field.metadata["number"]:
        return 0.25
    choices, usual = field.metadata["choices"], (field.default, field.metadata["when"])
    return field.metadata["low"] + 1 if choices is None else next(name for name in choices if name not in usual)


def resolved(settings, name):
    """Returns the value that a field has in a config with these settings."""
    field = FIELD[name]
    only = field.metadata.get("only")
    if name in settings:
        return settings[name]
    if field.metadata.get("offered"):
        choices = getattr(ARCHITECTURES[resolved(settings, "architecture")], field.metadata["offered"])
        return choices[0] if isinstance(choices, tuple) and choices else None
    if only is not None:
        return field.metadata["when"] if only.allows(resolved(settings, only.field)) else None
    return field.default


def completed(settings):
    """The settings with a value for every number that they ask for."""
    settings = dict(settings)
    for name, field in FIELD.items():
        only = field.metadata.get("only")
        asked = only is not None and only.allows(resolved(settings, only.field)) and not field.metadata.get("optional")
        asked = asked and field.metadata["when"] is None
        if asked and name not in settings:
            settings[name] = example(field)
    return settings


def offering(field):
    """The names of the architectures that leave a choice of the field."""
    offers = {name: getattr(each, field.metadata["offered"]) for name, each in ARCHITECTURES.items()}
    return [name for name, offer in offers.items() if isinstance(offer, int) or len(offer or ()) > 1]


def settings_with(name):
    """The fewest settings in which the field of this name applies, without the field."""
    field = FIELD[name]
    if field.metadata.get("offered"):
        return {"architecture": offering(field)[0]}
    only = field.metadata.get("only")
    if only is None:
        return {}
    before, offered = settings_with(only.field), FIELD[only.field].metadata.get("offered")
    value = only.low + 1 if isinstance(only, Above) else next(iter(only.values))
    if isinstance(only, Includes) and field.metadata.get("optional"):
        value = f"{value}+r1" if value != "r1" else "r1+l2"  # so that the weight of the set still applies
    if offered:
        value = next(value for value in only.values if value in getattr(ARCHITECTURES[before["architecture"]], offered))
    settings = completed({**before, only.field: value})
    settings.pop(name, None)
    return settings


def value_of(field, architecture):
    """Any value that a field takes by itself."""
    if field.metadata.get("offered"):
        offer = getattr(ARCHITECTURES[architecture], field.metadata["offered"])
        return st.integers(1, 9) if isinstance(offer, int) else st.sampled_from(offer or (None,))
    if not field.metadata["number"]:
        choices, low = field.metadata["choices"], field.metadata["low"]
        if field.metadata.get("joined"):
            names = st.sets(st.sampled_from(sorted(set(choices) - {"none"})), max_size=3)
            return names.map(lambda chosen: "+".join(sorted(chosen)) or "none")
        if choices is not None:
            return st.sampled_from(sorted(choices))
        return st.integers(1, 50).map(lambda n: 6 * n) if field.name == "batch_size" else st.integers(low, low + 2)
    low, high, open_low, open_high = field.metadata["interval"]
    if math.isinf(high):
        high, open_high = float(LIMITS["number"].value), False
    return st.floats(low, high, exclude_min=open_low, exclude_max=open_high)


@st.composite
def configs(draw):
    """Any config, from any subset of the fields that have a default."""
    chosen = {}
    for name, field in FIELD.items():
        only = field.metadata.get("only")
        if only is not None and not only.allows(resolved(chosen, only.field)):
            continue
        optional = field.metadata.get("optional") or only is None or field.metadata["when"] is not None
        if not optional or draw(st.integers(0, 3)) == 0:
            value = draw(value_of(field, chosen.get("architecture", Config.architecture)))
            if value is not None:
                chosen[name] = value
    families = ARCHITECTURES[chosen.get("architecture", Config.architecture)].families
    assume(chosen.get("family", Config.family) in families)
    try:
        return Config.from_dict(chosen)
    except ConfigError as error:
        assume("mean" not in str(error) and "divide" not in str(error) and "needs a conditioning" not in str(error))
        raise


def refusal(**settings) -> str:
    with pytest.raises(ConfigError) as caught:
        Config.from_dict(settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


def structures_of(config):
    """Structure fields with their values, and which numbers there are."""
    return {name: value is not None if name in NUMBERS else value for name, value in vars(config).items()}


# What goes in comes out


@given(configs())
def test_a_config_comes_back_from_its_dict_also_by_json(config):
    assert Config.from_dict(config.to_dict()) == config
    again = Config.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.identity() == config.identity()


def test_to_dict_holds_exactly_the_fields_that_apply():
    assert {**Config.from_dict(EVERYTHING).to_dict()}.items() >= EVERYTHING.items()
    for settings in ({}, {"family": "began"}, {"family": "vae"}, {"optimizer": "rmsprop"}, EVERYTHING):
        held = Config.from_dict(settings).to_dict()
        for name, field in FIELD.items():
            only = field.metadata.get("only")
            if not field.metadata.get("offered") and not field.metadata.get("optional"):
                assert (name in held) == (only is None or only.allows(resolved(settings, only.field))), name


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_set(name):
    settings = settings_with(name)
    value = other_value(name)
    assert getattr(Config.from_dict(completed({**settings, name: value})), name) == value


def other_value(name):
    """A value of the field that is not the one it has in a config of `settings_with(name)`."""
    field = FIELD[name]
    if not field.metadata.get("offered"):
        asked = field.metadata.get("only") is not None and field.metadata["when"] is None
        if asked and field.metadata.get("choices") is not None:
            return list(field.metadata["choices"])[-1]
        return field.metadata["low"] if asked and not field.metadata["number"] else example(field)
    offer = getattr(ARCHITECTURES[offering(field)[0]], field.metadata["offered"])
    return offer + 1 if isinstance(offer, int) else offer[1]


def test_every_method_is_a_family():
    for name in FAMILIES:
        assert Config(**completed({"family": name})).family == name
        assert any(name in each.families for each in ARCHITECTURES.values())


def test_numbers_become_floats_and_counts_integers():
    config = Config(g_lr=1, disc_iters=5.0, beta1=0)
    assert (type(config.g_lr), type(config.disc_iters), type(config.beta1)) == (float, int, float)


def test_a_game_has_the_studies_defaults_and_no_other_family_has_them():
    assert (Config().loss, Config().penalty, Config().projection) == ("non_saturating", "none", "none")
    for family in ("began", "vae"):
        config = Config(family=family)
        assert (config.loss, config.penalty, config.projection) == (None, None, None)


def test_began_has_the_studies_defaults():
    """Lucic et al. 2018's code: gamma 0.75, lambda 0.001, k as it comes."""
    config = Config(family="began")
    assert (config.gamma, config.k_learning_rate, config.k_range) == (0.75, 0.001, "unbounded")


def test_numbers_of_adam_have_the_studies_defaults_only_with_adam():
    assert (Config().beta1, Config().beta2) == (0.5, 0.999)
    assert (Config(optimizer="rmsprop").beta1, Config(optimizer="rmsprop").beta2) == (None, None)


# Aliases


@pytest.mark.parametrize(
    ("aliased", "plain"),
    [
        ({"learning_rate": 0.3}, {"g_lr": 0.3, "d_lr": 0.3}),
        ({"lr": 0.3}, {"g_lr": 0.3, "d_lr": 0.3}),
        ({"penalty": "wgangp", "lambda": 3}, {"penalty": "wgangp", "penalty_weight": 3.0}),
        ({"n_dis": 5}, {"disc_iters": 5}),
        ({"discriminator_batchnorm": True}, {"discriminator_normalization": "batch_norm"}),
        ({"discriminator_batchnorm": False}, {"discriminator_normalization": "none"}),
    ],
)
def test_an_alias_is_another_name(aliased, plain):
    assert Config.from_dict(aliased) == Config(**plain)
    assert Config.from_dict(aliased).identity() == Config(**plain).identity()


def test_an_alias_names_fields_and_is_none():
    for name in ALIASES:
        assert name not in FIELDS
        assert set(expand(name, True)) <= set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_expands_to_itself(name):
    assert expand(name, 3) == {name: 3}


@pytest.mark.parametrize(
    "settings", [{"lr": 0.1, "g_lr": 0.1}, {"d_lr": 0.1, "learning_rate": 0.2}, {"n_dis": 1, "disc_iters": 5}]
)
def test_a_field_set_twice_is_refused(settings):
    message = refusal(**settings)
    assert "twice" in message
    assert any(name in message for name in FIELDS)
    assert list(settings)[1] in message


@pytest.mark.parametrize("value", ["false", "true", 1, None])
def test_a_flag_that_is_neither_true_nor_false_is_refused(value):
    """The text "false" is true to Python."""
    assert repr(value) in refusal(discriminator_batchnorm=value)


# Refusals


@pytest.mark.parametrize(
    ("typed", "meant"), [("disc_iter", "disc_iters"), ("learning_rates", "learning_rate"), ("bata1", "beta1")]
)
def test_an_unknown_field_is_refused_with_a_suggestion(typed, meant):
    message = refusal(**{typed: 1})
    assert repr(typed) in message
    assert f"did you mean {meant!r}?" in message


def test_an_unknown_field_like_no_other_is_refused_with_all_names():
    message = refusal(xyzzy=1)
    assert "did you mean" not in message
    for name in (*FIELDS, *ALIASES):
        assert name in message


CHOICES = {each.name: each.metadata["choices"] for each in dataclasses.fields(Config) if each.metadata.get("choices")}
COUNTS = [name for name, each in FIELD.items() if not each.metadata["number"] and each.metadata["choices"] is None]


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["nonesuch", "", True, 3, ["none"], math.nan])
def test_an_unknown_choice_is_refused_with_the_choices(name, value):
    message = refusal(**{**completed(settings_with(name)), name: value})
    assert name in message
    assert repr(value) in message
    for choice in CHOICES[name]:
        assert choice in message


@pytest.mark.parametrize("name", ["family", "architecture", "optimizer"])
def test_a_choice_that_every_config_has_cannot_be_absent(name):
    assert f"unknown {name} None" in refusal(**{name: None})


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", [-1, 1.5, True, "2", math.nan, math.inf])
def test_a_count_that_is_none_is_refused(name, value):
    message = refusal(**{**completed(settings_with(name)), name: value})
    assert f"{name}={value!r}" in message
    assert "whole number" in message


@pytest.mark.parametrize("name", ["disc_iters", "batch_size"])
def test_a_count_that_every_config_has_is_not_absent_and_not_zero(name):
    for value in (0, None):
        assert f"{name}={value!r} must be a whole number" in refusal(**{name: value})


def test_a_batch_of_one_is_refused():
    """Its variance is zero: batch norm would send zeros on."""
    assert "at least 2" in refusal(batch_size=1)


@pytest.mark.parametrize("name", sorted(NUMBERS))
@pytest.mark.parametrize("value", [True, False, "0.1", math.nan, [0.1], 1j])
def test_a_number_that_is_none_is_refused(name, value):
    message = refusal(**{**completed(settings_with(name)), name: value})
    assert f"{name}={value!r}" in message
    assert "must be a number" in message


@pytest.mark.parametrize("name", ["g_lr", "d_lr"])
def test_a_learning_rate_cannot_be_absent(name):
    assert f"{name}=None must be a number" in refusal(**{name: None})


# Below, inside and above what the papers allow.
POSITIVE, FRACTION, BELOW_ONE = ([0.0, -0.01, math.inf], [-0.1, 1.1, math.inf], [-0.1, 1.0, 1, 2.0])
OUTSIDE = {
    "g_lr": POSITIVE,
    "d_lr": POSITIVE,
    "beta1": BELOW_ONE,
    "beta2": BELOW_ONE,
    "penalty_weight": [-1e-9, math.inf],
    "weight_clipping": POSITIVE,
    "max_singular_value": POSITIVE,
    "smoothing": BELOW_ONE,
    "flip_probability": FRACTION,
    "noise_std": POSITIVE,
    "noise_images": POSITIVE,
    "generator_noise_std": POSITIVE,
    "dropout_rate": BELOW_ONE,
    "truncation": POSITIVE,
    "ema_decay": BELOW_ONE,
    "learning_rate_final": FRACTION,
    "beta2_final": BELOW_ONE,
    "penalty_final": [-1e-9, math.inf],
    **{f"{name}_weight": [-1e-9, math.inf] for name in PENALTIES if name != "none"},
    "ema_half_life": POSITIVE,
    "generator_penalty_weight": POSITIVE,
    **dict.fromkeys(
        ("learning_rate_images", "beta2_images", "penalty_images", "ema_images", "warmup_images"), POSITIVE
    ),
    "historical_weight": POSITIVE,
    "mask_share": [0.0, 1.0, -0.1, 1.5],
    "adversarial_weight": [-1e-9, math.inf],
    **dict.fromkeys(("l1_weight", "perceptual_weight", "style_weight"), POSITIVE),
    "unrolled_lr": POSITIVE,
    "fade_images": POSITIVE,
    "gamma": FRACTION,
    "k_learning_rate": POSITIVE,
}


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_number_out_of_range_is_refused(name):
    for value in OUTSIDE[name]:
        message = refusal(**{**completed(settings_with(name)), name: value})
        assert f"{name}={value!r} is outside" in message
        assert "inf" in message or "1" in message


@pytest.mark.parametrize(
    ("settings", "field", "wanted"),
    [
        ({"penalty": "none", "penalty_weight": 10.0}, "penalty_weight", [p for p in PENALTIES if p != "none"]),
        ({"weight_clipping": 0.01}, "weight_clipping", ["projection", "weight_clipping"]),
        ({"optimizer": "rmsprop", "beta1": 0.5}, "beta1", ["optimizer", "adam"]),
        ({"optimizer": "rmsprop", "beta2": 0.5}, "beta2", ["optimizer", "adam"]),
        ({"gamma": 0.5}, "gamma", ["family='gan'", "began"]),
        ({"k_range": "unbounded"}, "k_range", ["family='gan'", "began"]),
        ({"family": "vae", "k_learning_rate": 0.1}, "k_learning_rate", ["family='vae'", "began"]),
        ({"family": "vae", "loss": "hinge"}, "loss", ["family='vae'", "to be one of: gan"]),
        ({"family": "began", "loss": "non_saturating"}, "loss", ["family='began'", "to be one of: gan"]),
        ({"family": "began", "penalty": "none"}, "penalty", ["family='began'", "to be one of: gan"]),
        ({"family": "vae", "projection": "none"}, "projection", ["family='vae'", "to be one of: gan"]),
        # A penalty would be refused too, so what stands in the way is the family.
        ({"family": "began", "penalty_weight": 3.0}, "penalty_weight", ["family='began'", "to be one of: gan"]),
        ({"unrolled_lr": 0.1}, "unrolled_lr", ["unrolled_steps=0", "above 0"]),
        ({"classes": 10}, "classes", ["conditioning='none'", "projection"]),
        ({"family": "vae", "latent": "normal"}, "latent", ["family='vae'", "gan, began"]),
    ],
)
def test_a_field_that_means_nothing_is_refused(settings, field, wanted):
    message = refusal(**settings)
    assert f"{field}={settings[field]!r} means nothing" in message
    for word in wanted:
        assert word in message


@pytest.mark.parametrize(
    ("settings", "number"),
    [({"penalty": "wgangp"}, "penalty_weight"), ({"projection": "weight_clipping"}, "weight_clipping")],
)
def test_a_number_without_default_is_asked_for(settings, number):
    assert f"needs a {number}" in refusal(**settings)


def test_a_normalization_that_the_architecture_does_not_know_is_refused(monkeypatch):
    plain = ARCHITECTURES["mlp"]._replace(discriminator_normalizations=("none", "spectral_norm"))
    monkeypatch.setitem(ARCHITECTURES, "plain", plain)
    assert Config(architecture="plain", discriminator_normalization="spectral_norm")
    message = refusal(architecture="plain", discriminator_normalization="batch_norm")
    for word in ("'plain'", "'batch_norm'", "none, spectral_norm"):
        assert word in message


def test_a_family_that_the_architecture_has_no_networks_for_is_refused(monkeypatch):
    games = ARCHITECTURES["mlp"]._replace(families=("gan", "began"))
    monkeypatch.setitem(ARCHITECTURES, "games", games)
    assert Config(architecture="games", family="began")
    message = refusal(architecture="games", family="vae")
    for word in ("'games'", "'vae'", "gan, began"):
        assert word in message


def test_a_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().g_lr = 1.0


# A pytree of its numbers


@given(configs(), configs())
@hypothesis_settings(max_examples=50)
def test_tree_structures_are_equal_exactly_when_the_structure_fields_are(one, other):
    same = structures_of(one) == structures_of(other)
    assert (jax.tree.structure(one) == jax.tree.structure(other)) == same
    assert (one.structure() == other.structure()) == same


@pytest.mark.parametrize("name", sorted(set(FIELDS) - NUMBERS))
def test_a_structure_field_changes_structure_and_identity(name):
    before = Config.from_dict(completed(settings_with(name)))
    after = Config.from_dict(completed({**settings_with(name), name: other_value(name)}))
    assert jax.tree.structure(after) != jax.tree.structure(before)
    assert after.structure() != before.structure()
    assert after.identity() != before.identity()


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_number_changes_identity_but_not_structure(name):
    settings = completed(settings_with(name))
    settings |= {name: example(FIELD[name])} if FIELD[name].metadata.get("optional") else {}
    before, after = Config.from_dict(settings), Config.from_dict({**settings, name: 0.125})
    assert jax.tree.structure(after) == jax.tree.structure(before)
    assert after.structure() == before.structure()
    assert after.identity() != before.identity()


@given(configs())
@hypothesis_settings(max_examples=30)
def test_leaves_are_the_numbers_that_apply_and_unflattening_undoes_it(config):
    leaves, treedef = jax.tree.flatten(config)
    assert leaves == [value for name in FIELDS if name in NUMBERS and (value := getattr(config, name)) is not None]
    assert jax.tree.unflatten(treedef, leaves) == config


def test_numbers_can_be_traced_and_structure_read_while_tracing():
    config = Config.from_dict(EVERYTHING)

    @jax.jit
    def read(config):
        assert isinstance(config, Config)
        assert (config.loss, config.disc_iters) == ("wasserstein", 5)
        return config.g_lr + config.weight_clipping

    assert read(config) == pytest.approx(1e-4 + 0.01)


def test_a_stack_of_configs_is_mapped_over_its_numbers():
    rates = [1e-4, 2e-4, 5e-3]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *(Config(d_lr=rate) for rate in rates))
    assert jax.vmap(lambda config: 2.0 * config.d_lr)(stacked).tolist() == pytest.approx([2e-4, 4e-4, 1e-2])


def test_configs_of_which_one_has_a_weight_of_its_own_do_not_share_a_program():
    shared = Config(penalty="r1+l2", penalty_weight=1.0)
    own = Config(penalty="r1+l2", penalty_weight=1.0, l2_weight=2.0)
    assert jax.tree.structure(shared) != jax.tree.structure(own)
    assert shared.structure() != own.structure()
    assert own.structure() == Config(penalty="r1+l2", penalty_weight=3.0, l2_weight=4.0).structure()


# Identity


def test_identity_is_the_hash_of_the_content():
    """Written out by hand: stores name their trials by it, so what changes this makes their trials unknown."""
    text = (
        '{"architecture": "mlp", "batch_size": 64, "beta1": 0.5, "beta2": 0.999, "d_lr": 0.0002, "disc_iters": 1, '
        '"family": "gan", "g_lr": 0.0002, "loss": "non_saturating", "optimizer": "adam", "z_dim": 64}'
    )
    assert Config().identity() == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_identity_does_not_depend_on_the_order_of_the_fields():
    backwards = Config.from_dict(dict(reversed(EVERYTHING.items())))
    assert backwards.identity() == Config.from_dict(EVERYTHING).identity()


def test_a_slot_added_later_leaves_the_identities_as_they_are():
    @dataclasses.dataclass(frozen=True)
    class Later(Config):
        averaging: str = structure_field("none", ("none", "ema"))

    assert Later().identity() == Config().identity()
    assert Later(averaging="ema").identity() != Config().identity()


@given(configs(), configs())
@hypothesis_settings(max_examples=50)
def test_identities_are_equal_exactly_for_equal_configs(one, other):
    assert (one.identity() == other.identity()) == (one == other)


def test_every_loss_has_its_own_identity():
    assert len({Config(loss=name).identity() for name in LOSSES}) == len(LOSSES)


def test_every_function_of_models_takes_a_typed_config():
    """So that mypy refuses a misspelt field wherever a config is used."""
    untyped = [
        f"{path}:{function.name}"
        for path in Path(models.__path__[0]).rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for argument in function.args.args
        if argument.arg == "config" and argument.annotation is None
    ]
    assert not untyped


@pytest.mark.slow
def test_a_misspelt_field_is_an_error_of_types(tmp_path):
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        "from ganscape.models import Config\n\n\n"
        "def rates(config: Config) -> float:\n    return config.g_lr + config.d_rl\n"
    )
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", str(snippet)]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert result.returncode == 1
    assert re.search(r"snippet.py:5: error: .*\"Config\" has no attribute \"d_rl\"", result.stdout)
