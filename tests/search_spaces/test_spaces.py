import json

import numpy as np
import pytest

from ganscape.models.config import ALIASES, expand
from ganscape.search_spaces import SPACES, Choice, LogUniform, Space, StudyError, Uniform, When
from ganscape.search_spaces.space import make_space

WIDE = ("equal/wide", "lottery", "overtuning")
EVERY_SPACE = {f"{study}:{method}": each for study, spaces in SPACES.items() for method, each in spaces.items()}
each_space = pytest.mark.parametrize("each", EVERY_SPACE.values(), ids=EVERY_SPACE.keys())

# Lucic et al. 2018, defaults of the released code: beta1, learning rate, disc_iters, batch norm in D, extra.
PUBLISHED_DEFAULTS = {
    "mm_gan": (0.0, 5e-5, 1, "batch_norm", {}),
    "ns_gan": (0.0, 5e-5, 1, "batch_norm", {}),
    "lsgan": (0.5, 2e-4, 1, "batch_norm", {}),
    "wgan": (0.5, 5e-5, 5, "batch_norm", {"weight_clipping": 0.01}),
    "wgan_gp": (0.5, 1e-4, 5, "none", {"penalty_weight": 10.0}),
    "dragan": (0.5, 1e-4, 1, "batch_norm", {"penalty_weight": 10.0}),
    "began": (0.5, 1e-4, 5, "none", {"gamma": 0.75, "k_learning_rate": 0.001}),
    "vae": (0.5, 5e-5, 1, "batch_norm", {}),
}
# And in the narrow study, where one of them is another.
PUBLISHED_NARROW_DEFAULTS = PUBLISHED_DEFAULTS | {"vae": (0.5, 5e-5, 1, "none", {})}


def ends(dimension):
    inner = dimension.dimension if isinstance(dimension, When) else dimension
    return type(inner), inner.low, inner.high


@each_space
def test_draws_hold_exactly_the_fixed_and_the_searched_fields(each):
    settings = each.sample(np.random.default_rng(0))
    absent = (each.fixed.keys() | each.dimensions.keys()) - settings.keys()
    assert settings.keys() | absent == each.fixed.keys() | each.dimensions.keys()
    assert all(isinstance(each.dimensions[field], When) for field in absent)
    assert all(settings[field] == value for field, value in each.fixed.items())
    assert all(each.dimensions[field].contains(settings[field]) for field in settings.keys() & each.dimensions.keys())
    assert json.loads(json.dumps(settings)) == settings


@each_space
def test_a_draw_depends_on_the_generator_alone(each):
    first, again = (each.sample(np.random.default_rng(5)) for _ in range(2))
    assert first == again
    if each.dimensions:
        assert each.sample(np.random.default_rng(6)) != first


@each_space
def test_no_field_is_both_fixed_and_searched(each):
    assert not each.fixed.keys() & each.dimensions.keys()


@each_space
def test_description_survives_json(each):
    assert json.loads(json.dumps(each.describe())) == each.describe()


def test_descriptions_of_different_spaces_differ():
    """Two are equal only where one slice of Kurach et al. 2019 is in two studies, or a study asks something else of the
    wide spaces."""
    for methods in SPACES.values():
        assert len({json.dumps(each.describe()) for each in methods.values()}) == len(methods)
    for name, each in EVERY_SPACE.items():
        alike = [other for other in EVERY_SPACE if EVERY_SPACE[other].describe() == each.describe()]
        assert alike == [name] or all(other.startswith(("landscape/", *WIDE)) for other in alike)


@each_space
def test_a_pinned_field_is_the_same_in_every_config(each):
    pinned = each.pin("beta1", 0.25)
    assert "beta1" not in pinned.dimensions
    assert pinned.defaults and all(default["beta1"] == 0.25 for default in pinned.defaults)
    assert pinned.sample(np.random.default_rng(0))["beta1"] == 0.25
    assert pinned.describe() == each.pin("beta1", 0.75).pin("beta1", 0.25).describe()


@pytest.mark.parametrize("study", ["equal/wide", "equal/narrow", "equal/defaults"])
@pytest.mark.parametrize("method", PUBLISHED_DEFAULTS)
def test_the_published_default_is_asked_first(study, method):
    published = PUBLISHED_NARROW_DEFAULTS if study == "equal/narrow" else PUBLISHED_DEFAULTS
    beta1, learning_rate, disc_iters, normalization, extra = published[method]
    (default,) = SPACES[study][method].defaults
    game = ("loss", "penalty", "projection")
    methods_own = {field: default[field] for field in (("family",) if method in ("began", "vae") else game)}
    expected = {"beta1": beta1, "learning_rate": learning_rate, "disc_iters": disc_iters}
    assert default == methods_own | expected | {"discriminator_normalization": normalization} | extra


@pytest.mark.parametrize(
    ("study", "counts"),
    [
        ("equal/wide", dict(zip(PUBLISHED_DEFAULTS, (4, 4, 4, 5, 5, 5, 6, 3), strict=True))),
        ("equal/narrow", dict(zip(PUBLISHED_DEFAULTS, (2, 2, 2, 3, 2, 2, 3, 2), strict=True))),
        ("equal/defaults", dict.fromkeys(PUBLISHED_DEFAULTS, 0)),
    ],
)
def test_number_of_searched_dimensions_is_the_published_one(study, counts):
    """But for the VAE's in the wide space, where the published disc_iters does nothing and is fixed here."""
    assert {method: len(each.dimensions) for method, each in SPACES[study].items()} == counts


def test_wide_ranges_are_the_published_ones():
    for method, each in SPACES["equal/wide"].items():
        assert ends(each.dimensions["beta1"]) == (Uniform, 0, 1)
        assert ends(each.dimensions["learning_rate"]) == (LogUniform, 1e-5, 1e-2)
        if method == "vae":
            assert each.fixed["disc_iters"] == 1
        else:
            assert each.dimensions["disc_iters"] == Choice((1, 5))
        assert set(each.dimensions["discriminator_normalization"].options) == {"batch_norm", "none"}
    assert ends(SPACES["equal/wide"]["wgan"].dimensions["weight_clipping"]) == (LogUniform, 1e-3, 1)
    for method in ("wgan_gp", "dragan"):
        assert ends(SPACES["equal/wide"][method].dimensions["penalty_weight"]) == (LogUniform, 1e-1, 1e2)
    assert ends(SPACES["equal/wide"]["began"].dimensions["gamma"]) == (Uniform, 0, 1)
    assert ends(SPACES["equal/wide"]["began"].dimensions["k_learning_rate"]) == (LogUniform, 1e-4, 1e-2)


def test_narrow_ranges_are_the_published_ones():
    for each in SPACES["equal/narrow"].values():
        assert (each.fixed["beta1"], each.fixed["disc_iters"]) == (0.5, 1)
        assert ends(each.dimensions["learning_rate"]) == (LogUniform, 1e-4, 1e-3)
    assert ends(SPACES["equal/narrow"]["wgan"].dimensions["weight_clipping"]) == (LogUniform, 1e-2, 1)
    for method in ("wgan_gp", "dragan"):
        assert ends(SPACES["equal/narrow"][method].dimensions["penalty_weight"]) == (LogUniform, 1e-1, 1e1)
        assert SPACES["equal/narrow"][method].fixed["discriminator_normalization"] == "none"
    assert ends(SPACES["equal/narrow"]["began"].dimensions["gamma"]) == (Uniform, 0.6, 0.9)
    assert SPACES["equal/narrow"]["began"].fixed["k_learning_rate"] == 1e-3
    for method in ("wgan", "began", "vae"):
        assert "discriminator_normalization" in SPACES["equal/narrow"][method].dimensions


def test_methods_differ_in_loss_penalty_and_projection_as_published():
    slots = ("family", "loss", "penalty", "projection")
    made_of = {
        method: tuple(each.fixed[slot] for slot in slots if slot in each.fixed)
        for method, each in SPACES["equal/wide"].items()
    }
    assert made_of == {
        "mm_gan": ("minimax", "none", "none"),
        "ns_gan": ("non_saturating", "none", "none"),
        "lsgan": ("least_squares", "none", "none"),
        "wgan": ("wasserstein", "none", "weight_clipping"),
        "wgan_gp": ("wasserstein", "wgangp", "none"),
        "dragan": ("non_saturating", "dragan_v1", "none"),
        "began": ("began",),
        "vae": ("vae",),
    }


def test_draws_do_not_depend_on_the_order_in_which_fields_are_written():
    fields = {"beta1": Uniform(0, 1), "learning_rate": LogUniform(1e-5, 1e-2), "disc_iters": Choice((1, 5))}
    forwards, backwards = (Space({}, fields, (), ""), Space({}, dict(reversed(fields.items())), (), ""))
    assert forwards.sample(np.random.default_rng(7)) == backwards.sample(np.random.default_rng(7))


def test_fields_are_drawn_in_alphabetical_order():
    each = Space({}, {"b": Uniform(0, 1), "a": Uniform(0, 1)}, (), "")
    first, second = np.random.default_rng(8).random(2)
    assert each.sample(np.random.default_rng(8)) == pytest.approx({"a": first, "b": second})


def test_a_conditional_field_is_present_under_its_condition_only():
    weight = When(LogUniform(0.1, 10), "penalty", ("wgangp",))
    each = Space({}, {"beta1": Uniform(0, 1), "penalty": Choice(("none", "wgangp")), "penalty_weight": weight}, (), "")
    draws = [each.sample(np.random.default_rng(seed)) for seed in range(50)]
    assert {draw["penalty"] for draw in draws} == {"none", "wgangp"}
    assert all(("penalty_weight" in draw) == (draw["penalty"] == "wgangp") for draw in draws)


def test_a_condition_on_an_absent_field_does_not_hold():
    fields = {
        "a": Choice(("yes", "no")),
        "b": When(Choice(("yes",)), "a", ("yes",)),
        "c": When(Uniform(0, 1), "b", ("yes",)),
    }
    draws = [Space({}, fields, (), "").sample(np.random.default_rng(seed)) for seed in range(20)]
    assert {tuple(sorted(draw)) for draw in draws} == {("a",), ("a", "b", "c")}


def test_pinning_the_condition_away_removes_the_dependent_field():
    without = SPACES["equal/wide"]["wgan_gp"].pin("penalty", "none")
    assert "penalty_weight" not in without.sample(np.random.default_rng(0))
    assert "penalty_weight" not in without.defaults[0]


def test_pinning_one_learning_rate_leaves_the_other_searched():
    each = SPACES["equal/wide"]["lsgan"].pin("g_lr", 1e-3)
    settings = each.sample(np.random.default_rng(0))
    assert "learning_rate" not in settings
    assert settings["g_lr"] == 1e-3
    assert ends(each.dimensions["d_lr"]) == (LogUniform, 1e-5, 1e-2)
    assert (each.defaults[0]["g_lr"], each.defaults[0]["d_lr"]) == (1e-3, 2e-4)
    assert "learning_rate" not in each.defaults[0]


def test_pinning_the_learning_rate_replaces_both():
    each = SPACES["equal/wide"]["lsgan"].pin("g_lr", 1e-3).pin("learning_rate", 1e-4)
    for settings in (each.sample(np.random.default_rng(0)), *each.defaults):
        assert settings["learning_rate"] == 1e-4
        assert not settings.keys() & {"g_lr", "d_lr"}


def test_pinning_a_new_field_adds_it_and_leaves_the_registry_alone():
    before = json.dumps(SPACES["equal/wide"]["ns_gan"].describe())
    each = SPACES["equal/wide"]["ns_gan"].pin("ema_decay", 0.99)
    assert each.sample(np.random.default_rng(0))["ema_decay"] == 0.99
    assert each.defaults[0]["ema_decay"] == 0.99
    assert json.dumps(SPACES["equal/wide"]["ns_gan"].describe()) == before


def test_defaults_that_become_equal_are_asked_once():
    each = Space({}, {"beta1": Uniform(0, 1)}, ({"beta1": 0.0}, {"beta1": 0.5}), "").pin("beta1", 0.9)
    assert each.defaults == ({"beta1": 0.9},)


def test_a_condition_on_an_unknown_field_is_refused():
    weight = When(LogUniform(0.1, 10), "penalti", ("wgangp",))
    with pytest.raises(
        StudyError,
        match=r"'penalty_weight' depends on unknown field 'penalti' \(did you mean 'penalty'\?\); one of: penalty",
    ):
        make_space({"penalty": "wgangp"}, {"penalty_weight": weight}, {}, "")


def test_the_settings_of_a_config_are_recognised_in_the_words_of_the_space():
    space = SPACES["equal/wide"]["wgan_gp"]
    drawn = space.sample(np.random.default_rng(0))
    rate = drawn["learning_rate"]
    config = {field: value for field, value in drawn.items() if field != "learning_rate"}
    config |= {"g_lr": rate, "d_lr": rate, "batch_size": 64, "architecture": "mlp"}
    assert space.select_fields(config) == space.select_fields(drawn) == drawn
    assert "learning_rate" not in space.select_fields(config | {"d_lr": 2 * rate})
    assert space.pin("g_lr", 1e-4).select_fields(config)["g_lr"] == rate


@pytest.mark.parametrize("alias", ALIASES)
def test_a_searcher_is_told_the_values_of_a_space_that_searches_under_an_alias(alias):
    values = (True, False) if alias == "discriminator_batchnorm" else (1, 5)
    space = Space({}, {alias: Choice(values)}, (), "")
    for value in values:
        assert space.select_fields(expand(alias, value) | {"z_dim": 8}) == {alias: value}
