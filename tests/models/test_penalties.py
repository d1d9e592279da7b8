import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.penalties import PENALTIES

SHAPE = (16, 4, 3, 2)
DRAWN = {"wgangp", "wgangp_one_sided", "zero_centered", "dragan", "dragan_v1", "dragan_v2"}  # from the key
OF_KERNELS = ("l2", "orthogonal")
TWO_SIDED = ("wgangp", "dragan", "dragan_v2")
KEY = jax.random.key(0)


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


def of_network(penalty, params, real, fake, key=KEY):
    kernels = [params["in"], params["out"][:, None]]
    return PENALTIES[penalty](lambda x: tiny_network(params, x), kernels, real, fake, key)


def of_critic(penalty, critic, real, fake):
    return PENALTIES[penalty](critic, [], real, fake, KEY)


def points_of(penalty, real, fake):
    """Where the penalty looks."""
    seen = []

    def recording(images):
        jax.debug.callback(lambda points: seen.append(np.asarray(points)), images)
        return jnp.sum(images, (1, 2, 3))

    of_critic(penalty, recording, jnp.asarray(real), jnp.asarray(fake))
    jax.effects_barrier()
    (points,) = seen
    return points


def assert_uniform(draws):
    """Mean and variance within five standard errors."""
    assert abs(draws.mean() - 1.0 / 2.0) < 5.0 * np.sqrt(1.0 / 12.0 / draws.size)
    assert abs(draws.var() - 1.0 / 12.0) < 5.0 * np.sqrt(1.0 / 180.0 / draws.size)
    assert (draws > -1e-4).all()
    assert (draws < 1.0 + 1e-4).all()


def test_values_are_at_least_zero_and_parameter_gradients_finite(penalty, real, fake):
    """At scale 0 the critic is constant: the gradient of a bare norm at zero would be NaN. Logits of up to 2e4 have
    slopes of that size: the sigmoid of `dragan_v1` is flat there."""
    critics = [tiny_params(scale) for scale in (0.0, 1.0, 100.0)]
    critics += [tiny_params(1.0) | {"out": jnp.full(5, logit)} for logit in (-1e4, 1e4)]
    assert all(1e4 < jnp.abs(tiny_network(params, real)).max() < 5e4 for params in critics[3:])
    slopes = jax.jit(jax.vmap(jax.value_and_grad(lambda params: of_network(penalty, params, real, fake))))
    values, gradients = slopes(jax.tree.map(lambda *leaves: np.stack(leaves), *critics))
    assert values.shape == (5,) and np.isfinite(values).all() and (values >= 0.0).all()
    for gradient in jax.tree.leaves(gradients):
        assert len(gradient) == 5 and np.isfinite(gradient).all()


def test_a_penalty_is_a_function_of_what_it_draws_from_its_key(penalty, real, fake):
    drawn = jax.jit(lambda key: of_network(penalty, tiny_params(1.0), real, fake, key))
    first, again, other = (drawn(jax.random.key(i)) for i in (0, 0, 1))
    assert first == again
    assert (first != other) == (penalty in DRAWN)


def test_none_is_zero(real, fake):
    assert of_critic("none", linear(weights_of_norm(7.0)), real, fake) == 0.0


# A linear critic, whose gradient is w at every image


@pytest.mark.parametrize("name", TWO_SIDED)
@pytest.mark.parametrize("norm", [0.1, 0.9, 1.0, 3.0])
def test_two_sided_penalties_of_a_linear_critic(name, real, fake, norm):
    """The slope is sqrt(1e-4 + |w|^2)."""
    value = of_critic(name, linear(weights_of_norm(norm)), real, fake)
    np.testing.assert_allclose(value, (np.sqrt(1e-4 + norm**2) - 1.0) ** 2, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(("norm", "expected"), [(0.1, 0.0), (0.99, 0.0), (3.0, (np.sqrt(9.0001) - 1.0) ** 2)])
def test_wgangp_one_sided_of_a_linear_critic(real, fake, norm, expected):
    value = of_critic("wgangp_one_sided", linear(weights_of_norm(norm)), real, fake)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


@pytest.mark.parametrize(("name", "factor"), [("r1", 0.5), ("r2", 0.5), ("zero_centered", 1.0)])
def test_zero_centered_penalties_of_a_linear_critic(name, factor, real, fake):
    value = of_critic(name, linear(weights_of_norm(3.0)), real, fake)
    np.testing.assert_allclose(value, factor * 9.0, rtol=1e-5)


@pytest.mark.parametrize("name", ["r1", "r2", "zero_centered", "wgangp_one_sided", *OF_KERNELS])
def test_penalties_that_a_constant_critic_pays_nothing_for(name, real, fake):
    zeros = [jnp.zeros((3, 2))]
    assert PENALTIES[name](lambda x: jnp.full(x.shape[0], 3.0), zeros, real, fake, KEY) == 0.0


@pytest.mark.parametrize("name", [*TWO_SIDED, "dragan_v1"])
def test_two_sided_penalties_of_a_constant_critic(name, real, fake):
    """(0.01 - 1)^2, not 1: the slope of a zero gradient counts as 0.01."""
    value = of_critic(name, lambda x: jnp.full(x.shape[0], 3.0), real, fake)
    np.testing.assert_allclose(value, 0.9801, rtol=1e-6)


@pytest.mark.parametrize("logit", [0.0, 2.0])
def test_dragan_v1_is_of_the_sigmoid_output(real, fake, logit):
    """A critic that is `logit` everywhere, yet of gradient w: the sigmoid's is s (1 - s) w."""
    weights, probability = weights_of_norm(8.0), 1.0 / (1.0 + np.exp(-logit))

    def critic(images):
        return logit + linear(weights)(images - jax.lax.stop_gradient(images))

    slope = np.sqrt(1e-4 + (probability * (1.0 - probability) * 8.0) ** 2)
    np.testing.assert_allclose(of_critic("dragan_v1", critic, real, fake), (slope - 1.0) ** 2, rtol=1e-5)


# A quadratic critic |x|^2 / 2, whose gradient is x


def quadratic(images):
    return 0.5 * jnp.sum(images**2, (1, 2, 3))


def test_wgangp_of_a_quadratic_critic(real):
    """With fake = real there is one point per image."""
    slopes = np.sqrt(1e-4 + np.sum(np.float64(real) ** 2, (1, 2, 3)))
    np.testing.assert_allclose(of_critic("wgangp", quadratic, real, real), np.mean((slopes - 1.0) ** 2), rtol=1e-5)


def test_r1_looks_at_real_images_and_r2_at_generated_ones(real, fake):
    for name, images in (("r1", real), ("r2", fake)):
        expected = np.mean(np.sum(np.float64(images) ** 2, (1, 2, 3))) / 2.0
        np.testing.assert_allclose(of_critic(name, quadratic, real, fake), expected, rtol=1e-5)


# Where they look


@pytest.mark.parametrize("name", ["wgangp", "wgangp_one_sided", "zero_centered"])
def test_one_uniform_point_between_each_pair(name):
    real, fake = np.random.default_rng(4).uniform(0.0, 1.0, (2, 400, 3, 2, 1)).astype(np.float32)
    points = points_of(name, real, fake)
    fractions = np.median((points - real) / (fake - real), axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(points, real + fractions * (fake - real), atol=1e-5)
    assert_uniform(fractions)


def narrow(count):
    """Images so far from 0 and 1 that no noise of DRAGAN's leaves the range."""
    return np.random.default_rng(5).uniform(0.4, 0.6, (count, 3, 2, 1)).astype(np.float32)


def test_dragan_adds_up_to_half_the_deviation_of_the_batch():
    real = narrow(400)
    assert_uniform((points_of("dragan", real, 0.0 * real) - real) / (0.5 * real.std()))


def test_dragan_v1_goes_one_uniform_part_of_the_way_of_dragan():
    """The noise of an image is a fraction t of 0.5 std u, so its largest value over many pixels is nearly t."""
    real = np.random.default_rng(5).uniform(0.0, 1.0, (400, 20, 20, 1)).astype(np.float32)
    noise = (points_of("dragan_v1", real, 0.0 * real) - real) / (0.5 * real.std())
    fractions = noise.max((1, 2, 3)) * 401.0 / 400.0
    assert_uniform(fractions.clip(0.0, 1.0))
    np.testing.assert_allclose(noise.mean((1, 2, 3)), fractions / 2.0, atol=5.0 * np.sqrt(1.0 / 12.0 / 400.0))


def test_dragan_v2_noise_is_centred():
    real = narrow(400)
    assert_uniform((points_of("dragan_v2", real, 0.0 * real) - real) / real.std() + 0.5)


def test_dragan_v2_alone_is_clipped_to_the_range_of_images():
    real = np.float32(np.random.default_rng(6).integers(0, 2, (50, 3, 2, 1)))
    clipped, free = points_of("dragan_v2", real, real), points_of("dragan", real, real)
    assert (clipped.min(), clipped.max()) == (0.0, 1.0)
    assert 0.2 < np.mean(clipped == real) < 0.8
    assert free.max() > 1.1


# Of kernels


def kernels_drawn():
    rng = np.random.default_rng(7)
    return [rng.normal(size=shape) for shape in ((3, 3, 2, 4), (8, 5), (5, 1))]


def of_kernels(penalty, kernels):
    nothing = jnp.zeros((1, 1, 1, 1))
    return PENALTIES[penalty](jnp.sum, [jnp.float32(kernel) for kernel in kernels], nothing, nothing, KEY)


def test_l2_is_half_the_squared_norm_mean_over_kernels():
    """The mean of compare_gan: divided by the number of kernels, not of weights."""
    expected = sum(np.sum(kernel**2) / 2.0 for kernel in kernels_drawn()) / 3.0
    np.testing.assert_allclose(of_kernels("l2", kernels_drawn()), expected, rtol=1e-5)


def test_orthogonal_is_the_sum_over_pairs_of_columns():
    expected = 0.0
    for kernel in kernels_drawn():
        columns = kernel.reshape(-1, kernel.shape[-1]).T
        expected += sum((a @ b) ** 2 for i, a in enumerate(columns) for j, b in enumerate(columns) if i != j)
    np.testing.assert_allclose(of_kernels("orthogonal", kernels_drawn()), expected, rtol=1e-5)


def test_orthogonal_columns_of_any_norm_cost_nothing():
    columns = np.linalg.qr(np.random.default_rng(8).normal(size=(18, 4)))[0] * [0.1, 1.0, 2.0, 5.0]
    np.testing.assert_allclose(of_kernels("orthogonal", [columns.reshape(3, 3, 2, 4)]), 0.0, atol=1e-9)
