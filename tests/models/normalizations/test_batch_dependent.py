import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.initialization import initialise
from ganscape.models.normalizations import STATISTICS, BatchNorm

KEY = np.array([0, 7], np.uint32)
MOMENTUM, EPSILON = 0.9, 1e-3


def test_batch_norm_in_training_normalises_by_the_batch(run, batches):
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    normalised, _ = run(module, variables, batches[0])
    mean, variance = batches[0].mean((0, 1, 2), np.float64), batches[0].var((0, 1, 2), np.float64)
    np.testing.assert_allclose(np.mean(normalised, (0, 1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.var(normalised, (0, 1, 2)), variance / (variance + EPSILON), rtol=1e-4)
    np.testing.assert_allclose(normalised, (batches[0] - mean) / np.sqrt(variance + EPSILON), rtol=1e-3, atol=1e-4)


def test_batch_norm_scales_and_shifts_after_normalising(run, batches):
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    np.testing.assert_array_equal(variables["params"]["scale"], np.ones(3))
    np.testing.assert_array_equal(variables["params"]["bias"], np.zeros(3))
    plain, _ = run(module, variables, batches[0])
    scale, bias = np.float32([2.0, -1.0, 0.5]), np.float32([0.0, 4.0, -1.0])
    variables = {**variables, "params": {"scale": scale, "bias": bias}}
    scaled, _ = run(module, variables, batches[0])
    np.testing.assert_allclose(scaled, scale * plain + bias, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 20])
def test_batch_norm_in_sampling_normalises_by_the_debiased_averages(run, batches, count):
    """Exponential averages from zero, divided by the sum of their weights; the variances are the biased ones."""
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    weights = MOMENTUM ** np.arange(count)[::-1]
    for batch in batches[:count]:
        variables = {**variables, **run(module, variables, batch)[1]}
    mean = np.average(batches[:count].mean((1, 2, 3), np.float64), axis=0, weights=weights)
    variance = np.average(batches[:count].var((1, 2, 3), np.float64), axis=0, weights=weights)
    sampled = run(BatchNorm(MOMENTUM, EPSILON, training=False), variables, batches[-1])[0]
    np.testing.assert_allclose(sampled, (batches[-1] - mean) / np.sqrt(variance + EPSILON), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(variables[STATISTICS]["weight"], 1.0 - MOMENTUM**count, rtol=1e-5)


def test_batch_norm_in_sampling_does_not_depend_on_the_batch(run, batches):
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])
    variables = {**variables, **run(module, variables, batches[0])[1]}
    sampling = BatchNorm(MOMENTUM, EPSILON, training=False)
    together = run(sampling, variables, batches[1])[0]
    np.testing.assert_allclose(run(sampling, variables, batches[1][:1])[0], together[:1], rtol=1e-6)


def test_batch_norm_that_has_seen_nothing_samples_the_activations(run, batches):
    sampling = BatchNorm(MOMENTUM, 0.0, training=False)
    variables = initialise(sampling, KEY, batches.shape[1:])
    np.testing.assert_allclose(run(sampling, variables, batches[0])[0], batches[0], rtol=1e-6)


def test_no_gradient_enters_the_averages(run, batches):
    """The averages of a pass are left over, they are not part of what is differentiated."""
    module = BatchNorm(MOMENTUM, EPSILON, training=True)
    variables = initialise(module, KEY, batches.shape[1:])

    def objective(statistics):
        y, _ = run(module, {**variables, STATISTICS: statistics}, batches[0])
        return jnp.sum(y**3)

    for gradient in jax.tree.leaves(jax.grad(objective)(variables[STATISTICS])):
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


# Conditional batch norm


CONDITION = np.float32(np.random.default_rng(5).normal(size=(6, 2)))


def by(x, mean, variance):
    return (x - mean) / np.sqrt(variance + EPSILON)


def test_conditional_batch_norm_scales_by_one_more_than_what_the_condition_says(run, place, variables_of, batches):
    """By the batch in training, by running averages that are batch norm's in sampling."""
    module = place("conditional_batch_norm")
    variables = variables_of(module, batches.shape[1:], CONDITION.shape, params=True)
    scale, bias = (variables["params"]["norm"][name]["kernel"] for name in ("scale", "bias"))
    assert scale.shape == bias.shape == (2, 3)
    scale, bias = ((CONDITION @ kernel).reshape(6, 1, 1, 3) for kernel in (scale, bias))
    y, left = run(module, variables, batches[0], CONDITION)
    expected = (1 + scale) * by(batches[0], batches[0].mean((0, 1, 2)), batches[0].var((0, 1, 2))) + bias
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3)

    plain = place("batch_norm")
    expected = run(plain, variables_of(plain, batches.shape[1:]), batches[0])[1]
    jax.tree.map(np.testing.assert_array_equal, left, expected)
    sampled = run(place("conditional_batch_norm", training=False), {**variables, **left}, batches[1], CONDITION)[0]
    expected = (1 + scale) * by(batches[1], batches[0].mean((0, 1, 2)), batches[0].var((0, 1, 2))) + bias
    np.testing.assert_allclose(sampled, expected, rtol=1e-3, atol=1e-3)


def test_conditional_batch_norm_starts_near_plain_batch_norm(place, variables_of, batches):
    module = place("conditional_batch_norm")
    variables = variables_of(module, batches.shape[1:], (6, 50))
    kernels = jax.tree.leaves(variables["params"])
    assert [kernel.shape for kernel in kernels] == [(50, 3), (50, 3)]
    np.testing.assert_allclose(np.std(kernels), 0.02, rtol=0.15)
    assert not np.array_equal(*kernels)


def test_conditional_batch_norm_of_vectors(run, place, variables_of):
    x = np.float32(np.random.default_rng(0).normal(size=(6, 4)))
    module = place("conditional_batch_norm")
    variables = variables_of(module, x.shape, CONDITION.shape, params=True)
    scale, bias = (CONDITION @ variables["params"]["norm"][name]["kernel"] for name in ("scale", "bias"))
    y, _ = run(module, variables, x, CONDITION)
    np.testing.assert_allclose(y, (1 + scale) * by(x, x.mean(0), x.var(0)) + bias, rtol=1e-3, atol=1e-4)


def test_conditional_batch_norm_without_a_condition_is_refused(place, variables_of, batches):
    with pytest.raises(ValueError, match="'norm': the context has no condition"):
        variables_of(place("conditional_batch_norm"), batches.shape[1:])


def test_spectral_norm_divides_the_condition_s_kernels_too(run, place, variables_of, batches):
    """Until scale and bias are those of kernels divided by numpy's largest singular values."""
    module = place("conditional_batch_norm+spectral_norm")
    variables = variables_of(module, batches.shape[1:], CONDITION.shape, params=True)
    for _ in range(60):
        variables = {**variables, **run(module, variables, batches[0], CONDITION)[1]}
    kernels = (variables["params"]["norm"][name]["kernel"] for name in ("scale", "bias"))
    scale, bias = ((CONDITION @ (kernel / np.linalg.norm(kernel, 2))).reshape(6, 1, 1, 3) for kernel in kernels)
    expected = (1 + scale) * by(batches[0], batches[0].mean((0, 1, 2)), batches[0].var((0, 1, 2))) + bias
    np.testing.assert_allclose(run(module, variables, batches[0], CONDITION)[0], expected, rtol=1e-3, atol=1e-3)


# Switchable norm


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def switchable(params, x, batch_mean, batch_variance):
    """Luo et al. 2019, equation 3, in float64; kinds in the order layer, batch, instance."""
    axes = [tuple(range(1, x.ndim)), None, tuple(range(1, x.ndim - 1))]
    means = [x.mean(axes[0], keepdims=True), batch_mean, x.mean(axes[2], keepdims=True)]
    variances = [x.var(axes[0], keepdims=True), batch_variance, x.var(axes[2], keepdims=True)]
    weights = [softmax(np.float64(params[name])) for name in ("mean_weights", "variance_weights")]
    mean, variance = (
        sum(w * kind for w, kind in zip(weight, kinds, strict=False))
        for weight, kinds in zip(weights, (means, variances), strict=True)
    )
    return params["scale"] * by(x, mean, variance) + params["bias"]


def test_switchable_norm_mixes_means_and_variances_by_weights_of_their_own(run, place, variables_of, batches):
    module = place("switchable_norm")
    variables = variables_of(module, batches.shape[1:], params=True)
    params = variables["params"]["norm"]
    assert params["mean_weights"].shape == params["variance_weights"].shape == (3,)
    y, _ = run(module, variables, batches[0])
    x = np.float64(batches[0])
    np.testing.assert_allclose(y, switchable(params, x, x.mean((0, 1, 2)), x.var((0, 1, 2))), rtol=1e-3, atol=1e-3)


def test_switchable_norm_starts_with_equal_shares(place, variables_of, batches):
    params = variables_of(place("switchable_norm"), batches.shape[1:])["params"]["norm"]
    for name in ("mean_weights", "variance_weights"):
        np.testing.assert_allclose(softmax(params[name]), np.full(3, 1 / 3), rtol=1e-6)


def test_switchable_norm_in_sampling_takes_batch_norm_s_averages(run, place, variables_of, batches):
    module, plain = place("switchable_norm"), place("batch_norm")
    variables = variables_of(module, batches.shape[1:], params=True)
    expected = variables_of(plain, batches.shape[1:])
    for batch in batches[:3]:
        variables = {**variables, **run(module, variables, batch)[1]}
        expected = {**expected, **run(plain, expected, batch)[1]}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), variables[STATISTICS], expected[STATISTICS])
    left = expected[STATISTICS]["norm"]
    mean, variance = left["mean"] / left["weight"], left["variance"] / left["weight"]
    y = run(place("switchable_norm", training=False), variables, batches[4])[0]
    x = np.float64(batches[4])
    np.testing.assert_allclose(y, switchable(variables["params"]["norm"], x, mean, variance), rtol=1e-3, atol=1e-3)


def test_switchable_norm_of_vectors_mixes_two_kinds(run, place, variables_of):
    x = np.float32(np.random.default_rng(0).normal(size=(6, 4)))
    module = place("switchable_norm")
    variables = variables_of(module, x.shape, params=True)
    params = variables["params"]["norm"]
    assert params["mean_weights"].shape == params["variance_weights"].shape == (2,)
    y, _ = run(module, variables, x)
    np.testing.assert_allclose(y, switchable(params, np.float64(x), x.mean(0), x.var(0)), rtol=1e-3, atol=1e-4)


# Virtual batch norm


@pytest.mark.parametrize("shape", [(6, 5, 4, 3), (6, 3)])
def test_virtual_batch_norm_normalises_by_the_reference_and_the_example(run, place, variables_of, batches, shape):
    """Moments as in the authors' code: means of x and x^2, the example weighing 1 / (n + 1)."""
    x = batches[0] if len(shape) == 4 else batches[0][:, 0, 0]
    module = place("virtual_batch_norm", reference=4)
    variables = variables_of(module, shape, params=True)
    params = variables["params"]["norm"]
    images = np.float64(x).reshape(6, -1, 3)
    reference = images[:4].reshape(-1, 3)
    expected = list(by(images[:4], reference.mean(0), reference.var(0)))
    for image in images[4:]:
        mean, square = (0.8 * (reference**p).mean(0) + 0.2 * (image**p).mean(0) for p in (1, 2))
        expected.append(by(image, mean, square - mean**2))
    expected = params["scale"] * np.reshape(expected, shape) + params["bias"]
    np.testing.assert_allclose(run(module, variables, x)[0], expected, rtol=1e-3, atol=1e-3)


def test_virtual_batch_norm_of_a_vector_is_batch_norm_of_the_reference_and_it(run, place, variables_of):
    x = np.float32(np.random.default_rng(0).normal(size=(6, 3)))
    module = place("virtual_batch_norm", reference=5)
    y = run(module, variables_of(module, x.shape), x)[0]
    np.testing.assert_allclose(y[5], by(x[5], x.mean(0), x.var(0)), rtol=1e-4, atol=1e-5)


def test_an_example_of_virtual_batch_norm_depends_on_the_reference_alone(run, place, variables_of, batches):
    x, other = batches[0], batches[0].copy()
    other[5] = batches[1][5]
    module = place("virtual_batch_norm", reference=4)
    variables = variables_of(module, x.shape)
    y, left = run(module, variables, x)
    assert not jax.tree.leaves(left)
    np.testing.assert_allclose(run(module, variables, other)[0][:5], y[:5], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(run(place("virtual_batch_norm", reference=4, training=False), variables, x)[0], y)
    other[0] = batches[1][0]
    assert np.abs(run(module, variables, other)[0] - y)[4].max() > 1e-3


def test_virtual_batch_norm_without_a_reference_is_refused(place, variables_of, batches):
    with pytest.raises(ValueError, match="'norm': the context has no reference"):
        variables_of(place("virtual_batch_norm"), batches.shape[1:])
