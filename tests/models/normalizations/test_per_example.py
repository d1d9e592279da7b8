import jax
import numpy as np
import pytest

from ganscape.models.normalizations.per_example import group_moments

EPSILON = 1e-3
OF_EXAMPLES = pytest.mark.parametrize("name", ["layer_norm", "instance_norm", "group_norm", "pixel_norm"])


@pytest.fixture
def x():
    """[6, 5, 4, 36]: eighteen groups of two, whose channels have unlike means and deviations."""
    generator = np.random.default_rng(0)
    draws = generator.normal(size=(6, 5, 4, 36))
    return np.float32(draws * generator.uniform(0.1, 5.0, 36) + generator.normal(size=36))


def over(x, axes, epsilon):
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


EXPECTED = {
    "layer_norm": lambda x: over(x, (1, 2, 3), 1e-12),
    "instance_norm": lambda x: over(x, (1, 2), EPSILON),
    "group_norm": lambda x: over(x.reshape(6, 5, 4, 18, 2), (1, 2, 4), EPSILON).reshape(x.shape),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_paper_s_formula_then_scale_and_shift_per_channel(run, place, variables_of, x, name):
    module = place(name, epsilon=EPSILON)
    variables = variables_of(module, x.shape, params=True)
    params = variables["params"]["norm"]
    assert {leaf: value.shape for leaf, value in params.items()} == {"scale": (36,), "bias": (36,)}
    expected = params["scale"] * EXPECTED[name](np.float64(x)) + params["bias"]
    np.testing.assert_allclose(run(module, variables, x)[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", EXPECTED)
def test_scale_starts_at_one_and_shift_at_zero(place, variables_of, x, name):
    params = variables_of(place(name), x.shape)["params"]["norm"]
    np.testing.assert_array_equal(params["scale"], np.ones(36))
    np.testing.assert_array_equal(params["bias"], np.zeros(36))


def test_pixel_norm_divides_by_the_root_mean_square_of_the_channels(run, place, x):
    x = np.concatenate([x, 1e-5 * x])
    expected = x / np.sqrt(np.mean(np.float64(x) ** 2, -1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(run(place("pixel_norm"), {}, x)[0], expected, rtol=1e-4)


@OF_EXAMPLES
def test_an_example_does_not_depend_on_the_others_nor_on_the_mode(run, place, variables_of, x, name):
    module = place(name)
    variables = variables_of(module, x.shape)
    together, left = run(module, variables, x)
    assert not jax.tree.leaves(left)
    np.testing.assert_allclose(run(place(name, training=False), variables, x[2:3])[0], together[2:3], atol=1e-5)


def test_layer_norm_normalises_the_small_activations_of_small_kernels(run, place, variables_of, x):
    """A deviation of 1e-4 is nothing beside an epsilon of 1e-3, and everything beside 1e-12."""
    small = np.float32(1e-4 / x.std()) * x
    module = place("layer_norm")
    np.testing.assert_allclose(np.var(run(module, variables_of(module, x.shape), small)[0], (1, 2, 3)), 1.0, rtol=1e-3)


@pytest.mark.parametrize(("channels", "count"), [(64, 32), (32, 32), (48, 24), (33, 11), (7, 7), (37, 1)])
def test_there_are_32_groups_or_the_largest_divisor_below(channels, count):
    mean = np.asarray(group_moments(np.float32(np.random.default_rng(0).normal(size=(1, 3, channels)))).mean)
    assert len(np.unique(mean)) == count
    np.testing.assert_array_equal(mean.reshape(count, -1), mean.reshape(count, -1)[:, :1].repeat(channels // count, 1))


def test_torch_agrees(run, place, variables_of, x):
    functional = pytest.importorskip("torch.nn.functional")
    torch = pytest.importorskip("torch")
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    theirs = {
        "layer_norm": lambda: functional.layer_norm(images, images.shape[1:], eps=1e-12),
        "instance_norm": lambda: functional.instance_norm(images, eps=EPSILON),
        "group_norm": lambda: functional.group_norm(images, 18, eps=EPSILON),
    }
    for name, expected in theirs.items():
        module = place(name, epsilon=EPSILON)
        ours = run(module, variables_of(module, x.shape), x)[0]
        np.testing.assert_allclose(ours, expected().numpy().transpose(0, 2, 3, 1), rtol=1e-3, atol=1e-4)
