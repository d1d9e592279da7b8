import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.penalties import PENALTIES

SHAPE = (16, 4, 3, 2)


@pytest.fixture
def real():
    return jnp.asarray(np.random.default_rng(0).uniform(0.0, 1.0, SHAPE), jnp.float32)


@pytest.fixture
def fake():
    return jnp.asarray(np.random.default_rng(1).uniform(0.0, 1.0, SHAPE), jnp.float32)


def linear(weights):
    return lambda images: jnp.tensordot(images, weights, 3)


def weights_of_norm(norm):
    draws = np.random.default_rng(2).normal(size=SHAPE[1:])
    return jnp.asarray(norm * draws / np.sqrt(np.sum(draws**2)), jnp.float32)


def tiny_network(params, images):
    hidden = jax.nn.leaky_relu(images.reshape(images.shape[0], -1) @ params["in"] + params["bias"], 0.2)
    return jnp.tanh(hidden) @ params["out"]


def tiny_params(scale):
    rng = np.random.default_rng(3)
    inputs = int(np.prod(SHAPE[1:]))
    drawn = {"in": rng.normal(size=(inputs, 5)), "bias": rng.normal(size=5), "out": rng.normal(size=5)}
    return jax.tree.map(lambda x: jnp.asarray(scale * x, jnp.float32), drawn)


def test_a_penalty_is_a_finite_scalar_of_at_least_zero(penalty, real, fake):
    params = tiny_params(1.0)
    value = PENALTIES[penalty](lambda x: tiny_network(params, x), real, fake, jax.random.key(0))
    assert value.shape == ()
    assert np.isfinite(value)
    assert value >= 0.0


@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_parameter_gradients_are_finite(penalty, real, fake, scale):
    """At scale 0 the critic is constant: the gradient of a bare norm at zero would be NaN."""

    def objective(params):
        return PENALTIES[penalty](lambda x: tiny_network(params, x), real, fake, jax.random.key(0))

    for gradient in jax.tree.leaves(jax.grad(objective)(tiny_params(scale))):
        assert np.isfinite(gradient).all()


def test_a_penalty_is_a_function_of_its_key(penalty, real, fake):
    params = tiny_params(1.0)

    def value(seed):
        return PENALTIES[penalty](lambda x: tiny_network(params, x), real, fake, jax.random.key(seed))

    assert value(0) == value(0)
    assert penalty == "none" or value(0) != value(1)


def test_none_is_zero(real, fake):
    assert PENALTIES["none"](linear(weights_of_norm(7.0)), real, fake, jax.random.key(0)) == 0.0


@pytest.mark.parametrize("norm", [0.1, 0.9, 1.0, 3.0])
def test_wgangp_of_a_linear_critic(real, fake, norm):
    """The gradient of w.x is w at every image, so the slope is sqrt(1e-4 + |w|^2)."""
    value = PENALTIES["wgangp"](linear(weights_of_norm(norm)), real, fake, jax.random.key(0))
    np.testing.assert_allclose(value, (np.sqrt(1e-4 + norm**2) - 1.0) ** 2, rtol=1e-5, atol=1e-8)


def test_wgangp_of_a_constant_critic(real, fake):
    """(0.01 - 1)^2, not 1: the slope of a zero gradient counts as 0.01."""
    value = PENALTIES["wgangp"](lambda x: jnp.full(x.shape[0], 3.0), real, fake, jax.random.key(0))
    np.testing.assert_allclose(value, 0.9801, rtol=1e-6)


def test_wgangp_of_a_quadratic_critic(real):
    """With fake = real there is one point per image, and the gradient of |x|^2 / 2 is x there."""
    value = PENALTIES["wgangp"](lambda x: 0.5 * jnp.sum(x**2, (1, 2, 3)), real, real, jax.random.key(0))
    slopes = np.sqrt(1e-4 + np.sum(np.float64(real) ** 2, (1, 2, 3)))
    np.testing.assert_allclose(value, np.mean((slopes - 1.0) ** 2), rtol=1e-5)


def test_wgangp_looks_at_one_uniform_point_between_each_pair():
    seen = []

    def recording(images):
        jax.debug.callback(lambda points: seen.append(np.asarray(points)), images)
        return jnp.sum(images, (1, 2, 3))

    real, fake = np.random.default_rng(4).uniform(0.0, 1.0, (2, 400, 3, 2, 1)).astype(np.float32)
    PENALTIES["wgangp"](recording, jnp.asarray(real), jnp.asarray(fake), jax.random.key(0))
    jax.effects_barrier()
    (points,) = seen
    fractions = np.median((points - real) / (fake - real), axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(points, real + fractions * (fake - real), atol=1e-5)
    assert (fractions > -1e-4).all()
    assert (fractions < 1.0 + 1e-4).all()
    # five standard errors of the mean and of the variance of 400 uniform draws
    assert abs(fractions.mean() - 1.0 / 2.0) < 5.0 * np.sqrt(1.0 / 12.0 / 400.0)
    assert abs(fractions.var() - 1.0 / 12.0) < 5.0 * np.sqrt(1.0 / 180.0 / 400.0)
