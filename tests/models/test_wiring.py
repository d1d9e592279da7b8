"""Every trick where the game uses it: closed forms of players that are linear, trained by plain descent of rate 1,
so that what a step takes from the weights is the gradient."""

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config, gan, sampling
from ganscape.models.architectures import ARCHITECTURES, build
from ganscape.models.architectures.architecture import Architecture, Networks, NetworkSpec
from ganscape.models.architectures.base import DiscriminatorBase, GeneratorBase
from ganscape.models.architectures.layers import Dense
from ganscape.models.forward import TRAINING
from ganscape.models.initialization import he_normal

SHAPE = (4, 4, 1)
BATCH, Z = 4, 3
KEY = np.array([3, 4], np.uint32)
DESCENT = {"optimizer": "sgd", "g_lr": 1.0, "d_lr": 1.0, "batch_size": BATCH, "z_dim": Z}
NAMES = ("none", "batch_norm", "virtual_batch_norm")


sample = jax.jit(sampling.sample, static_argnums=(2, 4))


class LinearGenerator(GeneratorBase):
    """images = z W + b, normalised, classes beside z."""

    image_shape: tuple[int, int, int]

    @nn.compact
    def __call__(self, z, context=TRAINING):
        x = Dense(math.prod(self.image_shape), he_normal, "none")(self.append_classes(z, context))
        return self.activate(x, "norm", context, lambda x: x, 0.9, 1e-5).reshape(-1, *self.image_shape)


class LinearDiscriminator(DiscriminatorBase):
    """w . x + c of the pixels and of what the conditioning puts beside them, normalised; they are the features."""

    @nn.compact
    def __call__(self, images, context=TRAINING):
        x = self.append_classes(images, context)
        x = self.normalize(x.reshape(x.shape[0], -1), "norm", 0.9, 1e-5)
        return self.compute_output(x, context, he_normal)


@pytest.fixture(autouse=True)
def linear(monkeypatch):
    """The architecture of the two."""

    def of(config, image_shape):
        spec = NetworkSpec.of(config)
        return Networks(LinearGenerator(spec, image_shape), LinearDiscriminator(spec))

    architecture = Architecture(of, "all images", lambda shape: True, NAMES, NAMES)
    monkeypatch.setitem(ARCHITECTURES, "linear", architecture)


class Game:
    """A config of these settings, its first state, and one update of each kind on a batch of its own."""

    def __init__(self, **settings):
        self.config = Config(**{"architecture": "linear", "loss": "wasserstein", **DESCENT, **settings})
        self.networks = build(self.config, SHAPE)
        self.state = gan.init(self.config, SHAPE, KEY)
        rng = np.random.default_rng(7)
        batch = self.config.batch_size
        self.compiled = {}
        self.real = rng.uniform(0.0, 1.0, (batch, *SHAPE)).astype(np.float32)
        self.z = rng.uniform(-1.0, 1.0, (batch, self.config.z_dim)).astype(np.float32)

    def batch(self, seed=0, labels=None):
        return gan.Batch(self.real, self.z, jax.random.key(seed), labels)

    def after(self, update, state=None, **batch):
        """The state after `update`, and what it returns beside."""
        if update not in self.compiled:
            self.compiled[update] = jax.jit(functools.partial(update, self.config, self.networks))
        return self.compiled[update](self.state if state is None else state, self.batch(**batch))

    def fake(self, state=None):
        """Pixels [batch, 16] of the generated images, before any normalization."""
        layer = (state or self.state).generator.params["Dense_0"]
        return self.z @ layer["kernel"] + layer["bias"]

    @property
    def flat(self):
        """Pixels [batch, 16] of the real images."""
        return self.real.reshape(len(self.real), -1)

    @property
    def difference(self):
        """The mean generated image's pixels less the mean real one's."""
        return self.fake().mean(0) - self.flat.mean(0)

    def taken(self, update, **others):
        """What the update takes from all weights of the two players."""
        after = self.after(update, **others)[0]
        before = others.get("state") or self.state
        return [
            jax.tree.map(np.subtract, one.params, two.params) for one, two in zip(before[:2], after[:2], strict=True)
        ]


def weights(state):
    """The discriminator's w [16]."""
    return np.asarray(state.discriminator.params["Dense_0"]["kernel"])[:, 0]


def kernel(gradient):
    return np.asarray(gradient["Dense_0"]["kernel"])[:, 0]


def bias(gradient):
    return np.asarray(gradient["Dense_0"]["bias"])


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-6)


def trees_close(actual, expected):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        close(a, b)


@pytest.fixture
def passes(monkeypatch):
    """What the two networks are given and return in updates, in order: dicts of concrete arrays."""
    seen = []

    def recorded(player, original):
        def wrapper(networks, params, statistics, inputs, context=TRAINING, *key):
            outputs, left = original(networks, params, statistics, inputs, context, *key)

            def note(inputs, outputs, classes):
                seen.append({"player": player, "inputs": inputs, "outputs": outputs, "classes": classes})

            images = outputs if player == "G" else outputs.logits
            jax.debug.callback(note, inputs, images, context.classes, ordered=True)
            return outputs, left

        return wrapper

    monkeypatch.setattr(gan, "apply_generator", recorded("G", gan.apply_generator))
    monkeypatch.setattr(gan, "apply_discriminator", recorded("D", gan.apply_discriminator))

    def of(run):
        """Those of run()."""
        seen.clear()
        run()
        jax.effects_barrier()
        return [{**each, "inputs": np.asarray(each["inputs"])} for each in seen]

    return of


# What moves, and against what


def test_players_by_turns_move_against_the_other_as_it_is_after_its_move():
    game = Game()
    g, d = game.taken(gan.alternating)
    close(kernel(d), game.difference)
    close(bias(g), -(weights(game.state) - game.difference))


def test_players_at_once_move_by_the_gradient_of_one_sum():
    """Each player's loss stops at the other's weights; the sum of both is differentiated in one go."""
    game = Game(update="simultaneous", loss="non_saturating")

    def total(g, d):
        def logits(layer, x):
            return (x @ layer["kernel"])[:, 0] + layer["bias"]

        def made(layer):
            return game.z @ layer["kernel"] + layer["bias"]

        held_g, held_d = jax.lax.stop_gradient((g, d))
        d_loss = jnp.mean(jnp.log1p(jnp.exp(-logits(d, game.flat)))) + jnp.mean(
            jnp.log1p(jnp.exp(logits(d, made(held_g))))
        )
        return d_loss + jnp.mean(jnp.log1p(jnp.exp(-logits(held_d, made(g)))))

    before = [player.params["Dense_0"] for player in game.state[:2]]
    expected = jax.jit(jax.grad(total, (0, 1)))(*before)
    for taken, gradient in zip(game.taken(gan.simultaneous), expected, strict=True):
        trees_close(taken["Dense_0"], gradient)


def test_players_at_once_keep_all_else_that_their_updates_leave():
    settings = {"historical_averaging": "squared_distance", "historical_weight": 0.1, "averaging": "uniform"}
    game = Game(update="simultaneous", loss="non_saturating", **settings, discriminator_normalization="batch_norm")
    state, *_ = game.after(gan.simultaneous)
    d_state, _ = game.after(gan.update_discriminator)
    g_state, _ = game.after(gan.update_generator)
    trees_close(state.discriminator, d_state.discriminator)
    trees_close(state.generator, g_state.generator)
    trees_close(state.history, (g_state.history[0], d_state.history[1]))
    trees_close(state.average, g_state.average)
    assert (state.updates, state.cycles) == (1, 1)


# Passes


def reference_norm(x):
    return (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5)


@pytest.mark.parametrize("passes_of_d", ["separate", "joint"])
def test_a_batch_that_normalises_is_of_one_kind_in_separate_passes_and_of_both_in_a_joint_one(passes_of_d):
    """Losses and gradients of both players, by normalising pixels by hand."""
    game = Game(discriminator_normalization="batch_norm", loss="non_saturating", discriminator_passes=passes_of_d)

    def logits(layer, real, fake):
        if passes_of_d == "joint":
            both = reference_norm(jnp.concatenate([real, fake]))
            real, fake = both[:BATCH], both[BATCH:]
        else:
            real, fake = reference_norm(real), reference_norm(fake)
        return [(x @ layer["kernel"])[:, 0] + layer["bias"] for x in (real, fake)]

    def d_loss(layer):
        real, fake = logits(layer, game.flat, game.fake())
        return jnp.mean(jnp.log1p(jnp.exp(-real))) + jnp.mean(jnp.log1p(jnp.exp(fake)))

    def g_loss(layer):
        _, fake = logits(
            game.state.discriminator.params["Dense_0"], game.flat, game.z @ layer["kernel"] + layer["bias"]
        )
        return jnp.mean(jnp.log1p(jnp.exp(-fake)))

    for player, update, loss in ((1, gan.update_discriminator, d_loss), (0, gan.update_generator, g_loss)):
        value, gradient = jax.jit(jax.value_and_grad(loss))(game.state[player].params["Dense_0"])
        close(loss_of(game.after(update)), value)
        trees_close(game.taken(update)[player]["Dense_0"], gradient)


def running(*batches):
    """Running means of these batches' pixels, one after the other, with momentum 0.9 from 0."""
    mean = 0.0
    for batch in batches:
        mean = 0.9 * mean + 0.1 * batch.mean(0)
    return mean


@pytest.mark.parametrize("loss", ["wasserstein", "relativistic"])
def test_statistics_are_of_the_passes_in_their_order(loss):
    """Real before generated images; the generator's update passes over real ones if its loss sees them, or jointly."""
    game = Game(discriminator_normalization="batch_norm", loss=loss)
    real, fake = game.flat, game.fake()
    sees = [real] if loss == "relativistic" else []
    both = np.concatenate([real, fake])
    joint = Game(discriminator_normalization="batch_norm", loss=loss, discriminator_passes="joint")
    for each, d_passes, g_passes in ((game, [real, fake], [*sees, fake]), (joint, [both], [both])):
        state, _ = each.after(gan.update_discriminator)
        close(state.discriminator.statistics["norm"]["mean"], running(*d_passes))
        state, _ = each.after(gan.update_generator, state)
        close(state.discriminator.statistics["norm"]["mean"], running(*d_passes, *g_passes))


def test_a_virtual_reference_is_of_real_images_and_of_packs():
    game = Game(discriminator_normalization="virtual_batch_norm", packing=2)
    state, _ = game.after(gan.update_discriminator)
    pairs = np.moveaxis(game.real.reshape(2, 2, *SHAPE), 1, 3).reshape(2, 4, 4, 2)
    np.testing.assert_array_equal(state.discriminator.statistics["reference"], pairs)


# Losses


def test_the_features_of_both_kinds_are_matched():
    """Pixels are the features: the gradient of |mean fake - mean real|^2 is twice the difference."""
    game = Game(loss="feature_matching")
    g, _ = game.taken(gan.update_generator)
    close(bias(g), 2.0 * game.difference)
    close(loss_of(game.after(gan.update_generator)), np.sum(game.difference**2))


def loss_of(updated):
    """The loss among the logs of an update."""
    _, logs = updated
    return next(value for name, value in logs.items() if name.endswith("_loss"))


def cross_entropy(logits, target):
    return np.mean(target * np.log1p(np.exp(-logits)) + (1.0 - target) * np.log1p(np.exp(logits)))


def test_targets_are_smoothed_and_flipped_for_the_discriminator_alone():
    settings = {"loss": "non_saturating", "label_smoothing": "one_sided", "smoothing": 0.3}
    game = Game(**settings, label_flipping="random", flip_probability=1.0)
    layer = game.state.discriminator.params["Dense_0"]
    real, fake = ((x @ layer["kernel"])[:, 0] + layer["bias"] for x in (game.flat, game.fake()))
    close(loss_of(game.after(gan.update_discriminator)), cross_entropy(real, 0.0) + cross_entropy(fake, 0.7))
    close(loss_of(game.after(gan.update_generator)), cross_entropy(fake, 1.0))


def test_a_penalty_counts_every_so_many_updates_and_so_many_times():
    """r1 of a linear discriminator is |w|^2 / 2, whatever the images: its gradient is w."""
    game = Game(penalty="r1", penalty_weight=0.1, penalty_every=3)
    state = game.state
    for update in range(4):
        d = game.taken(gan.update_discriminator, state=state)[1]
        share = 3 * 0.1 if update % 3 == 0 else 0.0
        close(kernel(d), game.difference + share * weights(state))
        state, _ = game.after(gan.update_discriminator, state)


def test_each_weight_is_held_to_the_mean_of_its_past():
    """The first weights are among them; what is added to the loss is 0.1 |w - mean|^2."""
    game = Game(historical_averaging="squared_distance", historical_weight=0.1)
    past = [[player.params] for player in game.state[:2]]
    state = game.state
    for _ in range(3):
        means = [jax.tree.map(lambda *x: np.mean(x, 0), *each) for each in past]
        trees_close(state.history, tuple(means))
        held = game.taken(gan.update_discriminator, state=state)[1]
        pull = jax.tree.map(lambda x, mean: 0.2 * (x - mean), state.discriminator.params, means[1])
        close(kernel(held), game.fake(state).mean(0) - game.flat.mean(0) + kernel(pull))
        state, _ = game.after(gan.update_discriminator, state)
        past[1].append(state.discriminator.params)

        held = game.taken(gan.update_generator, state=state)[0]
        pull = jax.tree.map(lambda x, mean: 0.2 * (x - mean), state.generator.params, means[0])
        close(bias(held), -weights(state) + bias(pull))
        state, _ = game.after(gan.update_generator, state)
        past[0].append(state.generator.params)


# Looking ahead


@pytest.mark.parametrize("steps", [1, 3])
def test_the_generator_looks_ahead_through_the_discriminators_steps(steps):
    """Of w . (mean fake - mean real) the k-th weights are w - k r (m - real), m the mean fake image, and the gradient
    of -w_k . m is -w_k + k r m: the last term is what goes through the steps."""
    rate = 0.3
    game = Game(unrolled_steps=steps, unrolled_lr=rate)
    ahead = weights(game.state) - steps * rate * game.difference
    g, d = game.taken(gan.update_generator)
    close(bias(g), -ahead + steps * rate * game.fake().mean(0))
    assert not np.any(kernel(d))
    close(kernel(game.taken(gan.update_discriminator)[1]), game.difference)


def test_the_steps_looked_ahead_are_on_the_discriminators_whole_loss():
    """With 0.4 |w|^2 / 2 and 0.1 |w - mean|^2 the weights shrink on the way."""
    rate = 0.3
    held = {"historical_averaging": "squared_distance", "historical_weight": 0.1}
    game = Game(unrolled_steps=2, unrolled_lr=rate, penalty="r1", penalty_weight=0.4, **held)
    far = jax.tree.map(lambda x: x + 1.0, game.state.history[1])
    state = game.state._replace(history=(game.state.history[0], far))
    ahead, through = weights(state), 0.0
    for _ in range(2):
        pull = 0.2 * (ahead - weights(state) - 1.0)
        ahead = ahead - rate * (game.difference + 0.4 * ahead + pull)
        through = through - rate * (1.0 + 0.4 * through + 0.2 * through)
    close(bias(game.taken(gan.update_generator, state=state)[0]), -ahead - through * game.fake().mean(0))


# What the discriminator sees


def update_order(seen):
    """The images that the discriminator sees in a discriminator's and in a generator's update: real, fake, fake."""
    assert [each["player"] for each in seen] == ["G", "D", "D", "G", "D"]
    return [seen[i]["inputs"] for i in (1, 2, 4)]


@pytest.mark.parametrize("settings", [{"instance_noise": "constant", "noise_std": 0.5}, {"augmentation": "color"}])
def test_every_image_is_disturbed_by_draws_of_its_own(settings, passes):
    """Equal images look different, in every pass."""
    game = Game(**settings)
    game.real = np.broadcast_to(game.real[:1], game.real.shape)
    game.z = np.zeros_like(game.z)
    layer = {"kernel": np.zeros((Z, 16), np.float32), "bias": game.flat[0]}
    generator = game.state.generator._replace(params={"Dense_0": layer})
    state = game.state._replace(generator=generator)

    def run():
        for update in (gan.update_discriminator, gan.update_generator):
            game.after(update, state)

    images = np.concatenate(update_order(passes(run)))
    assert len(images) == 3 * BATCH
    for i in range(len(images)):
        for j in range(i):
            assert np.abs(images[i] - images[j]).max() > 1e-3, (i, j)


@pytest.mark.parametrize("update", [gan.update_discriminator, gan.update_generator])
def test_noise_goes_by_the_real_images_seen(update, passes):
    """None is left after 8, half of it after 4."""
    game, clean = Game(instance_noise="linear", noise_std=1.0, noise_images=8.0), Game()
    clean = passes(lambda: clean.after(update))[-1]["inputs"]
    noise = []
    for updates in range(3):
        state = game.state._replace(updates=np.int32(updates))
        noise.append(passes(lambda state=state: game.after(update, state))[-1]["inputs"] - clean)
    assert np.std(noise[0]) > 0.5
    close(noise[1], 0.5 * noise[0])
    assert not np.any(noise[2])


def test_the_generators_gradient_goes_through_the_augmentation(passes):
    """Through a cut nothing comes: the gradient of -w . x is -w at the share of the images where a pixel is kept."""
    game = Game(augmentation="cutout")
    taken = []
    seen = passes(lambda: taken.extend(game.taken(gan.update_generator)))
    kept = np.mean(seen[-1]["inputs"] != 0.5, axis=0).ravel()
    assert 0.0 < kept.min() < kept.max()
    close(bias(taken[0]), -weights(game.state) * kept)


def test_packs_are_judged_as_one(passes):
    game = Game(packing=2, loss="non_saturating", label_smoothing="one_sided", smoothing=0.2)
    seen = passes(lambda: game.after(gan.update_discriminator))
    pairs = np.moveaxis(game.real.reshape(2, 2, *SHAPE), 1, 3).reshape(2, 4, 4, 2)
    np.testing.assert_array_equal(seen[1]["inputs"], pairs)
    assert seen[2]["inputs"].shape == pairs.shape
    assert [each["outputs"].shape for each in seen[1:]] == [(2,), (2,)]
    real, fake = (np.float64(each["outputs"]) for each in seen[1:])
    close(loss_of(game.after(gan.update_discriminator)), cross_entropy(real, 0.8) + cross_entropy(fake, 0.0))


def test_discriminators_of_scales_have_the_mean_of_their_losses_and_penalties():
    """The second sees means of 2x2 squares, a quarter of whose slope each pixel gets."""
    game = Game(discriminator_scales=2, penalty="r1", penalty_weight=0.1)
    layers = [game.state.discriminator.params[f"discriminators_{i}"]["Dense_0"] for i in range(2)]
    first, second = (np.asarray(layer["kernel"])[:, 0] for layer in layers)
    halves = game.difference.reshape(2, 2, 2, 2).mean((1, 3)).ravel()
    _, d = game.taken(gan.update_discriminator)
    close(kernel(d["discriminators_0"]), 0.5 * (game.difference + 0.1 * first))
    close(kernel(d["discriminators_1"]), 0.5 * (halves + 0.1 * second / 4.0))
    g, _ = game.taken(gan.update_generator)
    spread = np.kron(second.reshape(2, 2), np.ones((2, 2))).ravel() / 4.0
    close(bias(g), -0.5 * (first + spread))


# Classes


@pytest.mark.parametrize("passes_of_d", ["separate", "joint"])
def test_generated_images_have_the_classes_of_the_real_ones_in_their_place(passes_of_d, passes):
    """In every pass of a cycle of two updates, of penalties as well."""
    settings = {"conditioning": "projection", "classes": 3, "penalty": "wgangp", "penalty_weight": 1.0}
    game = Game(**settings, discriminator_passes=passes_of_d, disc_iters=2, unrolled_steps=1, unrolled_lr=0.1)
    images, labels = np.concatenate([game.real, game.real]), np.array([0, 1, 2, 1, 2, 2, 0, 0], np.int32)
    cycle = jax.jit(functools.partial(gan.step, game.config))
    seen = passes(lambda: cycle(game.state, images, jax.random.key(0), labels))
    one_hot = np.eye(3)[labels].reshape(2, BATCH, 3)
    firsts = 0
    for each in seen:
        expected = one_hot if len(each["inputs"]) == BATCH else np.concatenate([one_hot, one_hot], 1)
        assert len(each["classes"]) == len(each["inputs"])
        assert any(np.array_equal(each["classes"], part) for part in expected)
        firsts += np.array_equal(each["classes"], expected[0])
    generated = [each["classes"] for each in seen if each["player"] == "G"]
    for classes, part in zip(generated, (one_hot[0], one_hot[0], one_hot[1]), strict=True):
        np.testing.assert_array_equal(classes, part)
    assert 0 < firsts < len(seen)


def test_a_penalty_is_at_the_class_of_its_image():
    """D(x, y) = (w + V_y) . x: r1 is the mean of |w + V_y|^2 / 2 over the real images' classes y."""
    game = Game(conditioning="projection", classes=3, penalty="r1", penalty_weight=1.0)
    labels = np.array([1, 1, 1, 2], np.int32)
    plain = Game(conditioning="projection", classes=3)
    penalized, free = (loss_of(each.after(gan.update_discriminator, labels=labels)) for each in (game, plain))
    classes = np.asarray(game.state.discriminator.params["Embedding_0"]["kernel"])
    slopes = weights(game.state) + classes[labels]
    close(penalized - free, 0.5 * np.mean(np.sum(slopes**2, 1)))


def test_samples_are_of_all_classes_alike():
    """Of a generator whose image is its class."""
    game = Game(conditioning="projection", classes=4)
    layer = {"kernel": np.zeros((Z + 4, 16), np.float32), "bias": np.zeros(16, np.float32)}
    layer["kernel"][Z:] = np.arange(4.0)[:, None]
    state = game.state._replace(generator=game.state.generator._replace(params={"Dense_0": layer}))
    drawn = [sample(game.config, state, SHAPE, jax.random.key(seed), 4000)[:, 0, 0, 0] for seed in (0, 1)]
    for classes in drawn:
        counts = np.bincount(np.int64(classes), minlength=4)
        np.testing.assert_allclose(counts, 1000, atol=5 * np.sqrt(4000 * 3 / 16))
    assert np.mean(drawn[0] == drawn[1]) < 0.3


# The generator


def made(seen):
    return [np.asarray(each["outputs"]) for each in seen if each["player"] == "G"]


@pytest.mark.parametrize(
    "noise", [{"generator_noise": "gaussian", "generator_noise_std": 0.1}, {"generator_noise": "dropout"}]
)
def test_a_generators_noise_is_fresh_at_every_pass_and_on_in_sampling(noise, passes):
    game, plain = Game(**noise), Game()
    first, second = made(passes(lambda: game.after(gan.alternating)))
    other, _ = made(passes(lambda: game.after(gan.alternating, seed=1)))
    again, _ = made(passes(lambda: game.after(gan.alternating)))
    np.testing.assert_array_equal(first, again)
    clean = game.fake().reshape(first.shape)
    for one, two in ((first, second), (first, other), (first, clean), (second, clean)):
        assert np.mean(one != two) > 0.2
    samples = [np.asarray(sample(each.config, each.state, SHAPE, jax.random.key(0), 50)) for each in (game, plain)]
    assert np.mean(samples[0] != samples[1]) > 0.4
    kept = np.abs(samples[0] - samples[1]) if "dropout_rate" not in noise else samples[0]
    assert kept.std() < 1.5


def test_players_train_on_one_latent_and_sample_from_another(passes):
    """A truncated normal is one at sampling alone."""
    game = Game(latent="truncated_normal", truncation=1e-3)
    images = np.concatenate([game.real, game.real, game.real])
    many = Game(latent="truncated_normal", truncation=1e-3, disc_iters=3)
    cycle = jax.jit(functools.partial(gan.step, many.config))
    seen = passes(lambda: cycle(many.state, images, jax.random.key(0)))
    z = np.concatenate([each["inputs"].ravel() for each in seen if each["player"] == "G"])
    assert np.abs(z).max() > 1.0
    layer = game.state.generator.params["Dense_0"]
    samples = sample(game.config, game.state, SHAPE, jax.random.key(0), 20).reshape(20, -1) - layer["bias"]
    assert 0.0 < np.abs(samples).max() <= 1e-3 * np.abs(layer["kernel"]).sum(0).max() * 1.001


# Averages


@pytest.mark.parametrize(("averaging", "parts"), [("ema", (0.81, 0.09, 0.1)), ("uniform", (0.0, 0.5, 0.5))])
def test_samples_are_of_the_averages_of_weights_and_of_statistics(averaging, parts):
    """Of the first ones and those after each of two updates of the generator."""
    numbers = {"ema_decay": 0.9} if averaging == "ema" else {}
    game = Game(averaging=averaging, **numbers, generator_normalization="batch_norm")
    states = [game.state]
    for _ in range(2):
        states.append(game.after(gan.alternating, states[-1])[0])
    expected = jax.tree.map(
        lambda *x: sum(part * each for part, each in zip(parts, x, strict=True)),
        *[state.generator[:2] for state in states],
    )
    trees_close(states[-1].average, expected)
    params, statistics = expected
    averaged = states[-1]._replace(generator=states[-1].generator._replace(params=params, statistics=statistics))
    plain = Game(generator_normalization="batch_norm").config
    key = jax.random.key(3)
    close(
        sample(game.config, states[-1], SHAPE, key, 5),
        sample(plain, averaged._replace(average=()), SHAPE, key, 5),
    )


def test_an_average_is_sampled_with_the_reference_as_it_is():
    """The first batch of z, although the average begins before there was one."""
    game = Game(averaging="ema", ema_decay=0.99, generator_normalization="virtual_batch_norm")
    state, *_ = game.after(gan.alternating)
    params, statistics = state.average
    latest = state.generator._replace(params=params)
    plain = Game(generator_normalization="virtual_batch_norm").config
    key = jax.random.key(3)
    assert not np.allclose(statistics["reference"], state.generator.statistics["reference"], atol=1e-2)
    close(
        sample(game.config, state, SHAPE, key, 5),
        sample(plain, state._replace(generator=latest, average=()), SHAPE, key, 5),
    )
