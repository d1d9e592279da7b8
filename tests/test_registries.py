"""Contracts across folders: an entry of a registry is tested by being there."""

import collections
import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape import testing
from ganscape.data import DATASETS
from ganscape.metrics import FORMULAS, METRICS, make_encoder
from ganscape.metrics.defaults import default_metric
from ganscape.metrics.encoders import ENCODERS
from ganscape.models import Config
from ganscape.models.architectures import ARCHITECTURES, base, build
from ganscape.models.began import K_RANGES
from ganscape.models.losses import LOSSES
from ganscape.models.penalties import PENALTIES
from ganscape.models.projections import PROJECTIONS
from ganscape.models.rules import check_images
from ganscape.search_spaces import SPACES, STUDIES, rungs
from ganscape.sweep.population import images_per_cycle
from ganscape.sweep.schedulers import SCHEDULERS
from ganscape.sweep.searchers import SEARCHERS
from ganscape.testing.training import NEEDED_BY, check_network, check_step, smallest_shape

# A number that a slot's choice asks for; every other number has a default.
NEEDED = {"weight_clipping": {"weight_clipping": 0.01}, "singular_value_clamp": {"max_singular_value": 1.0}}
PLAYERS = ("generator", "discriminator")


def few_channels(architecture: str) -> dict:
    return {"channels": 8} if ARCHITECTURES[architecture].channels else {}


@functools.cache
def kind(architecture: str, player: str) -> type:
    """The class of a network: architectures that share one differ in its widths alone."""
    return type(build(Config(architecture=architecture), smallest_shape(architecture))[PLAYERS.index(player)])


# Each normalization and upsampling that a class of networks knows, once, in the architecture of that class which takes
# the smallest images and so has the fewest layers.
SMALLEST_LAST = sorted(ARCHITECTURES, key=lambda name: math.prod(smallest_shape(name)), reverse=True)
NORMALIZED = {
    (kind(name, player), normalization): (name, player, normalization)
    for name in SMALLEST_LAST
    for player in PLAYERS
    for normalization in getattr(ARCHITECTURES[name], f"{player}_normalizations")
}
# Normalizations whose place in a network is that of another, by what this is combined with or by another formula: with
# the networks that offer both they are slow, but for one architecture, which is quick with all.
AS_IN = {
    **dict.fromkeys(("none", "batch_norm", "spectral_norm", "switchable_norm"), "batch_norm+spectral_norm"),
    **dict.fromkeys(("instance_norm", "group_norm", "pixel_norm"), "layer_norm"),
    "conditional_batch_norm": "conditional_batch_norm+spectral_norm",
    # Both places at once, of which layer norm takes one and weight norm the other.
    **dict.fromkeys(("layer_norm", "weight_norm"), "batch_norm+spectral_norm"),
}
QUICK_WITH_ALL = "inpainting"


def by_quickness(name: str, player: str, normalization: str):
    """The parameters of a test, marked slow if others see the same."""
    offered = getattr(ARCHITECTURES[name], f"{player}_normalizations")
    slow = name != QUICK_WITH_ALL and AS_IN.get(normalization) in offered
    return pytest.param(name, player, normalization, marks=[pytest.mark.slow] if slow else [])


UPSAMPLED = {
    (kind(name, "generator"), upsampling): (name, upsampling)
    for name in SMALLEST_LAST
    for upsampling in ARCHITECTURES[name].upsamplings
}


def by_turns(pairs):
    """The parameters of a test: each architecture with one upsampling at least, each upsampling with two architectures,
    the rest slow: an upsampling is a layer of its own, and where it stands does not depend on which."""
    pairs, seen = list(pairs), collections.Counter()
    rows = []
    for architecture, upsampling in sorted(pairs, key=lambda pair: (pair[1], pair[0])):
        quick = not seen[architecture] or seen[upsampling] < 2
        if quick:
            seen[architecture] += 1
            seen[upsampling] += 1
        rows.append(pytest.param(architecture, upsampling, marks=[] if quick else [pytest.mark.slow]))
    return rows


STEPPED = {
    (kind(name, "generator"), family): (name, family)
    for name in SMALLEST_LAST
    for family in ARCHITECTURES[name].families
    if family != "gan" or name == "mlp"  # the others in sweep/test_architectures.py
}
# The steps of a family are one code for all networks, whose shapes test_architectures.py sees in each family.
QUICK_TO_STEP = ("mlp", "inpainting")
by_shapes = pytest.mark.usefixtures("native_convolutions")
EXTRA = {"optuna_tpe": ("optuna",), "optuna_gp": ("optuna", "torch")}
SCALES = [(name, scale) for name, study in STUDIES.items() for scale in study.scales]


base_attend = base.attend


def small(**settings) -> Config:
    return Config.from_dict({"batch_size": 4, "z_dim": 3, "disc_iters": 2} | settings)


def told_classes(settings: dict, classes: int | None) -> dict:
    """The settings as a plan completes them: a conditioning is told how many classes there are."""
    return settings | ({"classes": classes} if settings.get("conditioning", "none") != "none" else {})


def shapes(tree):
    return jax.tree.map(lambda leaf: (jnp.shape(leaf), jnp.result_type(leaf)), tree)


@by_shapes
@pytest.mark.parametrize(
    ("architecture", "player", "normalization"), [by_quickness(*row) for row in NORMALIZED.values()]
)
def test_a_network_runs_with_every_normalization_it_knows(architecture, player, normalization):
    settings = {"architecture": architecture, f"{player}_normalization": normalization} | few_channels(architecture)
    if normalization.startswith("conditional"):
        settings |= {"conditioning": "projection", "classes": 2}
    check_network(small(**settings), smallest_shape(architecture), player)


@by_shapes
@pytest.mark.parametrize(("architecture", "upsampling"), by_turns(UPSAMPLED.values()))
def test_a_generator_runs_with_every_upsampling_it_knows(architecture, upsampling):
    settings = {"architecture": architecture, "upsampling": upsampling} | few_channels(architecture)
    check_network(small(**settings), smallest_shape(architecture), "generator")


@by_shapes
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_attends_at_every_height_it_says(architecture, monkeypatch):
    shape, channels = smallest_shape(architecture), few_channels(architecture)
    heights = ARCHITECTURES[architecture].attention(shape)
    for player in PLAYERS if heights else ():
        offered = []

        def attend(x, *others, offered=offered):
            offered.append(x.shape[1])
            return base_attend(x, *others)

        with monkeypatch.context() as patch:
            patch.setattr(base, "attend", attend)
            check_network(small(architecture=architecture, attention=heights[-1], **channels), shape, player)
        assert set(offered) >= set(heights), player
    for height in heights:
        check_images(small(architecture=architecture, attention=height, **channels), shape)


@by_shapes
@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        pytest.param(architecture, family, marks=[] if architecture in QUICK_TO_STEP else [pytest.mark.slow])
        for architecture, family in STEPPED.values()
    ],
)
def test_a_family_can_be_stepped_with_the_architectures_that_have_it(architecture, family):
    shape = smallest_shape(architecture)
    normalization = ARCHITECTURES[architecture].discriminator_normalizations[-1]
    settings = {"family": family, "architecture": architecture} | NEEDED_BY.get(family, {}) | few_channels(architecture)
    check_step(small(**settings, discriminator_normalization=normalization), shape)


@pytest.mark.parametrize("name", K_RANGES)
def test_a_range_of_k_holds_it_or_lets_it_go(name):
    config = small(family="began", k_range=name)
    check_step(config, (8, 8, 1))
    values = K_RANGES[name](jnp.array([-1.5, 0.5, 2.5]))
    assert values[1] == 0.5
    np.testing.assert_array_equal(K_RANGES[name](values), values)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_not_negative_and_has_a_finite_gradient(name):
    testing.check_penalty(PENALTIES[name])


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_projection_applied_twice_is_applied_once(name):
    config = small(projection=name, **NEEDED.get(name, {}))
    weights = {"a": jnp.linspace(-1.0, 1.0, 7), "b": jnp.full((2, 2), 0.005)}
    once = PROJECTIONS[name](weights, config)
    assert shapes(once) == shapes(weights)
    for left, right in zip(jax.tree.leaves(once), jax.tree.leaves(PROJECTIONS[name](once, config)), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_prefers_a_discriminator_that_is_right(name):
    testing.check_loss(LOSSES[name])


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_has_a_score_and_an_architecture(name):
    shape = DATASETS[name].image_shape
    chosen = default_metric(name, shape, 1_000)
    assert METRICS[chosen].better == "lower"
    assert make_encoder(chosen, shape).dimension > 0
    assert any(architecture.accepts(shape) for architecture in ARCHITECTURES.values())


@pytest.mark.parametrize(("study", "scale"), SCALES)
def test_a_study_s_first_configs_can_be_trained_at_every_scale(study, scale):
    chosen, size = STUDIES[study].at_scale(scale), STUDIES[study].scales[scale]
    shape = DATASETS[size.data].image_shape
    budgets = rungs(size, size.data)
    for space in chosen.methods.values():
        count = min(size.configs, 10)
        asked = SEARCHERS[chosen.searcher](space, (0, 0)).ask(count)
        assert len(asked) == (min(count, len(space.defaults)) if chosen.searcher == "defaults" else count)
        for settings in asked:
            config = Config.from_dict(told_classes(size.settings | settings, DATASETS[size.data].classes))
            check_images(config, shape)
            cycles = [budget // images_per_cycle(config) for budget in budgets]
            assert cycles[0] > 0 and all(a < b for a, b in itertools.pairwise(cycles))


@pytest.mark.parametrize("space", SPACES)
def test_no_two_methods_of_a_space_are_one(space):
    """Equal defaults under two names would train and count one config twice."""
    scale = STUDIES[space].scales["smoke"]
    defaults = [
        Config.from_dict(told_classes(scale.settings | arm.defaults[0] | scale.own.get(method, {}), 10))
        for method, arm in SPACES[space].items()
    ]
    assert len({config.identity() for config in defaults}) == len(defaults)


@pytest.mark.parametrize("name", SEARCHERS)
def test_what_a_searcher_asks_depends_on_what_it_is_told_alone(name):
    for package in EXTRA.get(name, ()):
        pytest.importorskip(package)
    testing.check_searcher(SEARCHERS[name], SPACES["equal/wide"]["wgan_gp"])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_decides_by_the_scores_at_the_rung_alone(name):
    testing.check_scheduler(SCHEDULERS[name])


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_keeps_the_contract_of_a_metric(name):
    testing.check_metric(FORMULAS[name])


@pytest.mark.parametrize("name", ["pixels", "digits", "random_conv"])
def test_an_encoder_s_features_do_not_depend_on_the_batch(name):
    testing.check_encoder(ENCODERS[name])


def test_a_data_set_keeps_its_contract():
    testing.check_data_set(DATASETS["digits"])
