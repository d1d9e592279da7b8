import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import integrate, special, stats

from ganscape.models import Config, sampling, vae

SHAPE = (4, 4, 1)
KEY = np.array([3, 4], np.uint32)
SMALL = {"family": "vae", "architecture": "mlp", "batch_size": 4, "z_dim": 3}


def images_of(config, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.0, 1.0, (config.disc_iters * config.batch_size, *SHAPE)).astype(np.float32)


# The bound


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (1.5, 0.3), (-2.0, 2.5), (0.2, 0.01)])
def test_the_divergence_is_the_integral(mean, deviation):
    posterior, prior = stats.norm(mean, deviation), stats.norm()

    def integrand(z):
        return posterior.pdf(z) * (posterior.logpdf(z) - prior.logpdf(z))

    low, high = mean - 12.0 * deviation, mean + 12.0 * deviation
    expected, _ = integrate.quad(integrand, low, high, points=[mean])
    computed = vae.kl_divergence(jnp.full((2, 1), mean), jnp.full((2, 1), deviation))
    assert float(computed) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_divergence_is_summed_over_z_and_averaged_over_the_batch():
    rng = np.random.default_rng(0)
    means, deviations = rng.normal(size=(5, 3)), rng.uniform(0.1, 2.0, (5, 3))
    each = 0.5 * (means**2 + deviations**2 - np.log(deviations**2) - 1.0)
    computed = vae.kl_divergence(jnp.asarray(means), jnp.asarray(deviations))
    assert float(computed) == pytest.approx(each.sum(1).mean(), rel=1e-5)


def test_the_likelihood_is_bernoullis():
    """Black and white pixels: the mean over the batch of the log-probability of an image."""
    rng = np.random.default_rng(0)
    images, logits = rng.integers(0, 2, (6, 5, 4, 1)), rng.normal(0.0, 3.0, (6, 5, 4, 1))
    expected = -stats.bernoulli.logpmf(images, special.expit(logits)).sum((1, 2, 3)).mean()
    computed = vae.negative_log_likelihood(jnp.asarray(images, jnp.float32), jnp.asarray(logits))
    assert float(computed) == pytest.approx(expected, rel=1e-5)


def test_grey_pixels_enter_by_their_cross_entropy_and_channels_by_their_mean():
    rng = np.random.default_rng(0)
    images, p = rng.uniform(0.0, 1.0, (6, 5, 4, 3)), rng.uniform(0.01, 0.99, (6, 5, 4, 3))
    each = -special.xlogy(images, p) - special.xlog1py(1.0 - images, -p)
    computed = vae.negative_log_likelihood(jnp.asarray(images), jnp.asarray(special.logit(p)))
    assert float(computed) == pytest.approx(each.sum((1, 2, 3)).mean() / 3.0, rel=1e-5)


@pytest.mark.parametrize("logit", [0.0, 30.0, -30.0, 2e4, -2e4])
@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_the_likelihood_is_finite_at_saturated_pixels_and_pulls_them_back(logit, pixel):
    """The derivative by a logit is (sigmoid - pixel) / batch, not zero where the pixel is wrong."""
    images, logits = jnp.full((2, 3, 3, 1), pixel), jnp.full((2, 3, 3, 1), logit)
    value, gradient = jax.value_and_grad(vae.negative_log_likelihood, argnums=1)(images, logits)
    expected = 9.0 * np.logaddexp(0.0, logit if pixel == 0.0 else -logit)
    assert float(value) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(gradient, (special.expit(logit) - pixel) / 2.0, rtol=1e-5, atol=1e-12)


def test_the_posterior_is_the_two_halves_of_the_encoding():
    encoded = np.float32([[1.0, -2.0, 0.5, 0.0, 30.0, -200.0]])
    mean, deviation = vae.posterior(jnp.asarray(encoded))
    np.testing.assert_array_equal(mean, encoded[:, :3])
    np.testing.assert_allclose(deviation, 1e-6 + np.logaddexp(0.0, np.float64(encoded[:, 3:])), rtol=1e-5)


# A whole cycle against an implementation of its own


def dense(layer, x):
    return x @ layer["kernel"] + layer["bias"]


def leaky(x):
    return jnp.where(x > 0.0, x, 0.2 * x)


def normalised(layer, x):
    return layer["scale"] * (x - jnp.mean(x, 0)) / jnp.sqrt(jnp.var(x, 0) + 1e-5) + layer["bias"]


def reference_bound(params, images, noise):
    """The negative bound, probabilities and logarithms written out."""
    p = params["encoder"]
    x = leaky(dense(p["Dense_0"], images.reshape(len(images), -1)))
    x = dense(p["Dense_2"], leaky(normalised(p["norm"], dense(p["Dense_1"], x))))
    mean, deviation = x[:, :3], 1e-6 + jnp.log(1.0 + jnp.exp(x[:, 3:]))
    p = params["decoder"]
    x = jax.nn.relu(normalised(p["norm0"], dense(p["Dense_0"], mean + deviation * noise)))
    x = jax.nn.relu(normalised(p["norm1"], dense(p["Dense_1"], x)))
    pixels = (1.0 / (1.0 + jnp.exp(-dense(p["Dense_2"], x)))).reshape(images.shape)
    nll = -jnp.sum(images * jnp.log(pixels) + (1.0 - images) * jnp.log(1.0 - pixels)) / len(images)
    kl = 0.5 * jnp.sum(mean**2 + deviation**2 - jnp.log(1e-8 + deviation**2) - 1.0) / len(images)
    return nll + kl, (nll, kl)


def test_a_cycle_equals_an_independent_implementation(double):
    """One Adam for both networks and an update on each of two batches, in float64. If it fails, training has
    changed for every stored result."""
    settings = {"disc_iters": 2, "discriminator_normalization": "batch_norm", "learning_rate": 2e-3}
    config = Config.from_dict({**SMALL, **settings})
    start, images, key = double(vae.init(config, SHAPE, KEY)), np.float64(images_of(config)), jax.random.key(0)
    state, logs = jax.jit(lambda state: vae.step(config, state, images, key))(start)

    params = {"encoder": start.encoder.params, "decoder": start.decoder.params}
    adam = optax.adam(2e-3, b1=0.5, b2=0.999)
    moments, parts = adam.init(params), []
    objective = jax.jit(jax.value_and_grad(reference_bound, has_aux=True))

    @jax.jit
    def apply(params, moments, gradients):
        updates, moments = adam.update(gradients, moments)
        return optax.apply_updates(params, updates), moments

    for real, noise in zip(images.reshape(2, 4, *SHAPE), jax.random.normal(key, (2, 4, 3)), strict=True):
        (_, part), gradients = objective(params, real, noise)
        params, moments = apply(params, moments, gradients)
        parts.append(part)

    nll, kl = np.mean(parts, axis=0)
    assert logs.keys() == {"nll", "kl"}
    np.testing.assert_allclose([logs["nll"], logs["kl"]], [nll, kl], rtol=1e-9)
    for ours, theirs in ((state.encoder.params, params["encoder"]), (state.decoder.params, params["decoder"])):
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    for player in state:
        for norm in player.statistics.values():
            np.testing.assert_allclose(norm["weight"], 1.0 - 0.9**2, rtol=1e-9)


def test_each_rate_moves_its_network(double):
    config = Config.from_dict({**SMALL, "g_lr": 1e-3, "d_lr": 1e-2, "beta1": 0.0})
    start = double(vae.init(config, SHAPE, KEY))
    state, _ = jax.jit(lambda state: vae.step(config, state, images_of(config), jax.random.key(0)))(start)
    for player, rate in (("decoder", 1e-3), ("encoder", 1e-2)):
        before, after = (getattr(each, player).params["Dense_2"]["bias"] for each in (start, state))
        np.testing.assert_allclose(np.abs(after - before), rate, rtol=1e-3)


@pytest.mark.parametrize("brightness", [0.0, 1.0])
def test_the_decoder_learns_black_and_white(brightness):
    """From grey nearly all the way, and at saturated pixels everything stays finite. One program for both."""
    config = Config.from_dict({**SMALL, "batch_size": 16, "learning_rate": 1e-2})
    images = np.full((16, *SHAPE), brightness, np.float32)
    state, logs, mean = _train(config, vae.init(config, SHAPE, KEY), images, jax.random.key(0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state, logs)))
    assert abs(mean - brightness) < 0.02


@jax.jit
def _train(config, state, images, key):
    state, logs = jax.lax.scan(
        lambda state, key: vae.step(config, state, images, key), state, jax.random.split(key, 200)
    )
    return state, logs, jnp.mean(sampling.sample(config, state, SHAPE, key, 64))


def test_samples_are_of_normal_latents():
    """A decoder that shows its first latent: the logits of the pixels are standard normal."""
    config = Config.from_dict({**SMALL, "z_dim": 16})
    state = vae.init(config, SHAPE, KEY)
    params = jax.tree.map(np.zeros_like, state.decoder.params)
    for norm, layer in (("norm0", "Dense_0"), ("norm1", "Dense_1"), (None, "Dense_2")):
        kernel = params[layer]["kernel"]
        # Each latent goes through as a pair of its positive and its negative part, since ReLU would cut one off.
        places, source = np.arange(16), np.arange(16) + 16
        if layer == "Dense_0":
            kernel[places, places], kernel[places, source] = 1.0, -1.0
        elif layer == "Dense_1":
            kernel[places, places], kernel[source, source] = 1.0, 1.0
        else:
            kernel[places, places], kernel[source, places] = 1.0, -1.0
        if norm is not None:
            # Batch norm that has seen nothing divides by sqrt(1 + 1e-5).
            params[norm]["scale"][:] = np.sqrt(1.0 + 1e-5)
    state = state._replace(decoder=state.decoder._replace(params=params))
    images = np.float64(sampling.sample(config, state, SHAPE, jax.random.key(0), 400))
    assert images.shape == (400, *SHAPE)
    assert stats.kstest(special.logit(images).ravel(), stats.norm.cdf).pvalue > 1e-3
