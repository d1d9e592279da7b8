"""Contracts across folders: an entry of a registry is tested by being there."""

import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.data import DATASETS
from ganscape.metrics import METRICS, make_encoder
from ganscape.metrics.defaults import default_metric
from ganscape.models import FAMILIES, Config, sampling
from ganscape.models.architectures import ARCHITECTURES, build
from ganscape.models.began import K_RANGES
from ganscape.models.forward import Context
from ganscape.models.generator_file import weight_shapes
from ganscape.models.losses import LOSSES
from ganscape.models.networks import input_shapes
from ganscape.models.normalizations import STATISTICS
from ganscape.models.penalties import PENALTIES
from ganscape.models.projections import PROJECTIONS
from ganscape.models.rules import check_images
from ganscape.search_spaces import SPACES, STUDIES, rungs
from ganscape.sweep.population import images_per_cycle
from ganscape.sweep.searchers import SEARCHERS, Observation

# A number that a slot's choice asks for; every other number has a default.
NEEDED = {"weight_clipping": {"weight_clipping": 0.01}, "singular_value_clamp": {"max_singular_value": 1.0}}
PLAYERS = ("generator", "discriminator")
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (48, 48, 3), (64, 64, 3)]


def few_channels(architecture: str) -> dict:
    return {"channels": 8} if ARCHITECTURES[architecture].channels else {}


def smallest(architecture: str) -> tuple[int, int, int]:
    return next(shape for shape in SHAPES if ARCHITECTURES[architecture].accepts(shape))


@functools.cache
def kind(architecture: str, player: str) -> type:
    """The class of a network: architectures that share one differ in its widths alone."""
    return type(build(Config(architecture=architecture), smallest(architecture))[PLAYERS.index(player)])


# Each normalization and upsampling that a class of networks knows, once, in the first architecture of that class.
NORMALIZED = {
    (kind(name, player), normalization): (name, player, normalization)
    for name in reversed(ARCHITECTURES)
    for player in PLAYERS
    for normalization in getattr(ARCHITECTURES[name], f"{player}_normalizations")
}
UPSAMPLED = {
    (kind(name, "generator"), upsampling): (name, upsampling)
    for name in reversed(ARCHITECTURES)
    for upsampling in ARCHITECTURES[name].upsamplings
}
FAMILY_PAIRS = [(name, family) for name, each in ARCHITECTURES.items() for family in each.families if family != "gan"]
FAMILY_PAIRS.append(("mlp", "gan"))  # the others in sweep/test_architectures.py
EXTRA = {"optuna_tpe": ("optuna",), "optuna_gp": ("optuna", "torch")}
SCALES = [(name, scale) for name, study in STUDIES.items() for scale in study.scales]


def small(**settings) -> Config:
    return Config.from_dict({"batch_size": 4, "z_dim": 3, "disc_iters": 2} | settings)


def told_classes(settings: dict, classes: int | None) -> dict:
    """The settings as a plan completes them: a conditioning is told how many classes there are."""
    return settings | ({"classes": classes} if settings.get("conditioning", "none") != "none" else {})


def shapes(tree):
    return jax.tree.map(lambda leaf: (jnp.shape(leaf), jnp.result_type(leaf)), tree)


def check_method(config: Config, image_shape) -> None:
    """The contract of a Family: a step keeps the state's form, so that it can be repeated inside a loop;
    its logs are scalars; a sample is images."""
    method = FAMILIES[config.family]
    state = method.init(config, image_shape, np.array([1, 2], np.uint32))
    images = jax.ShapeDtypeStruct((images_per_cycle(config), *image_shape), jnp.float32)
    labels = jax.ShapeDtypeStruct((images_per_cycle(config),), jnp.int32)
    key = jax.ShapeDtypeStruct((2,), jnp.uint32)
    stepped, logs = jax.eval_shape(method.step, config, state, images, key, labels)
    assert shapes(stepped) == shapes(state)
    assert logs and all(shape == () for shape, _ in jax.tree.leaves(shapes(logs), is_leaf=_is_pair))
    made = jax.eval_shape(lambda state, key: sampling.sample(config, state, image_shape, key, 5), state, key)
    assert (made.shape, made.dtype) == ((5, *image_shape), jnp.float32)
    walked = jax.eval_shape(lambda state, key: sampling.interpolate(config, state, image_shape, key, 5), state, key)
    assert (walked.shape, walked.dtype) == ((5, *image_shape), jnp.float32)
    assert set(logs) == set(method.logs)
    assert shapes(weight_shapes(config, image_shape)) == shapes(sampling.weights_of(config, state))


def _is_pair(value) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], tuple)


@pytest.mark.parametrize(("architecture", "player", "normalization"), NORMALIZED.values())
def test_a_network_runs_with_every_normalization_it_knows(architecture, player, normalization):
    settings = {"architecture": architecture, f"{player}_normalization": normalization} | few_channels(architecture)
    if normalization.startswith("conditional"):
        settings |= {"conditioning": "projection", "classes": 2}
    check_network(small(**settings), smallest(architecture), player)


@pytest.mark.parametrize(("architecture", "upsampling"), UPSAMPLED.values())
def test_a_generator_runs_with_every_upsampling_it_knows(architecture, upsampling):
    settings = {"architecture": architecture, "upsampling": upsampling} | few_channels(architecture)
    check_network(small(**settings), smallest(architecture), "generator")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_attends_at_every_height_it_says(architecture):
    shape = smallest(architecture)
    for height in ARCHITECTURES[architecture].attention(shape):
        settings = {"architecture": architecture, "attention": height} | few_channels(architecture)
        check_images(small(**settings), shape)
        for player in PLAYERS:
            check_network(small(**settings), shape, player)


def check_network(config: Config, image_shape, player: str) -> None:
    """The contract of a network: images or logits of the right shape, statistics that keep their form."""
    network = build(config, image_shape)[PLAYERS.index(player)]
    inputs = jax.ShapeDtypeStruct(input_shapes(config, image_shape)[PLAYERS.index(player)], jnp.float32)
    context = Context(classes=None if config.classes is None else jnp.zeros((config.batch_size, config.classes)))

    def initialize_and_apply(key, inputs):
        variables = nn.meta.unbox(network.init(key, inputs, context))
        output, updated = network.apply(variables, inputs, context, mutable=[STATISTICS])
        return output, variables.get(STATISTICS, {}), updated.get(STATISTICS, {})

    output, before, after = jax.eval_shape(initialize_and_apply, jax.random.key(0), inputs)
    assert shapes(before) == shapes(after)
    expected = (config.batch_size, *image_shape) if player == "generator" else (config.batch_size,)
    result = output if player == "generator" else output.logits
    assert (result.shape, result.dtype) == (expected, jnp.float32)


@pytest.mark.parametrize(("architecture", "family"), FAMILY_PAIRS)
def test_a_family_can_be_stepped_with_the_architectures_that_have_it(architecture, family):
    shape = smallest(architecture)
    normalization = ARCHITECTURES[architecture].discriminator_normalizations[-1]
    check_method(small(family=family, architecture=architecture, discriminator_normalization=normalization), shape)


@pytest.mark.parametrize("name", K_RANGES)
def test_a_range_of_k_holds_it_or_lets_it_go(name):
    config = small(family="began", k_range=name)
    check_method(config, (8, 8, 1))
    values = K_RANGES[name](jnp.array([-1.5, 0.5, 2.5]))
    assert values[1] == 0.5
    np.testing.assert_array_equal(K_RANGES[name](values), values)


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_not_negative_and_has_a_finite_gradient(name):
    """Also where the critic is flat, as one of zero weight is."""
    real, fake = np.random.default_rng(0).random((2, 4, 3, 3, 1), dtype=np.float32)

    @jax.vmap
    @jax.value_and_grad
    def penalty(weight):
        kernels = [jnp.full((3, 2), weight)]
        return PENALTIES[name](lambda x: weight * jnp.sum(x**2, (1, 2, 3)), kernels, real, fake, jax.random.key(0))

    values, slopes = penalty(jnp.array([0.0, 0.3, -2.0]))
    assert (values >= 0).all() and np.isfinite(slopes).all()


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
    """And a generator prefers to be taken for real, or to have the features of real images."""
    high, low = jnp.array([0.4, 0.6]), jnp.array([-0.6, -0.4])
    loss = LOSSES[name]
    assert loss.discriminator(high, low) < loss.discriminator(low, high)
    if loss.generator_sees_features:
        here, there = jnp.ones((2, 3)), jnp.zeros((2, 3))
        assert loss.generator(here, here) < loss.generator(here, there)
    else:
        assert loss.generator(low, high) < loss.generator(high, low)


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
        asked = SEARCHERS[chosen.searcher](space, (0, 0)).ask(size.configs)
        assert len(asked) == (min(size.configs, len(space.defaults)) if chosen.searcher == "defaults" else size.configs)
        for settings in asked:
            config = Config.from_dict(told_classes(size.settings | settings, DATASETS[size.data].classes))
            check_images(config, shape)
            cycles = [budget // images_per_cycle(config) for budget in budgets]
            assert cycles[0] > 0 and all(a < b for a, b in itertools.pairwise(cycles))


@pytest.mark.parametrize("space", SPACES)
def test_no_two_methods_of_a_space_are_one(space):
    """Equal defaults under two names would train and count one config twice."""
    own = STUDIES[space].scales["smoke"].own
    defaults = [
        Config.from_dict(told_classes(arm.defaults[0] | own.get(method, {}), 10))
        for method, arm in SPACES[space].items()
    ]
    assert len({config.identity() for config in defaults}) == len(defaults)


@pytest.mark.parametrize("name", SEARCHERS)
def test_what_a_searcher_asks_depends_on_what_it_is_told_alone(name):
    """One made anew goes on where another stopped, and asks nothing twice that it can avoid."""
    space = SPACES["equal/wide"]["wgan_gp"]
    for package in EXTRA.get(name, ()):
        pytest.importorskip(package)

    def made():
        return SEARCHERS[name](space, (7, 8, 9))

    everything = made().ask(6)
    assert made().ask(6) == everything
    resumed = made()
    resumed.tell([Observation(settings, (1.0,)) for settings in everything[:2]])
    rest = resumed.ask(4)
    assert len(rest) <= 4
    assert not [settings for settings in rest if settings in everything[:2]]
    assert SEARCHERS[name](space, (7, 8, 9)).ask(0) == []
    assert all(Config.from_dict({"batch_size": 8} | settings) for settings in everything + rest)
