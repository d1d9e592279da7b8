import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganscape.models import Config, began, sampling
from ganscape.models.architectures.architecture import Networks
from ganscape.models.gan import NetworkState
from ganscape.models.latents import LATENTS

SHAPE = (4, 4, 1)
KEY = np.array([3, 4], np.uint32)
SMALL = {"family": "began", "architecture": "mlp", "batch_size": 4, "z_dim": 3}


def images_of(config, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 1.0, (config.disc_iters * config.batch_size, *SHAPE)).astype(np.float32)


# The balance, by hand


class Flat(nn.Module):
    """Makes images of one brightness, the mean of z."""

    @nn.compact
    def __call__(self, z, context):
        return jnp.broadcast_to(jnp.mean(z), (len(z), *SHAPE))


class Half(nn.Module):
    """Reconstructs half of each pixel, so that L is half the mean of an image."""

    @nn.compact
    def __call__(self, images, context):
        return 0.5 * images


def balanced(real, fake, k=0.0, **settings):
    """k after one update of it on images of these brightnesses, and the convergence measure."""
    nothing = NetworkState({}, {}, ())
    state = began.State(nothing, nothing, jnp.float32(k))
    config = Config.from_dict({**SMALL, **settings})
    batch, z = jnp.full((4, *SHAPE), real), jnp.full((4, 3), fake)
    state, convergence = began.update_balance(config, Networks(Flat(), Half()), state, batch, z)
    return float(state.k), float(convergence)


@pytest.mark.parametrize(
    ("real", "fake", "k", "gamma", "rate", "expected"),
    [
        (0.8, 0.2, 0.0, 0.5, 1.0, 0.5 * 0.4 - 0.1),
        (0.8, 0.2, 0.3, 0.75, 0.001, 0.3 + 0.001 * (0.75 * 0.4 - 0.1)),
        (0.8, 0.2, 0.0, 0.5, 20.0, 2.0),
        (0.2, 0.8, 0.25, 0.0, 10.0, -3.75),
        (0.8, 0.4, 0.5, 0.5, 10.0, 0.5),
        (1.0, 0.0, 0.0, 1.0, 1.0, 0.5),
    ],
)
def test_k_moves_by_the_imbalance(real, fake, k, gamma, rate, expected):
    """k + rate (gamma L(x) - L(G(z))) with L half the brightness; it may leave [0, 1] on either side."""
    settings = {"gamma": gamma, "k_learning_rate": rate}
    moved, convergence = balanced(real, fake, k, **settings)
    assert moved == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert convergence == pytest.approx(real / 2 + abs(gamma * real / 2 - fake / 2), rel=1e-5)
    held, _ = balanced(real, fake, k, **settings, k_range="zero_to_one")
    assert held == pytest.approx(min(max(expected, 0.0), 1.0), rel=1e-5, abs=1e-6)


def test_the_loss_is_the_mean_absolute_difference():
    one, other = np.random.default_rng(0).normal(size=(2, 5, 4, 3, 2))
    expected = np.abs(one - other).sum() / (5 * 4 * 3 * 2)
    assert began.reconstruction_loss(jnp.asarray(one), jnp.asarray(other)) == pytest.approx(expected, rel=1e-5)


def test_k_begins_at_zero_and_so_does_the_first_update_ignore_generated_images():
    config = Config.from_dict(SMALL)
    state = began.init(config, SHAPE, KEY)
    assert state.k == 0.0 and state.k.dtype == np.float32
    dark, bright = np.zeros((4, 3), np.float32), np.ones((4, 3), np.float32)
    networks = began.build(config, SHAPE)
    update = jax.jit(lambda state, z: began.update_discriminator(config, networks, state, images_of(config), z)[0])
    one, other, weighed = update(state, dark), update(state, bright), update(state._replace(k=np.float32(0.5)), bright)
    for a, b in zip(*(jax.tree.leaves(each.discriminator.params) for each in (one, other)), strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = (each.discriminator.params["Dense_0"]["kernel"] for each in (one, weighed))
    assert not np.array_equal(*kernels)


# A whole cycle against an implementation of its own


def dense(layer, x):
    return x @ layer["kernel"] + layer["bias"]


def leaky(x):
    return jnp.where(x > 0.0, x, 0.2 * x)


def normalised(layer, x):
    return layer["scale"] * (x - jnp.mean(x, 0)) / jnp.sqrt(jnp.var(x, 0) + 1e-5) + layer["bias"]


def probability(logits):
    return 1.0 / (1.0 + jnp.exp(-logits))


def reference_generator(params, z):
    x = leaky(normalised(params["norm0"], dense(params["Dense_0"], z)))
    x = leaky(normalised(params["norm1"], dense(params["Dense_1"], x)))
    return probability(dense(params["Dense_2"], x)).reshape(-1, *SHAPE)


def reference_loss(params, images):
    x = images.reshape(len(images), -1)
    x = leaky(dense(params["Dense_0"], x))
    x = leaky(normalised(params["norm_code"], dense(params["Dense_1"], x)))
    x = leaky(normalised(params["norm"], dense(params["Dense_2"], x)))
    return jnp.mean(jnp.abs(images - probability(dense(params["Dense_3"], x)).reshape(images.shape)))


def test_a_cycle_equals_an_independent_implementation(double):
    """Two discriminator steps, the generator's after the first and on its z, k after each, in float64.
    If it fails, training has changed for every stored result."""
    numbers = {"g_lr": 1e-3, "d_lr": 3e-3, "gamma": 0.6, "k_learning_rate": 5.0}
    config = Config.from_dict({**SMALL, "disc_iters": 2, "discriminator_normalization": "batch_norm", **numbers})
    start = double(began.init(config, SHAPE, KEY))._replace(k=np.float64(0.2))
    images, key = np.float64(images_of(config)), jax.random.key(0)
    state, logs = jax.jit(lambda state: began.step(config, state, images, key))(start)

    d, g, k = start.discriminator.params, start.generator.params, 0.2
    d_adam, g_adam = optax.adam(3e-3, b1=0.5, b2=0.999), optax.adam(1e-3, b1=0.5, b2=0.999)
    d_moments, g_moments, d_losses = d_adam.init(d), g_adam.init(g), []

    def apply(adam, params, moments, gradients):
        updates, moments = adam.update(gradients, moments)
        return optax.apply_updates(params, updates), moments

    apply_d, apply_g = (jax.jit(functools.partial(apply, adam)) for adam in (d_adam, g_adam))

    def d_loss(d, k, real, fake):
        return reference_loss(d, real) - k * reference_loss(d, fake)

    generated, measured = jax.jit(reference_generator), jax.jit(reference_loss)
    d_objective = jax.jit(jax.value_and_grad(d_loss))
    g_objective = jax.jit(jax.value_and_grad(lambda g, d, z: reference_loss(d, reference_generator(g, z))))
    for turn, (real, z) in enumerate(
        zip(images.reshape(2, 4, *SHAPE), LATENTS["uniform"].training(config, key, (2, 4, config.z_dim)), strict=True)
    ):
        loss, gradients = d_objective(d, k, real, generated(g, z))
        d, d_moments = apply_d(d, d_moments, gradients)
        d_losses.append(loss)
        if turn == 0:
            g_loss, gradients = g_objective(g, d, z)
            g, g_moments = apply_g(g, g_moments, gradients)
        real_loss, fake_loss = measured(d, real), measured(d, generated(g, z))
        k = k + 5.0 * (0.6 * real_loss - fake_loss)

    expected = {"d_loss": np.mean(d_losses), "g_loss": g_loss, "k": k}
    expected["convergence"] = real_loss + abs(0.6 * real_loss - fake_loss)
    assert logs.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(state.k, k, rtol=1e-9)
    for ours, theirs in ((state.discriminator.params, d), (state.generator.params, g)):
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    # The averages have seen every pass: two in each update of the discriminator and of k, one in the generator's.
    for player, passes in ((state.discriminator, 2 * 4 + 1), (state.generator, 2 * 2 + 1)):
        for norm in player.statistics.values():
            np.testing.assert_allclose(norm["weight"], 1.0 - 0.9**passes, rtol=1e-9)


@pytest.mark.parametrize("brightness", [0.0, 1.0])
def test_the_generator_learns_black_and_white(brightness):
    """Most of the way from grey; at saturated pixels everything stays finite. One program for both."""
    config = Config.from_dict({**SMALL, "batch_size": 16, "g_lr": 1e-2, "d_lr": 1e-2})
    images = np.full((16, *SHAPE), brightness, np.float32)
    state, logs, mean = _train(config, began.init(config, SHAPE, KEY), images, jax.random.key(0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state, logs)))
    assert abs(mean - brightness) < 0.1


@jax.jit
def _train(config, state, images, key):
    state, logs = jax.lax.scan(
        lambda state, key: began.step(config, state, images, key), state, jax.random.split(key, 200)
    )
    return state, logs, jnp.mean(sampling.sample(config, state, SHAPE, key, 64))
