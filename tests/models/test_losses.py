import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special

from ganscape.models.divergences import DIVERGENCES
from ganscape.models.losses import LOSSES

REAL = np.array([-2.5, -0.3, 0.0, 0.7, 1.5, 4.0])
FAKE = np.array([-3.0, -1.0, -0.2, 0.0, 0.4, 2.0])


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def cross_entropy(real, fake):
    return -np.mean(np.log(sigmoid(real))) - np.mean(np.log(1.0 - sigmoid(fake)))


def softplus(x):
    return np.logaddexp(0.0, x)


def over_mean(one, other):
    return one - np.mean(other)


def relativistic_average(term_of_real, term_of_fake):
    """Both players' formulas, the generator's with the two kinds exchanged."""

    def value(real, fake):
        return np.mean(term_of_real(over_mean(real, fake))) + np.mean(term_of_fake(over_mean(fake, real)))

    return value, lambda real, fake: value(fake, real)


def saddle_point(output, conjugate):
    """Nowozin et al. 2016, equation 6, by g and f* as tables 2 and 6 have them."""
    return (
        lambda real, fake: np.mean(conjugate(output(fake))) - np.mean(output(real)),
        lambda real, fake: -np.mean(conjugate(output(fake))),
    )


# The formulas of the papers, with probabilities where they have probabilities.
FORMULAS = {
    "non_saturating": (cross_entropy, lambda real, fake: -np.mean(np.log(sigmoid(fake)))),
    "minimax": (cross_entropy, lambda real, fake: np.mean(np.log(1.0 - sigmoid(fake)))),
    "feature_matching": (cross_entropy, lambda real, fake: (np.mean(real) - np.mean(fake)) ** 2),
    "least_squares": (
        lambda real, fake: 0.5 * (np.mean((sigmoid(real) - 1.0) ** 2) + np.mean(sigmoid(fake) ** 2)),
        lambda real, fake: 0.5 * np.mean((sigmoid(fake) - 1.0) ** 2),
    ),
    "wasserstein": (lambda real, fake: np.mean(fake) - np.mean(real), lambda real, fake: -np.mean(fake)),
    "hinge": (
        lambda real, fake: np.mean(np.maximum(0.0, 1.0 - real)) + np.mean(np.maximum(0.0, 1.0 + fake)),
        lambda real, fake: -np.mean(fake),
    ),
    "least_squares_logits": (
        lambda real, fake: 0.5 * (np.mean((real - 1.0) ** 2) + np.mean(fake**2)),
        lambda real, fake: 0.5 * np.mean((fake - 1.0) ** 2),
    ),
    "relativistic": (
        lambda real, fake: -np.mean(np.log(sigmoid(real - fake))),
        lambda real, fake: -np.mean(np.log(sigmoid(fake - real))),
    ),
    "relativistic_average": relativistic_average(
        lambda real: -np.log(sigmoid(real)), lambda fake: -np.log(1.0 - sigmoid(fake))
    ),
    "relativistic_average_least_squares": relativistic_average(
        lambda real: (real - 1.0) ** 2, lambda fake: (fake + 1.0) ** 2
    ),
    "relativistic_average_hinge": relativistic_average(
        lambda real: np.maximum(0.0, 1.0 - real), lambda fake: np.maximum(0.0, 1.0 + fake)
    ),
    "kl": saddle_point(lambda v: v, lambda t: np.exp(t - 1.0)),
    "reverse_kl": saddle_point(lambda v: -np.exp(-v), lambda t: -1.0 - np.log(-t)),
    "pearson": saddle_point(lambda v: v, lambda t: t**2 / 4.0 + t),
    "squared_hellinger": saddle_point(lambda v: 1.0 - np.exp(-v), lambda t: t / (1.0 - t)),
    "jensen_shannon": saddle_point(lambda v: np.log(2.0 * sigmoid(v)), lambda t: -np.log(2.0 - np.exp(t))),
    "total_variation": saddle_point(lambda v: 0.5 * np.tanh(v), lambda t: t),
}

# (discriminator, generator) where the discriminator cannot tell, all logits 0: D is 1/2 everywhere.
UNDECIDED = {
    "non_saturating": (np.log(4.0), np.log(2.0)),
    "minimax": (np.log(4.0), -np.log(2.0)),
    "feature_matching": (np.log(4.0), 0.0),
    "least_squares": (0.25, 0.125),
    "wasserstein": (0.0, 0.0),
    "hinge": (2.0, 0.0),
    "least_squares_logits": (0.5, 0.5),
    "relativistic": (np.log(2.0), np.log(2.0)),
    "relativistic_average": (np.log(4.0), np.log(4.0)),
    "relativistic_average_least_squares": (2.0, 2.0),
    "relativistic_average_hinge": (2.0, 2.0),
    "kl": (np.exp(-1.0), -np.exp(-1.0)),
    "reverse_kl": (0.0, 1.0),
    "pearson": (0.0, 0.0),
    "squared_hellinger": (0.0, 0.0),
    "jensen_shannon": (0.0, 0.0),
    "total_variation": (0.0, 0.0),
}
RELATIVISTIC = sorted(name for name in LOSSES if name.startswith("relativistic"))
OF_LOGITS = sorted(name for name, loss in LOSSES.items() if not loss.generator_sees_features)
TARGETED = sorted(name for name, loss in LOSSES.items() if loss.targeted)


def test_every_loss_has_a_formula_and_a_known_value(loss):
    assert loss in FORMULAS
    assert loss in UNDECIDED


def test_discriminator_loss_equals_its_formula(loss):
    ours = LOSSES[loss].discriminator(jnp.float32(REAL), jnp.float32(FAKE))
    np.testing.assert_allclose(ours, FORMULAS[loss][0](REAL, FAKE), rtol=1e-6)


def test_generator_loss_equals_its_formula(loss):
    ours = LOSSES[loss].generator(jnp.float32(REAL), jnp.float32(FAKE))
    np.testing.assert_allclose(ours, FORMULAS[loss][1](REAL, FAKE), rtol=1e-6)


def test_value_where_the_discriminator_cannot_tell(loss):
    undecided = jnp.zeros(8)
    discriminator, generator = UNDECIDED[loss]
    np.testing.assert_allclose(LOSSES[loss].discriminator(undecided, undecided), discriminator, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(LOSSES[loss].generator(undecided, undecided), generator, rtol=1e-6, atol=1e-7)


def test_losses_are_scalars(loss):
    assert LOSSES[loss].discriminator(jnp.float32(REAL), jnp.float32(FAKE)).shape == ()
    assert LOSSES[loss].generator(jnp.float32(REAL), jnp.float32(FAKE)).shape == ()


def test_values_and_gradients_are_finite_for_large_logits(loss):
    """Batches of four equal logits, high and low ones of three sizes for real images, and for generated ones."""
    pairs = [(real * size, fake * size) for size in (1.0, 90.0, 2e4) for real in (-1.0, 1.0) for fake in (-1.0, 1.0)]
    real, fake = (jnp.repeat(jnp.array(logits)[:, None], 4, axis=1) for logits in zip(*pairs, strict=True))
    value, gradients = jax.vmap(jax.value_and_grad(LOSSES[loss].discriminator, argnums=(0, 1)))(real, fake)
    g_value, g_gradient = jax.vmap(jax.value_and_grad(LOSSES[loss].generator, argnums=1))(real, fake)
    for each in (value, *gradients, g_value, g_gradient):
        assert len(each) == 12 and np.isfinite(each).all()


def test_cross_entropy_of_a_confident_error_is_its_logit():
    """softplus(x) = x for large x: the logarithm of a rounded sigmoid would be infinite."""
    wrong = LOSSES["non_saturating"].discriminator(jnp.full(4, -2e4), jnp.full(4, 2e4))
    np.testing.assert_allclose(wrong, 4e4, rtol=1e-6)
    np.testing.assert_allclose(LOSSES["non_saturating"].generator(None, jnp.full(4, -2e4)), 2e4, rtol=1e-6)
    np.testing.assert_allclose(LOSSES["minimax"].generator(None, jnp.full(4, 2e4)), -2e4, rtol=1e-6)


def test_discriminator_raises_real_and_lowers_fake(loss):
    """Where no loss is saturated, descent moves real logits up and fake logits down."""
    logits = jnp.linspace(0.1, 0.9, 7)
    real, fake = jax.grad(LOSSES[loss].discriminator, argnums=(0, 1))(logits, logits)
    assert (real < 0.0).all()
    assert (fake > 0.0).all()


@pytest.mark.parametrize("name", OF_LOGITS)
def test_generator_raises_fake(name):
    logits = jnp.linspace(-0.9, 0.9, 7)
    assert (jax.grad(LOSSES[name].generator, argnums=1)(logits, logits) < 0.0).all()


def test_a_generator_that_sees_no_real_images_needs_none(loss):
    real = jnp.float32(REAL)
    gradient = jax.grad(LOSSES[loss].generator)(real, jnp.float32(FAKE))
    assert (gradient != 0.0).any() == LOSSES[loss].generator_sees_real
    if not LOSSES[loss].generator_sees_real:
        assert np.isfinite(LOSSES[loss].generator(None, jnp.float32(FAKE)))


def test_non_saturating_and_minimax_differ_in_the_generator_alone():
    non_saturating, minimax = LOSSES["non_saturating"], LOSSES["minimax"]
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    assert non_saturating.discriminator(real, fake) == minimax.discriminator(real, fake)
    assert non_saturating.generator(real, fake) != minimax.generator(real, fake)


def test_minimax_generator_saturates_where_the_non_saturating_one_does_not():
    rejected = jnp.array([-10.0])
    assert abs(jax.grad(LOSSES["minimax"].generator, argnums=1)(None, rejected)[0]) < 1e-4
    assert abs(jax.grad(LOSSES["non_saturating"].generator, argnums=1)(None, rejected)[0]) > 0.99


def test_minimax_is_a_zero_sum_game_in_the_fake_logits():
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    discriminator = jax.grad(LOSSES["minimax"].discriminator, argnums=1)(real, fake)
    np.testing.assert_allclose(jax.grad(LOSSES["minimax"].generator, argnums=1)(real, fake), -discriminator, rtol=1e-6)


# Targets


@pytest.mark.parametrize("name", TARGETED)
@pytest.mark.parametrize("size", [1.0, 30.0, 2e4])
def test_targets_of_1_and_0_are_the_discriminator_s_loss_exactly(name, size):
    real, fake = jnp.float32(np.random.default_rng(1).uniform(-size, size, (2, 8)))
    loss = LOSSES[name]

    def by_targets(real, fake):
        return jnp.mean(loss.targeted(real, jnp.ones(8))) + jnp.mean(loss.targeted(fake, jnp.zeros(8)))

    value, gradients = jax.value_and_grad(by_targets, argnums=(0, 1))(real, fake)
    expected, slopes = jax.value_and_grad(loss.discriminator, argnums=(0, 1))(real, fake)
    assert value == expected
    np.testing.assert_array_equal(gradients, slopes)


@pytest.mark.parametrize("name", TARGETED)
@pytest.mark.parametrize("target", [0.1, 0.5, 0.9])
def test_a_target_is_where_the_best_output_is(name, target):
    """The logit itself in `least_squares_logits`, its sigmoid in the others."""
    best = target if name == "least_squares_logits" else special.logit(target)
    logits, targets = jnp.float32(best + np.array([-0.5, 0.0, 0.5])), jnp.full(3, target)
    losses = LOSSES[name].targeted(logits, targets)
    slopes = jax.grad(lambda x: jnp.sum(LOSSES[name].targeted(x, targets)))(logits)
    assert losses.shape == (3,)
    assert losses[1] < min(losses[0], losses[2])
    np.testing.assert_allclose(slopes[1], 0.0, atol=1e-6)


# Feature matching


def test_feature_matching_is_the_squared_distance_of_mean_features():
    real, fake = np.random.default_rng(2).normal(size=(2, 6, 4))
    expected = np.linalg.norm(real.mean(0) - fake.mean(0)) ** 2
    value = LOSSES["feature_matching"].generator(jnp.float32(real), jnp.float32(fake))
    assert value.shape == ()
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_feature_matching_moves_generated_features_towards_the_mean_of_real_ones():
    real, fake = jnp.float32(np.random.default_rng(3).normal(size=(2, 6, 4)))
    slopes = jax.grad(LOSSES["feature_matching"].generator, argnums=1)(real, fake)
    towards = jnp.mean(real, 0) - jnp.mean(fake, 0)
    np.testing.assert_allclose(slopes, jnp.broadcast_to(-2.0 / 6.0 * towards, (6, 4)), rtol=1e-5, atol=1e-6)


# Relativistic losses


@pytest.mark.parametrize("name", RELATIVISTIC)
def test_relativistic_players_differ_in_who_is_real(name):
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    assert LOSSES[name].generator(real, fake) == LOSSES[name].discriminator(fake, real)


@pytest.mark.parametrize("name", RELATIVISTIC)
@pytest.mark.parametrize("shift", [-5.0, 3.0])
def test_a_common_shift_of_all_logits_changes_no_relativistic_loss(name, shift):
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    for player in (LOSSES[name].discriminator, LOSSES[name].generator):
        np.testing.assert_allclose(player(real + shift, fake + shift), player(real, fake), rtol=1e-5)


def test_the_paired_loss_depends_on_the_pairs_and_the_average_ones_do_not():
    real, fake = jnp.float32(REAL), jnp.float32(FAKE)
    for name in RELATIVISTIC:
        ordered, mixed = (LOSSES[name].discriminator(real, each) for each in (fake, fake[::-1]))
        assert np.isclose(ordered, mixed, rtol=1e-5) == (name != "relativistic")


# f-divergences: P is N(0, 1), Q is N(0.5, 1.3^2). Table 1 of Nowozin et al. 2016 has f and its integral; the best v
# solves g(v) = f'(u), u = p / q.

F = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1.0) ** 2,
    "squared_hellinger": lambda u: (np.sqrt(u) - 1.0) ** 2,
    "jensen_shannon": lambda u: u * np.log(u) - (u + 1.0) * np.log((u + 1.0) / 2.0),
    "total_variation": lambda u: np.abs(u - 1.0) / 2.0,
}
BEST = {
    "kl": lambda u: 1.0 + np.log(u),
    "reverse_kl": np.log,
    "pearson": lambda u: 2.0 * (u - 1.0),
    "squared_hellinger": lambda u: np.log(u) / 2.0,
    "jensen_shannon": np.log,
    "total_variation": lambda u: 10.0 * np.sign(u - 1.0),
}
MEAN, WIDTH = 0.5, 1.3
X = np.linspace(-14.0, 14.0, 20_001)
P = np.exp(-(X**2) / 2.0) / np.sqrt(2.0 * np.pi)
Q = np.exp(-(((X - MEAN) / WIDTH) ** 2) / 2.0) / (WIDTH * np.sqrt(2.0 * np.pi))
OVERLAP = np.sqrt(2.0 * WIDTH / (1.0 + WIDTH**2)) * np.exp(-(MEAN**2) / (4.0 * (1.0 + WIDTH**2)))
KNOWN = {
    "kl": np.log(WIDTH) + (1.0 + MEAN**2) / (2.0 * WIDTH**2) - 0.5,
    "reverse_kl": -np.log(WIDTH) + (WIDTH**2 + MEAN**2) / 2.0 - 0.5,
    "squared_hellinger": 2.0 - 2.0 * OVERLAP,
    "jensen_shannon": np.trapezoid(special.rel_entr(P, (P + Q) / 2.0) + special.rel_entr(Q, (P + Q) / 2.0), X),
    "pearson": np.trapezoid(P**2 / Q, X) - 1.0,
    "total_variation": np.trapezoid(np.abs(P - Q), X) / 2.0,
}
each_divergence = pytest.mark.parametrize("name", sorted(DIVERGENCES))


def expected_loss(name, v):
    """The discriminator's loss for real images of P and generated ones of Q, in float64. It is a sum of a term of
    each kind, and a batch of one each is enough to tell them apart."""
    v, zeros = jnp.asarray(v)[:, None], jnp.zeros((len(v), 1))
    pairs = jax.vmap(LOSSES[name].discriminator)
    real, fake, neither = pairs(v, zeros), pairs(zeros, v), pairs(zeros, zeros)
    return np.trapezoid(P * np.asarray(real) + Q * np.asarray(fake), X) - float(neither[0])


@each_divergence
def test_the_best_discriminator_s_loss_is_minus_the_divergence(name, double):
    np.testing.assert_allclose(np.trapezoid(Q * F[name](P / Q), X), KNOWN[name], rtol=1e-5)
    np.testing.assert_allclose(-expected_loss(name, BEST[name](P / Q)), KNOWN[name], rtol=1e-5)


@each_divergence
def test_every_other_discriminator_bounds_the_divergence_from_below(name, double):
    best = BEST[name](P / Q)
    for v in (best + 10.0 * np.sin(X), 0.1 * best, best - 10.0, np.zeros_like(X)):
        assert -expected_loss(name, v) < KNOWN[name] - 1e-6


@each_divergence
def test_one_distribution_is_at_no_divergence_from_itself(name):
    v = jnp.full(4, BEST[name](1.0), jnp.float32)
    np.testing.assert_allclose(LOSSES[name].discriminator(v, v), 0.0, atol=1e-6)


@each_divergence
@pytest.mark.parametrize("v", [-1.5, -0.2, 0.0, 0.7, 1.9])
def test_the_conjugate_is_the_largest_gap_between_a_line_and_f(name, v, double):
    """f*(t) = sup of u t - f(u) over u > 0, searched numerically."""
    t = float(DIVERGENCES[name].output(jnp.float64(v)))
    found = optimize.minimize_scalar(
        lambda log_u: F[name](np.exp(log_u)) - t * np.exp(log_u),
        bounds=(-12.0, 8.0),
        method="bounded",
        options={"xatol": 1e-9},
    )
    np.testing.assert_allclose(DIVERGENCES[name].conjugate(jnp.float64(v)), -found.fun, rtol=1e-4, atol=1e-4)


def test_exponentials_become_lines_only_where_they_would_soon_overflow():
    logits = jnp.array([-5.0, 0.0, 29.0])
    np.testing.assert_allclose(DIVERGENCES["kl"].conjugate(logits + 1.0), np.exp(np.float64(logits)), rtol=1e-5)
    slope = jax.grad(DIVERGENCES["kl"].conjugate)
    assert slope(2e4) == slope(40.0) == np.exp(np.float32(30.0))
