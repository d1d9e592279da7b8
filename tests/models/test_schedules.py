"""Schedules against Optax, PyTorch and the formula of R3GAN's code, and in training."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganscape.models import Config, ConfigError, gan
from ganscape.models.averaging import AVERAGINGS
from ganscape.models.optimizers import OPTIMIZERS
from ganscape.models.schedules import SCHEDULES, ema_half_life, scheduled

LENGTH = 1000.0
SEEN = np.array([0, 1, 64, 250, 500, 999, 1000, 1001, 5000], np.float32)
OPTAX = {
    "constant": lambda initial, final: optax.constant_schedule(initial),
    "linear": lambda initial, final: optax.linear_schedule(initial, final, LENGTH),
    "cosine": lambda initial, final: optax.cosine_decay_schedule(initial, LENGTH, alpha=final / initial),
    "exponential": lambda initial, final: optax.exponential_decay(initial, LENGTH, 0.5),
}


def moving(quantity, schedule, **numbers):
    """The settings of a schedule of this quantity; without numbers if it is constant."""
    if schedule == "constant":
        return {}
    return {f"{quantity}_schedule": schedule, f"{quantity}_images": LENGTH} | numbers


def learning_rates(**settings):
    """Both learning rates after SEEN images, [2, images]."""
    config = Config.from_dict({"g_lr": 1e-3, "d_lr": 4e-3} | settings)
    current = jax.jit(jax.vmap(scheduled, (None, 0)))(config, SEEN)
    return np.stack(np.broadcast_arrays(current.g_lr, current.d_lr))[:, : len(SEEN)]


def r3gan(seen, base_value, final_value):
    """`cosine_decay_with_warmup` of brownvc/R3GAN, training/training_loop.py, without warm-up."""
    decay = 0.5 * (1 + np.cos(np.pi * np.float64(seen) / LENGTH))
    return np.where(seen > LENGTH, final_value, base_value + (1 - decay) * (final_value - base_value))


# With a final value Optax's exponential decay stops there, where this one approaches it.
SHARES = [
    (schedule, share) for schedule in SCHEDULES for share in ((0.0,) if schedule == "exponential" else (0.0, 0.25))
]


@pytest.mark.parametrize(("schedule", "share"), SHARES)
def test_learning_rates_are_those_of_optax(schedule, share):
    rates = learning_rates(**moving("learning_rate", schedule, learning_rate_final=share))
    expected = [[float(OPTAX[schedule](base, share * base)(seen)) for seen in SEEN] for base in (1e-3, 4e-3)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-5 * 1e-3)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_warm_up_and_cosine_are_those_of_optax(share):
    warm = {"warmup": "linear", "warmup_images": 300.0}
    rates = learning_rates(**warm, **moving("learning_rate", "cosine", learning_rate_final=share))
    theirs = optax.warmup_cosine_decay_schedule(0.0, 1e-3, 300, int(LENGTH), share * 1e-3)
    np.testing.assert_allclose(rates[0], [float(theirs(seen)) for seen in SEEN], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(rates[1], 4.0 * rates[0], rtol=1e-6)


@pytest.mark.parametrize(("schedule", "length"), [("constant", LENGTH), ("linear", 700.0), ("exponential", LENGTH)])
def test_warm_up_comes_before_every_schedule(schedule, length):
    """The lengths that end include it; a half-life begins after it."""
    rates = learning_rates(warmup="linear", warmup_images=300.0, **moving("learning_rate", schedule))
    rest = {
        "constant": optax.constant_schedule(1e-3),
        "linear": optax.linear_schedule(1e-3, 0.0, length),
        "exponential": optax.exponential_decay(1e-3, length, 0.5),
    }[schedule]
    theirs = optax.join_schedules([optax.linear_schedule(0.0, 1e-3, 300), rest], [300])
    np.testing.assert_allclose(rates[0], [float(theirs(seen)) for seen in SEEN], rtol=1e-5, atol=1e-8)


def test_beta2_penalty_and_half_life_are_those_of_r3gan():
    """Numbers of its preset for CIFAR-10, but for the length."""
    config = Config.from_dict(
        {"penalty": "r1+r2", "penalty_weight": 0.05, "beta2": 0.9, "averaging": "ema_half_life"}
        | moving("penalty", "cosine", penalty_final=0.1)
        | moving("beta2", "cosine", beta2_final=0.99)
        | moving("ema", "cosine", ema_half_life=5e6)
    )
    current = jax.vmap(scheduled, (None, 0))(config, SEEN)
    np.testing.assert_allclose(current.penalty_weight, r3gan(SEEN, 0.05, 0.005), rtol=1e-5)
    np.testing.assert_allclose(current.beta2, r3gan(SEEN, 0.9, 0.99), rtol=1e-5)
    half_lives = jax.vmap(ema_half_life, (None, 0))(config, SEEN)
    np.testing.assert_allclose(half_lives, r3gan(SEEN, 0.0, 5e6), rtol=1e-5, atol=1.0)


def test_a_linear_half_life_is_the_ramp_up_of_stylegan2_ada():
    """min(ema_nimg, cur_nimg * ema_rampup), training/training_loop.py of NVlabs/stylegan2-ada-pytorch."""
    config = Config(averaging="ema_half_life", ema_half_life=50.0, ema_schedule="linear", ema_images=50.0 / 0.05)
    half_lives = jax.vmap(ema_half_life, (None, 0))(config, SEEN)
    np.testing.assert_allclose(half_lives, np.minimum(50.0, SEEN * 0.05), rtol=1e-5, atol=1e-5)


def test_half_of_an_average_is_gone_after_a_half_life_whatever_the_batch_size():
    for batch_size, disc_iters in ((10, 1), (5, 2), (50, 2)):
        config = Config(averaging="ema_half_life", ema_half_life=200.0, batch_size=batch_size, disc_iters=disc_iters)
        average = jnp.ones(())
        for count in range(1, 200 // (batch_size * disc_iters) + 1):
            average = AVERAGINGS["ema_half_life"](config, average, jnp.zeros(()), count)
        np.testing.assert_allclose(average, 0.5, rtol=1e-5)


def test_an_average_whose_half_life_rises_from_0_starts_at_the_first_weights_that_were_trained():
    config = Config(averaging="ema_half_life", ema_half_life=200.0, ema_schedule="linear", ema_images=1e4)
    average = AVERAGINGS["ema_half_life"](config, jnp.full(3, 7.0), jnp.arange(3.0), 1)
    np.testing.assert_array_equal(average, [0.0, 1.0, 2.0])


def test_adam_with_a_moving_rate_and_beta2_is_pytorchs():
    torch = pytest.importorskip("torch")
    gradients = np.random.default_rng(0).normal(size=(12, 20))
    config = Config.from_dict(
        {"g_lr": 1e-2, "beta1": 0.0, "beta2": 0.9}
        | moving("learning_rate", "cosine", learning_rate_final=0.25)
        | moving("beta2", "cosine", beta2_final=0.99)
    )
    weights = torch.zeros(20, dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.Adam([weights], lr=1.0, betas=(0.0, 0.9), eps=1e-8)
    ours, moments = jnp.zeros(20), OPTIMIZERS["adam"](config, 1e-2).init(jnp.zeros(20))
    for number, gradient in enumerate(gradients):
        seen = 100.0 * number
        theirs.param_groups[0].update(lr=r3gan(seen, 1e-2, 2.5e-3), betas=(0.0, float(r3gan(seen, 0.9, 0.99))))
        weights.grad = torch.tensor(gradient)
        theirs.step()
        now = scheduled(config, jnp.float32(seen))
        updates, moments = OPTIMIZERS["adam"](now, now.g_lr).update(jnp.float32(gradient), moments, ours)
        ours = optax.apply_updates(ours, updates)
    np.testing.assert_allclose(ours, weights.detach().numpy(), rtol=1e-5, atol=1e-5)


def test_a_config_without_schedules_is_not_touched():
    """So its program, and all its scores, are what they were."""
    for config in (Config(), Config(penalty="r1", penalty_weight=1.0), Config(averaging="ema")):
        assert scheduled(config, jnp.float32(640.0)) is config


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_an_update_is_one_with_the_values_of_the_moment(player):
    """After 8 updates of 4 images, at 0.032 of the schedules."""
    small = {"architecture": "tiny", "batch_size": 4, "z_dim": 3, "penalty": "r1"}
    numbers = {"g_lr": 1e-2, "d_lr": 2e-2, "beta2": 0.9, "penalty_weight": 3.0}
    config = Config.from_dict(
        small | numbers | moving("learning_rate", "linear") | moving("beta2", "linear", beta2_final=0.5)
        | moving("penalty", "exponential")
    )  # fmt: skip
    left = 1.0 - 32.0 / LENGTH
    now = {"g_lr": 1e-2 * left, "d_lr": 2e-2 * left, "beta2": 0.5 + 0.4 * left, "penalty_weight": 3.0 * 0.5**0.032}
    plain = Config.from_dict(small | now)
    state = gan.init(config, (4, 4, 1), np.array([1, 2], np.uint32))._replace(updates=jnp.int32(8))
    rng = np.random.default_rng(0)
    real, z = rng.random((4, 4, 4, 1), np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    batch = gan.Batch(real, z, jax.random.key(0))
    networks = gan.build(config, (4, 4, 1))

    @jax.jit
    def updated(config):
        return getattr(getattr(gan, f"update_{player}")(config, networks, state, batch)[0], player)

    ours, theirs = updated(config), updated(plain)
    before = getattr(state, player)
    for old, one, other in zip(*(jax.tree.leaves(each.params) for each in (before, ours, theirs)), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * np.abs(np.asarray(one) - old).max() + 1e-9)
    # A constant config moves differently: the comparison above can fail.
    unscheduled = updated(Config.from_dict(small | numbers))
    moved = [np.abs(np.asarray(a) - b).max() for a, b in zip(*map(jax.tree.leaves, (ours, unscheduled)), strict=True)]
    assert max(moved) > 1e-5


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"learning_rate_schedule": "cosine"}, "learning_rate_schedule='cosine' needs a learning_rate_images"),
        (
            {"learning_rate_images": 5.0},
            "learning_rate_images=5.0 means nothing with learning_rate_schedule='constant'",
        ),
        ({"learning_rate_schedule": "cosign"}, "unknown learning_rate_schedule 'cosign'.*did you mean 'cosine'"),
        ({"penalty_schedule": "cosine", "penalty_images": 5.0}, "penalty_schedule='cosine' means nothing.*penalty"),
        (
            {"beta2_schedule": "linear", "optimizer": "sgd"},
            "beta2_schedule='linear' means nothing with optimizer='sgd'",
        ),
    ],
)
def test_a_schedule_that_means_nothing_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        Config.from_dict(settings)
