import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import FAMILIES, Config, gan, sampling
from ganscape.models.architectures import build
from ganscape.models.architectures.conditioning import CONDITIONINGS
from ganscape.models.architectures.generator_noise import GENERATOR_NOISES
from ganscape.models.augmentations import AUGMENTATIONS
from ganscape.models.averaging import AVERAGINGS, HISTORICAL_AVERAGINGS
from ganscape.models.batch_features import BATCH_FEATURES
from ganscape.models.instance_noise import INSTANCE_NOISES
from ganscape.models.latents import LATENTS
from ganscape.models.losses import LOSSES
from ganscape.models.normalizations import NORMALIZATIONS
from ganscape.models.optimizers import OPTIMIZERS
from ganscape.models.penalties import PENALTIES
from ganscape.models.projections import PROJECTIONS
from ganscape.models.rules import MEANINGLESS
from ganscape.models.targets import LABEL_FLIPS, LABEL_SMOOTHINGS
from ganscape.testing.training import NEEDED_BY

SHAPE = (4, 4, 1)
KEY = np.array([3, 4], np.uint32)
SMALL = {"architecture": "tiny", "batch_size": 4, "z_dim": 3}
pytestmark = pytest.mark.usefixtures("tiny")
TRACED = []  # the structure of each program that `step` compiled


@jax.jit
def step(config, state, images, key, labels=None):
    TRACED.append(config.structure())
    return gan.step(config, state, images, key, labels)


def images_of(config, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 1.0, (config.disc_iters * config.batch_size, *SHAPE)).astype(np.float32)


def labels_of(config):
    return np.arange(config.disc_iters * config.batch_size, dtype=np.int32) % (config.classes or 1)


def networks_of(config, shape=SHAPE):
    return build(config, shape)


def assert_trees_close(actual, expected, **tolerance):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, err_msg=jax.tree_util.keystr(path), **tolerance)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


# An implementation of its own: formulas of the papers on the arrays of the state, nothing of models/ but their names.


def dense(layer, x, kernel=None):
    return x @ (layer["kernel"] if kernel is None else kernel) + layer["bias"]


def leaky(x):
    return jnp.where(x > 0.0, x, 0.2 * x)


def normalised(layer, x, mean=None, variance=None):
    mean = jnp.mean(x, 0) if mean is None else mean
    variance = jnp.var(x, 0) if variance is None else variance
    return layer["scale"] * (x - mean) / jnp.sqrt(variance + 1e-5) + layer["bias"]


def reference_generator(params, z):
    x = leaky(normalised(params["norm0"], dense(params["Dense_0"], z)))
    x = leaky(normalised(params["norm1"], dense(params["Dense_1"], x)))
    return (1.0 / (1.0 + jnp.exp(-dense(params["Dense_2"], x)))).reshape(-1, *SHAPE)


def reference_discriminator(params, vectors, images):
    """Logits, and the left singular vectors that the pass leaves: none given, none left."""
    kernels, left = {}, {}
    for name in ("Dense_0", "Dense_1", "Dense_2"):
        kernels[name] = params[name]["kernel"]
        if name in vectors:
            fixed = jax.lax.stop_gradient(kernels[name])
            v = fixed.T @ vectors[name]
            v = v / jnp.sqrt(v @ v)
            u = fixed @ v
            left[name] = u / jnp.sqrt(u @ u)
            kernels[name] = kernels[name] / (left[name] @ kernels[name] @ v)
    x = images.reshape(images.shape[0], -1)
    x = leaky(dense(params["Dense_0"], x, kernels["Dense_0"]))
    x = dense(params["Dense_1"], x, kernels["Dense_1"])
    x = leaky(normalised(params["norm"], x) if "norm" in params else x)
    return dense(params["Dense_2"], x, kernels["Dense_2"])[:, 0], left


def probability(logits):
    return 1.0 / (1.0 + jnp.exp(-logits))


REFERENCE_LOSSES = {
    "non_saturating": (
        lambda real, fake: -jnp.mean(jnp.log(probability(real))) - jnp.mean(jnp.log(1.0 - probability(fake))),
        lambda fake: -jnp.mean(jnp.log(probability(fake))),
    ),
    "wasserstein": (lambda real, fake: jnp.mean(fake) - jnp.mean(real), lambda fake: -jnp.mean(fake)),
}


class ReferenceAdam:
    """Kingma and Ba 2015, algorithm 1, on a tree."""

    def __init__(self, rate, config):
        self.rate, self.betas, self.count, self.moments = rate, (config.beta1, config.beta2), 0, None

    def __call__(self, params, gradients):
        leaves, gradients = ([np.asarray(x) for x in jax.tree.leaves(tree)] for tree in (params, gradients))
        (beta1, beta2), self.count = self.betas, self.count + 1
        moments = self.moments or [(0.0, 0.0)] * len(leaves)
        self.moments = [
            (beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g**2)
            for (m, s), g in zip(moments, gradients, strict=True)
        ]
        scale1, scale2 = 1 - beta1**self.count, 1 - beta2**self.count
        updated = [
            x - self.rate * (m / scale1) / (np.sqrt(s / scale2) + 1e-8)
            for x, (m, s) in zip(leaves, self.moments, strict=True)
        ]
        return jax.tree.unflatten(jax.tree.structure(params), updated)


GAMES = {
    "spectral norm": {"discriminator_normalization": "spectral_norm"},
    "gradient penalty": {"loss": "wasserstein", "penalty": "wgangp", "penalty_weight": 10.0, "beta1": 0.0},
    "batch norm, weight clipping": {
        "discriminator_normalization": "batch_norm",
        "projection": "weight_clipping",
        "weight_clipping": 0.05,
    },
}


def reference_objectives(config):
    """The discriminator's and the generator's: (value, vectors left), gradients, of the first argument."""
    d_loss, g_loss = REFERENCE_LOSSES[config.loss]

    def slope(params, image):
        return jax.grad(lambda x: reference_discriminator(params, {}, x[None])[0][0])(image)

    def discriminator(params, vectors, real, fake):
        real_logits, vectors = reference_discriminator(params, vectors, real)
        fake_logits, vectors = reference_discriminator(params, vectors, fake)
        value = d_loss(real_logits, fake_logits)
        if config.penalty == "wgangp":
            slopes = jax.vmap(slope, (None, 0))(params, fake).reshape(len(fake), -1)
            value += config.penalty_weight * jnp.mean((jnp.sqrt(1e-4 + jnp.sum(slopes**2, 1)) - 1.0) ** 2)
        return value, vectors

    def generator(params, d_params, vectors, z):
        logits, vectors = reference_discriminator(d_params, vectors, reference_generator(params, z))
        return g_loss(logits), vectors

    return [jax.jit(jax.value_and_grad(each, has_aux=True)) for each in (discriminator, generator)]


@pytest.mark.parametrize("game", GAMES.values(), ids=GAMES.keys())
def test_updates_equal_an_independent_implementation(game, double):
    """The golden step, twice over, in float64. If it fails, training has changed for every stored result."""
    config = Config.from_dict({**SMALL, "architecture": "mlp", **game, "g_lr": 1e-3, "d_lr": 3e-3})
    networks, state = networks_of(config), double(gan.init(config, SHAPE, KEY))
    update_discriminator = jax.jit(lambda *inputs: gan.update_discriminator(config, networks, *inputs))
    update_generator = jax.jit(lambda *inputs: gan.update_generator(config, networks, *inputs))

    params = {player: getattr(state, player).params for player in ("discriminator", "generator")}
    vectors = {name: layer["u"] for name, layer in state.discriminator.statistics.items() if "u" in layer}
    adam = {"discriminator": ReferenceAdam(config.d_lr, config), "generator": ReferenceAdam(config.g_lr, config)}
    d_objective, g_objective = reference_objectives(config)
    bound = np.inf if config.weight_clipping is None else config.weight_clipping
    rng, generated = np.random.default_rng(5), jax.jit(reference_generator)
    for seed in range(2):
        z = rng.uniform(-1.0, 1.0, (config.batch_size, config.z_dim))
        fake = np.asarray(generated(params["generator"], z))
        # With a penalty the real images are the generated ones, so that the point between them is known.
        real = fake if config.penalty == "wgangp" else rng.uniform(0.0, 1.0, fake.shape)

        (expected, vectors), gradients = d_objective(params["discriminator"], vectors, real, fake)
        params["discriminator"] = adam["discriminator"](params["discriminator"], gradients)
        params["discriminator"] = jax.tree.map(lambda x: np.clip(x, -bound, bound), params["discriminator"])
        batch = gan.Batch(real, z, jax.random.key(seed))
        state, logs = update_discriminator(state, batch)
        squares = sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(gradients))
        np.testing.assert_allclose([logs["d_loss"], logs["d_gradient"]], [expected, np.sqrt(squares)], rtol=1e-9)
        assert_trees_close(state.discriminator.params, params["discriminator"], rtol=1e-7, atol=1e-9)

        (expected, vectors), gradients = g_objective(params["generator"], params["discriminator"], vectors, z)
        params["generator"] = adam["generator"](params["generator"], gradients)
        state, logs = update_generator(state, batch)
        squares = sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(gradients))
        np.testing.assert_allclose([logs["g_loss"], logs["g_gradient"]], [expected, np.sqrt(squares)], rtol=1e-9)
        assert_trees_close(state.generator.params, params["generator"], rtol=1e-7, atol=1e-9)
        for name, vector in vectors.items():
            np.testing.assert_allclose(state.discriminator.statistics[name]["u"], vector, rtol=1e-7, atol=1e-9)


# The schedule of a cycle


def test_the_generator_moves_after_the_first_discriminator_update_and_on_its_latents(monkeypatch):
    disc_iters = 3
    config = Config(**SMALL, disc_iters=disc_iters)
    state, images = gan.init(config, SHAPE, KEY), images_of(config)
    passes, d_losses = [], []

    def recorded(player, original):
        def wrapper(networks, params, statistics, inputs, *others):
            outputs, left = original(networks, params, statistics, inputs, *others)
            note = lambda x, y: passes.append((player, np.asarray(x), np.asarray(y)))  # noqa: E731
            jax.debug.callback(note, inputs, outputs if player == "G" else outputs.logits, ordered=True)
            return outputs, left

        return wrapper

    def updated(original):
        def wrapper(*inputs):
            state, loss = original(*inputs)
            jax.debug.callback(lambda x: d_losses.append(float(x)), loss["d_loss"], ordered=True)
            return state, loss

        return wrapper

    monkeypatch.setattr(gan, "update_discriminator", updated(gan.update_discriminator))
    monkeypatch.setattr(gan, "apply_generator", recorded("G", gan.apply_generator))
    monkeypatch.setattr(gan, "apply_discriminator", recorded("D", gan.apply_discriminator))
    _, logs = jax.jit(lambda state: gan.step(config, state, images, jax.random.key(0)))(state)
    jax.effects_barrier()

    update, move = ["G", "D", "D"], ["G", "D"]
    assert [player for player, _, _ in passes] == update + move + (disc_iters - 1) * update
    starts = [0, *range(5, len(passes), 3)]
    latents = [passes[i][1] for i in starts]
    for i, batch in zip(starts, np.split(images, disc_iters), strict=True):
        np.testing.assert_array_equal(passes[i + 1][1], batch)
        np.testing.assert_array_equal(passes[i + 2][1], passes[i][2])
    np.testing.assert_array_equal(passes[3][1], latents[0])
    assert len({z.tobytes() for z in latents}) == disc_iters
    assert len(d_losses) == disc_iters
    np.testing.assert_allclose(logs["d_loss"], np.mean(d_losses), rtol=1e-6)


def count_of(player):
    """Updates that Adam has made."""
    (count,) = [
        leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(player.optimizer)
        if "count" in jax.tree_util.keystr(path)
    ]
    return int(count)


@pytest.mark.parametrize("disc_iters", [1, 4])
def test_a_cycle_is_disc_iters_discriminator_updates_and_one_generator_update(disc_iters):
    config = Config(**SMALL, disc_iters=disc_iters, discriminator_normalization="batch_norm")
    state = gan.init(config, SHAPE, KEY)
    for cycles in (1, 2):
        state, _ = step(config, state, images_of(config), jax.random.key(cycles))
        assert (count_of(state.discriminator), count_of(state.generator)) == (cycles * disc_iters, cycles)
        # The generator makes the images of every discriminator update and of its own; the discriminator
        # sees real and generated ones in each of its updates, and generated ones in the generator's.
        passes = {"generator": cycles * (disc_iters + 1), "discriminator": cycles * (2 * disc_iters + 1)}
        for player, count in passes.items():
            for norm in getattr(state, player).statistics.values():
                np.testing.assert_allclose(norm["weight"], 1.0 - 0.9**count, rtol=1e-5)


def test_a_generator_that_sees_real_images_makes_one_more_pass_and_moves_by_them():
    settings = {**SMALL, "discriminator_normalization": "batch_norm", "loss": "relativistic_average"}
    config = Config(**settings)
    networks, state = networks_of(config), gan.init(config, SHAPE, KEY)
    z = np.random.default_rng(0).uniform(-1.0, 1.0, (4, 3)).astype(np.float32)
    key = jax.random.key(0)
    update = jax.jit(lambda real: gan.update_generator(config, networks, state, gan.Batch(real, z, key))[0])
    one, other = update(images_of(config)), update(images_of(config, 1))
    np.testing.assert_allclose(one.discriminator.statistics["norm"]["weight"], 1.0 - 0.9**2, rtol=1e-5)
    assert not same(one.generator.params, other.generator.params)
    assert not same(one.discriminator.statistics, other.discriminator.statistics)


# Those that ask for no condition and no reference, and those that do without space.
PLAIN = [name for name in NORMALIZATIONS if not name.startswith(("conditional", "virtual"))]
FLAT = [name for name in NORMALIZATIONS if name != "instance_norm"]


@pytest.mark.parametrize("normalization", PLAIN)
def test_kernels_are_the_matrices_before_normalization(normalization):
    params = gan.init(Config(**SMALL, discriminator_normalization=normalization), SHAPE, KEY).discriminator.params
    kernels = gan.kernels_of(params)
    assert [kernel.shape for kernel in kernels] == [(16, 8), (8, 1)]
    assert same(kernels, [params["Dense_0"]["kernel"], params["Dense_1"]["kernel"]])


def test_each_update_moves_one_player():
    config = Config(**SMALL)
    networks, state = networks_of(config), gan.init(config, SHAPE, KEY)
    z = np.random.default_rng(0).uniform(-1.0, 1.0, (4, 3)).astype(np.float32)

    @jax.jit
    def both(state):
        batch = gan.Batch(images_of(config), z, jax.random.key(0))
        after_d = gan.update_discriminator(config, networks, state, batch)[0]
        return after_d, gan.update_generator(config, networks, state, batch)[0]

    after_d, after_g = both(state)
    assert same(after_d.generator.params, state.generator.params)
    assert not same(after_d.discriminator.params, state.discriminator.params)
    assert same(after_g.discriminator.params, state.discriminator.params)
    assert not same(after_g.generator.params, state.generator.params)


# Every entry of every slot


# One loss of each kind that the game treats differently; the others are formulas of their own in test_losses.py.
KINDS = {(each.generator_sees_real, each.generator_sees_features): name for name, each in reversed(LOSSES.items())}
SLOTS = {
    "loss": {*KINDS.values(), "wasserstein"},  # and one without targets
    "penalty": PENALTIES,
    "projection": PROJECTIONS,
    "discriminator_normalization": [name for name in NORMALIZATIONS if not name.startswith("conditional")],
    "generator_normalization": FLAT,
    "optimizer": OPTIMIZERS,
    "discriminator_passes": gan.PASSES,
    "label_smoothing": LABEL_SMOOTHINGS,
    "label_flipping": LABEL_FLIPS,
    "instance_noise": INSTANCE_NOISES,
    "augmentation": AUGMENTATIONS,
    "batch_features": BATCH_FEATURES,
    "conditioning": CONDITIONINGS,
    "generator_noise": GENERATOR_NOISES,
    "latent": LATENTS,
    "averaging": AVERAGINGS,
    "historical_averaging": HISTORICAL_AVERAGINGS,
    "update": gan.UPDATES,
}
# These repeat passes, and would make a program that holds much else many times as large: each is a row of its own.
REPEATING = [
    {"packing": 2},
    {"discriminator_scales": 3},
    {"unrolled_steps": 1},
    {"penalty": "r1", "penalty_every": 2},
]


# Slots of so many entries that some are in slow rows alone: each entry has tests of its own.
REGISTERED = {"penalty", "discriminator_normalization", "generator_normalization", "optimizer", "conditioning"}
QUICK_ROWS = 7


CONDITIONAL = [name for name in NORMALIZATIONS if name.startswith("conditional")]
NEEDED = {name: {"conditioning": "projection"} for name in CONDITIONAL}


def one_of_each():
    """Few settings that hold each entry of each slot at least once, and what repeats passes; an entry that the others
    of its row forbid waits for the next.

    Rows after `QUICK_ROWS` are slow. They hold no more than the last of the penalties and normalizations, whose own
    tests see them, in a step that the rows before have seen."""
    last_first = {slot: sorted(names, reverse=True) for slot, names in SLOTS.items()}
    waiting = {slot: sorted(names, key=lambda name: name not in CONDITIONAL) for slot, names in last_first.items()}
    rows = []
    while any(waiting.values()):
        row = {}
        for slot, names in waiting.items():
            for name in names:
                extended = {**NEEDED.get(name, {}), **row, slot: name}
                if not refused(extended):
                    row = extended
                    names.remove(name)
                    break
        assert row, waiting
        rows.append(row)
    left = [pytest.param(row, marks=pytest.mark.slow) for row in rows[QUICK_ROWS:]]
    assert all(row.values[0].keys() <= REGISTERED for row in left), "a slot that rows which are slow alone would hold"
    return [*rows[:QUICK_ROWS], *left, *REPEATING]


def refused(settings):
    """Whether these settings, beside the defaults of a game, are a combination that means nothing."""
    names = {field.name for field in dataclasses.fields(Config)}
    usual = dict.fromkeys(names, "none") | {"family": "gan", "architecture": "mlp", "packing": 1, "batch_size": 4}
    usual |= {"loss": "non_saturating", "generator_normalization": "batch_norm"}
    config = SimpleNamespace(**usual | settings)
    return any(rule(config) for rule, _ in MEANINGLESS)


each_entry = pytest.mark.parametrize(
    "settings", one_of_each(), ids=lambda settings: "-".join(map(str, settings.values()))
)


@each_entry
def test_a_step_is_finite_moves_both_players_and_keeps_the_type_of_the_state(settings, complete):
    """Same tree, shapes and types, so that steps can be scanned; logs are scalars."""
    config = complete(**SMALL, **settings)
    state = gan.init(config, SHAPE, KEY)
    after, logs = step(config, state, images_of(config), jax.random.key(0), labels_of(config))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((after, logs)))
    assert not same(after.generator.params, state.generator.params)
    assert not same(after.discriminator.params, state.discriminator.params)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(state), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
    assert set(logs) == set(gan.FAMILY.logs)
    assert all(value.shape == () for value in logs.values())


@pytest.fixture(scope="module")
def trained():
    """(loss, brightness) -> the mean of sampled images after training on images of that brightness alone."""

    @jax.jit
    def run(config, state, images, key):
        def one(state, key):
            return gan.step(config, state, images, key)[0], None

        state, _ = jax.lax.scan(one, state, jax.random.split(key, 200))
        return jnp.mean(sampling.sample(config, state, SHAPE, key, 64))

    def mean_after(loss, brightness):
        config = Config(architecture="mlp", loss=loss, batch_size=16, z_dim=4, g_lr=1e-2, d_lr=1e-3)
        images = np.full((16, *SHAPE), brightness, np.float32)
        return float(run(config, gan.init(config, SHAPE, KEY), images, jax.random.key(0)))

    return mean_after


# A relativistic player sees logits as the others do; its step is among the rows above.
learnt = [pytest.param(name, marks=[pytest.mark.slow] if name == "relativistic" else []) for name in KINDS.values()]


@pytest.mark.parametrize("loss", learnt)
def test_the_generator_learns_black_and_white(loss, trained):
    """From a mean near 1/2, all but a twentieth of the way to either."""
    assert trained(loss, 0.0) < 0.05
    assert trained(loss, 1.0) > 0.95


@pytest.mark.parametrize("bound", [0.01, 0.5])
def test_weight_clipping_bounds_every_weight_of_the_discriminator_alone(bound):
    """With so large a rate that every layer meets the bound, the scale of batch norm too."""
    settings = {**SMALL, "projection": "weight_clipping", "discriminator_normalization": "batch_norm", "d_lr": 10.0}
    config = Config.from_dict({**settings, "weight_clipping": bound})
    after, _ = step(config, gan.init(config, SHAPE, KEY), images_of(config), jax.random.key(0))
    layers = after.discriminator.params
    for name, layer in {**layers, "norm": {"scale": layers["norm"]["scale"]}}.items():
        assert np.abs(next(iter(layer.values()))).max() == np.float32(bound), name
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(layers)) == np.float32(bound)
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(after.generator.params)) > 0.6


def test_divergence_shows_in_the_logs():
    config = Config(**SMALL)
    state = gan.init(config, SHAPE, KEY)
    _, logs = step(config, state, np.full((4, *SHAPE), np.nan, np.float32), jax.random.key(0))
    assert not np.isfinite(list(logs.values())).all()


# A step is a function of its arguments


def test_a_step_depends_on_its_key_alone():
    config = Config(**SMALL)
    state, images = gan.init(config, SHAPE, KEY), images_of(config)
    first, again, other = (step(config, state, images, jax.random.key(seed))[0] for seed in (0, 0, 1))
    assert same(first, again)
    assert not same(first.discriminator.params, other.discriminator.params)


def test_configs_that_differ_in_numbers_share_one_program():
    settings = {**SMALL, "projection": "weight_clipping", "discriminator_normalization": "batch_norm"}
    slow = Config(**settings, weight_clipping=0.5, g_lr=1e-4, d_lr=1e-4)
    fast = Config(**settings, weight_clipping=0.1, g_lr=1e-2, d_lr=1e-1, beta1=0.0, beta2=0.5)
    state, images, key = gan.init(slow, SHAPE, KEY), images_of(slow), jax.random.key(0)
    first, _ = step(slow, state, images, key)
    assert slow.structure() in TRACED
    programs = len(TRACED)
    other, _ = step(fast, state, images, key)
    again, _ = step(slow, state, images, key)
    assert len(TRACED) == programs
    assert same(first, again)
    for player in ("generator", "discriminator"):
        assert not same(getattr(first, player).params, getattr(other, player).params)
    wide = Config(**{**settings, "z_dim": 5}, weight_clipping=0.5)
    step.trace(wide, gan.init(wide, SHAPE, KEY), images, key)
    assert TRACED[programs:] == [wide.structure()]


def test_members_side_by_side_are_what_they_are_alone(double):
    settings = {"discriminator_normalization": "spectral_norm", "penalty": "wgangp"}
    configs = [Config(**SMALL, **settings, penalty_weight=1.0, d_lr=rate) for rate in (1e-4, 1e-3, 1e-2)]
    states = [double(gan.init(config, SHAPE, KEY + seed)) for seed, config in enumerate(configs)]
    images = [images_of(config, seed) for seed, config in enumerate(configs)]
    keys = jax.random.split(jax.random.key(0), 3)
    stacked = [jax.tree.map(lambda *x: np.stack(x), *each) for each in (configs, states, images)]
    together = jax.device_get(jax.jit(jax.vmap(gan.step))(*stacked, keys))
    for i, (config, state) in enumerate(zip(configs, states, strict=True)):
        member = jax.tree.map(lambda x, i=i: x[i], together)
        assert_trees_close(member, step(config, state, images[i], keys[i]), rtol=1e-8, atol=1e-10)


# Beginning and end


def test_init_is_numpy_and_a_function_of_the_key():
    config = Config(**SMALL)
    first, again, other = (gan.init(config, SHAPE, key) for key in (KEY, KEY.copy(), KEY + 1))
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(first))
    assert same(first, again)
    for player in ("generator", "discriminator"):
        one, two = getattr(first, player).params, getattr(other, player).params
        assert not np.isclose(one["Dense_0"]["kernel"], two["Dense_0"]["kernel"]).any()


def test_the_players_are_drawn_from_streams_of_their_own():
    """Both players of mlp have a square kernel of one name."""
    state = gan.init(Config(**{**SMALL, "architecture": "mlp"}), SHAPE, KEY)
    one, other = (player.params["Dense_1"]["kernel"] for player in state[:2])
    assert one.shape == other.shape
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


def test_init_does_not_depend_on_the_numbers():
    slow, fast = Config(**SMALL, g_lr=1e-6, beta1=0.0), Config(**SMALL, g_lr=1.0, beta1=0.9)
    assert same(gan.init(slow, SHAPE, KEY), gan.init(fast, SHAPE, KEY))


@pytest.mark.slow  # with shapes alone in test_registries.py, and trained in the files of the families
@pytest.mark.parametrize("method", FAMILIES)
def test_every_method_goes_from_init_to_samples(method):
    config = Config.from_dict(SMALL | {"architecture": "mlp", "family": method} | NEEDED_BY.get(method, {}))
    init, one_step, *_ = FAMILIES[method]
    state, logs = jax.jit(one_step)(config, init(config, SHAPE, KEY), images_of(config), jax.random.key(0))
    originals = jnp.zeros((5, *SHAPE))  # what a family that completes images is given
    images = sampling.sample(config, state, SHAPE, jax.random.key(1), 5, originals=originals)
    assert images.shape == (5, *SHAPE)
    assert images.dtype == jnp.float32
    assert ((images >= 0.0) & (images <= 1.0)).all()
    assert all(np.shape(value) == () for value in logs.values())


def test_samples_are_a_function_of_the_key_and_leave_the_state():
    config = Config(**SMALL)
    state = gan.init(config, SHAPE, KEY)
    before = jax.tree.map(np.copy, state)
    first, again, other = (sampling.sample(config, state, SHAPE, jax.random.key(seed), 4) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).all()
    assert same(state, before)


def test_sampling_normalises_by_the_averages_of_the_training_passes():
    """After one cycle: two passes, of weights 0.09 and 0.1."""
    config = Config(**SMALL)
    state = gan.init(config, SHAPE, KEY)
    state, _ = step(config, state, images_of(config), jax.random.key(0))
    params, statistics = state.generator.params, state.generator.statistics
    key = jax.random.key(1)
    seen = {name: value / 0.19 for name, value in statistics["norm"].items()}
    np.testing.assert_allclose(seen["weight"], 1.0, rtol=1e-5)
    z = LATENTS["uniform"].sampling(config, key, (6, config.z_dim))
    x = normalised(params["norm"], dense(params["Dense_0"], z), seen["mean"], seen["variance"])
    expected = probability(x).reshape(-1, *SHAPE)
    np.testing.assert_allclose(sampling.sample(config, state, SHAPE, key, 6), expected, rtol=1e-3, atol=1e-5)


def test_statistics_are_kept_apart_from_what_is_trained():
    state = gan.init(Config(**SMALL, discriminator_normalization="spectral_norm"), SHAPE, KEY)
    names = {path[-1].key for path, _ in jax.tree_util.tree_leaves_with_path(state.discriminator.params)}
    assert names == {"kernel", "bias"}
    assert jax.tree.map(np.shape, state.discriminator.statistics) == {"Dense_0": {"u": (16,)}, "Dense_1": {"u": (8,)}}
    assert set(state.generator.statistics["norm"]) == {"mean", "variance", "weight"}
    for player in state[:2]:
        moments = [leaf for leaf in jax.tree.leaves(player.optimizer) if leaf.ndim]
        assert sum(leaf.size for leaf in moments) == 2 * sum(leaf.size for leaf in jax.tree.leaves(player.params))
