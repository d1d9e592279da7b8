import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config, ConfigError
from ganscape.models.forward import DiscriminatorOutput
from ganscape.models.objectives import (
    discriminator_loss,
    generator_loss,
    historical_penalty,
    penalty,
    per_discriminator,
)
from ganscape.models.penalties import PENALTIES
from ganscape.models.schedules import scheduled

RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(2, 6, 3)).astype(np.float32)
KEY = jax.random.key(0)


def cross_entropy(logits, targets):
    return np.mean(targets * np.log1p(np.exp(-logits)) + (1.0 - targets) * np.log1p(np.exp(logits)))


def test_targets_of_real_images_are_smoothed():
    config = Config(label_smoothing="one_sided", smoothing=0.25)
    value = discriminator_loss(config, REAL[:, 0], FAKE[:, 0], KEY)
    np.testing.assert_allclose(value, cross_entropy(REAL[:, 0], 0.75) + cross_entropy(FAKE[:, 0], 0.0), rtol=1e-5)


def test_random_targets_are_drawn_for_each_image():
    """Cross-entropy does not depend on the target at a logit of 0, and is 10 times it, nearly, at one of -10."""
    config = Config(label_smoothing="one_sided_random", smoothing=0.25)
    values = [discriminator_loss(config, -10.0 * np.eye(6, dtype=np.float32)[i], FAKE[:, 0], KEY) for i in range(6)]
    rest = 5 * np.log(2.0) / 6 + cross_entropy(FAKE[:, 0], 0.0)
    targets = (np.array(values) - rest) * 6 / 10.0
    assert ((targets > 0.749) & (targets < 1.001)).all()
    assert np.diff(np.sort(targets)).min() > 1e-4


def test_flipped_targets_are_those_of_the_other_kind():
    """All of them: the loss with the kinds exchanged. None of them: the loss."""
    plain = discriminator_loss(Config(), REAL[:, 0], FAKE[:, 0], KEY)
    exchanged = discriminator_loss(Config(), FAKE[:, 0], REAL[:, 0], KEY)
    assert abs(plain - exchanged) > 0.1
    for probability, expected in ((0.0, plain), (1.0, exchanged)):
        config = Config(label_flipping="random", flip_probability=probability)
        np.testing.assert_allclose(discriminator_loss(config, REAL[:, 0], FAKE[:, 0], KEY), expected, rtol=1e-5)


def test_discriminators_are_told_the_same_targets():
    """Three equal ones have the loss of one, whatever is drawn."""
    settings = {"label_smoothing": "one_sided_random", "label_flipping": "random", "flip_probability": 0.5}
    config = Config(**settings)
    one = discriminator_loss(config, REAL[:, 0], FAKE[:, 0], KEY)
    three = discriminator_loss(config, *(np.repeat(x[:, :1], 3, 1) for x in (REAL, FAKE)), KEY)
    np.testing.assert_allclose(three, one, rtol=1e-6)


@pytest.mark.parametrize("loss", ["hinge", "relativistic_average"])
def test_a_loss_of_several_discriminators_is_the_mean_of_each_ones(loss):
    config = Config(loss=loss)
    each = [discriminator_loss(config, REAL[:, i], FAKE[:, i], KEY) for i in range(3)]
    np.testing.assert_allclose(discriminator_loss(config, REAL, FAKE, KEY), np.mean(each), rtol=1e-5)
    sees = loss == "relativistic_average"

    def judged(*columns):
        return [DiscriminatorOutput(x[(slice(None), *columns)], x) for x in (REAL, FAKE)]

    each = [generator_loss(config, real if sees else None, fake) for real, fake in (judged(i) for i in range(3))]
    real, fake = judged()
    np.testing.assert_allclose(generator_loss(config, real if sees else None, fake), np.mean(each), rtol=1e-5)


def test_features_are_matched_and_logits_are_not():
    judgements = [DiscriminatorOutput(np.full(6, np.nan, np.float32), x) for x in (REAL, FAKE)]
    expected = np.sum((REAL.mean(0) - FAKE.mean(0)) ** 2)
    np.testing.assert_allclose(generator_loss(Config(loss="feature_matching"), *judgements), expected, rtol=1e-5)


def test_logits_of_one_discriminator_are_not_averaged_over_anything():
    np.testing.assert_array_equal(
        per_discriminator(lambda real, fake: jnp.sum(fake), None, FAKE[:, 0]), FAKE[:, 0].sum()
    )


IMAGES = np.random.default_rng(1).uniform(0.0, 1.0, (3, 2, 2, 1)).astype(np.float32)


@pytest.mark.parametrize("every", [1, 4])
def test_a_penalty_is_weighted_and_as_often_more_as_it_is_rarer(every):
    config = Config(penalty="r1", penalty_weight=0.3, penalty_every=every)
    slope = np.arange(1.0, 5.0).reshape(2, 2, 1).astype(np.float32)

    def critic(images):
        return jnp.sum(slope * images, axis=(1, 2, 3))

    values = [penalty(config, critic, [], IMAGES, IMAGES, KEY, update) for update in range(2 * every)]
    expected = [every * 0.3 * 15.0, *[0.0] * (every - 1)] * 2
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_a_penalty_of_several_discriminators_is_of_each_ones_slope():
    """Two slopes that cancel each other are no less steep."""
    config = Config(penalty="r1", penalty_weight=1.0, discriminator_scales=2)

    def critic(images):
        bright = jnp.sum(images, axis=(1, 2, 3))
        return jnp.stack([3.0 * bright, -bright], axis=1)

    value = penalty(config, critic, [], IMAGES, IMAGES, KEY, 0)
    np.testing.assert_allclose(value, 0.5 * np.mean([4 * 9.0, 4 * 1.0]), rtol=1e-6)


def slopes_critic(images):
    """A critic of constant slope 1, 2, 3, 4 at the four pixels, whose squared norm is 30."""
    return jnp.sum(np.arange(1.0, 5.0).reshape(2, 2, 1).astype(np.float32) * images, axis=(1, 2, 3))


def penalties_of(config, update=0, critic=slopes_critic):
    kernels = [jnp.array([[1.0, 2.0], [3.0, 4.0]])]  # half the squared norm: 15; the squared product of columns: 14^2
    return penalty(config, critic, kernels, IMAGES, IMAGES + 0.5, KEY, update)


def test_penalties_of_a_set_have_weights_and_intervals_of_their_own():
    config = Config(penalty="r1+l2+orthogonal", penalty_weight=0.1, r1_weight=2.0, r1_every=2, l2_every=3)
    r1, l2, orthogonal = 2.0 * 2 * 15.0, 0.1 * 3 * 15.0, 0.1 * 2 * 14.0**2
    expected = [r1 + l2 + orthogonal, orthogonal, r1 + orthogonal, l2 + orthogonal, r1 + orthogonal, orthogonal]
    np.testing.assert_allclose([penalties_of(config, update) for update in range(6)], expected, rtol=1e-5)


def test_r1_and_r2_share_the_weight_of_the_set():
    """Of a critic |x|^2 / 2, whose gradient at x is x: half the squared gradients at both kinds of images."""

    def critic(images):
        return 0.5 * jnp.sum(images**2, (1, 2, 3))

    squares = [np.mean(np.sum(np.float64(images) ** 2, (1, 2, 3))) for images in (IMAGES, IMAGES + 0.5)]
    for names in ("r1+r2", "r2+r1"):
        value = penalties_of(Config(penalty=names, penalty_weight=3.0), critic=critic)
        np.testing.assert_allclose(value, 3.0 * 0.5 * sum(squares), rtol=1e-5)


def test_penalties_of_a_set_draw_from_keys_of_their_own():
    """The sum of two penalties between real and generated images differs from that of each alone with the same key."""

    def critic(images):
        return jnp.sum(images**3, (1, 2, 3))

    both = penalties_of(Config(penalty="wgangp+zero_centered", penalty_weight=1.0), critic=critic)
    alone = [
        penalties_of(Config(penalty=name, penalty_weight=1.0), critic=critic) for name in ("wgangp", "zero_centered")
    ]
    assert abs(both - sum(alone)) > 1e-4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"penalty": "r1+r1", "penalty_weight": 1.0}, "penalty='r1.r1' has 'r1' twice"),
        ({"penalty": "none+r1", "penalty_weight": 1.0}, "penalty='none.r1' has 'none' beside others"),
        ({"penalty": "r1+r3", "penalty_weight": 1.0}, "unknown penalty 'r3'"),
        ({"penalty": "r1+l2", "r1_weight": 1.0}, "penalty='l2.r1' needs a penalty_weight|penalty='r1.l2' needs a"),
        ({"penalty": "r1", "penalty_weight": 1.0, "l2_weight": 1.0}, "l2_weight=1.0 means nothing with penalty='r1'"),
        ({"penalty": "r1", "penalty_weight": 1.0, "l2_every": 2}, "l2_every=2 means nothing with penalty='r1'"),
        (
            {"penalty": "r1", "penalty_weight": 1.0, "r1_weight": 1.0},
            "penalty_weight=1.0 means nothing with penalty=.r1.*own: r1_weight",
        ),
        ({"penalty": "r1", "r1_weight": -1.0}, "r1_weight=-1.0 is outside"),
    ],
)
def test_a_set_of_penalties_that_means_nothing_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        Config(**settings)


def test_a_penalty_that_is_registered_from_outside_shares_the_weight_of_the_set(monkeypatch):
    monkeypatch.setitem(PENALTIES, "two", lambda critic, kernels, real, fake, key: jnp.asarray(2.0))
    config = Config(
        penalty="two+l2", penalty_weight=3.0, l2_weight=1.0, penalty_schedule="linear", penalty_images=100.0
    )
    np.testing.assert_allclose(penalties_of(config), 3.0 * 2.0 + 15.0)
    np.testing.assert_allclose(penalties_of(scheduled(config, jnp.float32(50.0))), (3.0 * 2.0 + 15.0) / 2.0)


def test_a_set_of_penalties_is_one_config_in_any_order():
    one, other = (Config(penalty=names, penalty_weight=1.0, l2_weight=2.0) for names in ("r1+l2", "l2+r1"))
    assert one == other and one.identity() == other.identity()


def test_a_hold_is_the_weighted_squared_distance_and_nothing_without_history():
    config = Config(historical_averaging="squared_distance", historical_weight=0.5)
    params, mean = {"a": REAL, "b": FAKE}, {"a": REAL + 2.0, "b": FAKE}
    np.testing.assert_allclose(historical_penalty(config, params, (mean,)), 0.5 * 4.0 * REAL.size, rtol=1e-5)
    assert historical_penalty(Config(), params, ()) == 0.0
