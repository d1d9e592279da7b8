import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.losses import LOSSES

REAL = np.array([-2.5, -0.3, 0.0, 0.7, 1.5, 4.0])
FAKE = np.array([-3.0, -1.0, -0.2, 0.0, 0.4, 2.0])


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def cross_entropy(real, fake):
    return -np.mean(np.log(sigmoid(real))) - np.mean(np.log(1.0 - sigmoid(fake)))


# The formulas of the papers, with probabilities where they have probabilities.
FORMULAS = {
    "non_saturating": (cross_entropy, lambda fake: -np.mean(np.log(sigmoid(fake)))),
    "minimax": (cross_entropy, lambda fake: np.mean(np.log(1.0 - sigmoid(fake)))),
    "least_squares": (
        lambda real, fake: 0.5 * (np.mean((sigmoid(real) - 1.0) ** 2) + np.mean(sigmoid(fake) ** 2)),
        lambda fake: 0.5 * np.mean((sigmoid(fake) - 1.0) ** 2),
    ),
    "wasserstein": (lambda real, fake: np.mean(fake) - np.mean(real), lambda fake: -np.mean(fake)),
    "hinge": (
        lambda real, fake: np.mean(np.maximum(0.0, 1.0 - real)) + np.mean(np.maximum(0.0, 1.0 + fake)),
        lambda fake: -np.mean(fake),
    ),
}

# (discriminator, generator) where the discriminator cannot tell, all logits 0: D is 1/2 everywhere.
UNDECIDED = {
    "non_saturating": (np.log(4.0), np.log(2.0)),
    "minimax": (np.log(4.0), -np.log(2.0)),
    "least_squares": (0.25, 0.125),
    "wasserstein": (0.0, 0.0),
    "hinge": (2.0, 0.0),
}


def test_every_loss_has_a_formula_and_a_known_value(loss):
    assert loss in FORMULAS
    assert loss in UNDECIDED


def test_discriminator_loss_equals_its_formula(loss):
    ours = LOSSES[loss].discriminator(jnp.float32(REAL), jnp.float32(FAKE))
    np.testing.assert_allclose(ours, FORMULAS[loss][0](REAL, FAKE), rtol=1e-6)


def test_generator_loss_equals_its_formula(loss):
    ours = LOSSES[loss].generator(jnp.float32(FAKE))
    np.testing.assert_allclose(ours, FORMULAS[loss][1](FAKE), rtol=1e-6)


def test_value_where_the_discriminator_cannot_tell(loss):
    undecided = jnp.zeros(8)
    discriminator, generator = UNDECIDED[loss]
    np.testing.assert_allclose(LOSSES[loss].discriminator(undecided, undecided), discriminator, rtol=1e-6)
    np.testing.assert_allclose(LOSSES[loss].generator(undecided), generator, rtol=1e-6)


def test_losses_are_scalars(loss):
    assert LOSSES[loss].discriminator(jnp.float32(REAL), jnp.float32(FAKE)).shape == ()
    assert LOSSES[loss].generator(jnp.float32(FAKE)).shape == ()


@pytest.mark.parametrize("size", [1.0, 90.0, 2e4])
def test_values_and_gradients_are_finite_for_large_logits(loss, size):
    high, low = jnp.full(4, size), jnp.full(4, -size)
    for real, fake in [(high, low), (low, high), (high, high), (low, low)]:
        value, gradients = jax.value_and_grad(LOSSES[loss].discriminator, argnums=(0, 1))(real, fake)
        g_value, g_gradient = jax.value_and_grad(LOSSES[loss].generator)(fake)
        for each in (value, *gradients, g_value, g_gradient):
            assert np.isfinite(each).all()


def test_cross_entropy_of_a_confident_error_is_its_logit():
    """softplus(x) = x for large x: the logarithm of a rounded sigmoid would be infinite."""
    wrong = LOSSES["non_saturating"].discriminator(jnp.full(4, -2e4), jnp.full(4, 2e4))
    np.testing.assert_allclose(wrong, 4e4, rtol=1e-6)
    np.testing.assert_allclose(LOSSES["non_saturating"].generator(jnp.full(4, -2e4)), 2e4, rtol=1e-6)
    np.testing.assert_allclose(LOSSES["minimax"].generator(jnp.full(4, 2e4)), -2e4, rtol=1e-6)


def test_discriminator_raises_real_and_lowers_fake(loss):
    """Where no loss is saturated, descent moves real logits up and fake logits down."""
    logits = jnp.linspace(-0.9, 0.9, 7)
    real, fake = jax.grad(LOSSES[loss].discriminator, argnums=(0, 1))(logits, logits)
    assert (real < 0.0).all()
    assert (fake > 0.0).all()


def test_generator_raises_fake(loss):
    assert (jax.grad(LOSSES[loss].generator)(jnp.linspace(-0.9, 0.9, 7)) < 0.0).all()


def test_non_saturating_and_minimax_differ_in_the_generator_alone():
    non_saturating, minimax = LOSSES["non_saturating"], LOSSES["minimax"]
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    assert non_saturating.discriminator(real, fake) == minimax.discriminator(real, fake)
    assert non_saturating.generator(fake) != minimax.generator(fake)


def test_minimax_generator_saturates_where_the_non_saturating_one_does_not():
    rejected = jnp.array([-10.0])
    assert abs(jax.grad(LOSSES["minimax"].generator)(rejected)[0]) < 1e-4
    assert abs(jax.grad(LOSSES["non_saturating"].generator)(rejected)[0]) > 0.99


def test_minimax_is_a_zero_sum_game_in_the_fake_logits():
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    discriminator = jax.grad(LOSSES["minimax"].discriminator, argnums=1)(real, fake)
    np.testing.assert_allclose(jax.grad(LOSSES["minimax"].generator)(fake), -discriminator, rtol=1e-6)
