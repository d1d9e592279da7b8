"""Downsampling, gates and output kernels of the residual networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models import Config, ConfigError
from ganscape.models.architectures import build
from ganscape.models.architectures.downsampling import DOWNSAMPLINGS, largest_of_squares
from ganscape.models.architectures.gating import CONVOLUTIONS
from ganscape.models.forward import Context
from ganscape.models.generator_penalties import total_variation
from ganscape.models.initialization import initialise, variable_shapes

SHAPE, KEY = (32, 32, 3), np.array([1, 2], np.uint32)
SMALL = {"architecture": "resnet_cifar", "channels": 2, "z_dim": 3, "batch_size": 2}


def shapes_of(player, **settings):
    network = build(Config(**SMALL, **settings), SHAPE)[player]
    inputs = (2, 3) if player == 0 else (2, *SHAPE)
    leaves = jax.tree_util.tree_leaves_with_path(variable_shapes(network, inputs)["params"])
    return {jax.tree_util.keystr(path): leaf.shape for path, leaf in leaves}


@pytest.mark.parametrize("name", DOWNSAMPLINGS)
def test_a_discriminator_runs_with_every_downsampling_and_has_as_many_weights(name):
    network = build(Config(**SMALL, downsampling=name), SHAPE).discriminator
    variables = initialise(network, KEY, (2, *SHAPE))
    logits = jax.jit(lambda images: network.apply(variables, images, Context(True)).logits)(np.ones((2, *SHAPE), "f"))
    assert logits.shape == (2,) and np.isfinite(logits).all()
    assert sorted(shapes_of(1, downsampling=name).values()) == sorted(shapes_of(1).values())


def test_the_largest_of_squares_by_hand_and_its_second_derivative():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(largest_of_squares(x)[0, :, :, 0], [[5.0, 7.0], [13.0, 15.0]])
    second = jax.grad(lambda x: jnp.sum(jax.grad(lambda x: jnp.sum(largest_of_squares(x) ** 3))(x) ** 2))(x)
    expected = np.zeros((4, 4))
    expected[1::2, 1::2] = 36.0 * x[0, 1::2, 1::2, 0] ** 3
    np.testing.assert_allclose(second[0, :, :, 0], expected, rtol=1e-5)


def test_gates_double_the_channels_of_the_convolutions_inside_blocks_alone():
    plain, gated = shapes_of(0), shapes_of(0, convolution="gated")
    changed = {name for name in plain if plain[name] != gated[name]}
    assert changed
    assert all(gated[name] == (*plain[name][:-1], 2 * plain[name][-1]) for name in changed)
    assert all("block" in name for name in changed)


def test_a_gate_multiplies_by_a_sigmoid():
    """Weights 1 and biases 0 of a 1x1 convolution: both halves are the sum of the channels."""
    import flax.linen as nn

    from ganscape.models.initialization import constant

    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x):
            return CONVOLUTIONS["gated"](x, 2, 1, constant(1.0), "none")

    x = np.random.default_rng(0).normal(size=(1, 3, 3, 4)).astype(np.float32)
    output = Layer().apply(initialise(Layer(), KEY, x.shape), x)
    total = np.sum(np.float64(x), axis=-1, keepdims=True)
    np.testing.assert_allclose(output, np.repeat(total / (1.0 + np.exp(-total)), 2, axis=-1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 9])
def test_the_last_kernel_has_the_size_that_is_asked_for(size):
    plain, other = shapes_of(0), shapes_of(0, output_kernel=size)
    assert {name for name in plain if plain[name] != other[name]} <= {"['Conv_0']['kernel']"}
    assert other["['Conv_0']['kernel']"] == (size, size, 4, 3)


def test_an_output_kernel_that_is_not_offered_is_refused():
    with pytest.raises(ConfigError, match="'resnet_cifar' has no output_kernel 5; one of: 3, 1, 9"):
        Config(**SMALL, output_kernel=5)
    with pytest.raises(ConfigError, match="output_kernel=3 means nothing with architecture 'mlp'"):
        Config(output_kernel=3)


def test_the_choices_of_the_code_leave_identity_and_draws_as_they_are():
    chosen = Config(**SMALL, downsampling="average_pool", convolution="plain", output_kernel=3)
    assert chosen == Config(**SMALL) and "output_kernel" not in chosen.structure()


def test_total_variation_is_the_mean_difference_of_neighbours():
    images = np.random.default_rng(0).random((2, 4, 5, 3), np.float32)
    expected = np.abs(np.diff(np.float64(images), axis=1)).mean() + np.abs(np.diff(np.float64(images), axis=2)).mean()
    np.testing.assert_allclose(total_variation(images), expected, rtol=1e-5)
    assert total_variation(np.ones((1, 3, 3, 1))) == 0.0


@pytest.mark.usefixtures("tiny")
def test_the_generator_s_loss_grows_by_the_weighted_penalty():
    from ganscape.models import gan

    settings = {"architecture": "tiny", "batch_size": 4, "z_dim": 3}
    plain = Config(**settings)
    smooth = Config(**settings, generator_penalty="total_variation", generator_penalty_weight=2.0)
    state = gan.init(plain, (4, 4, 1), KEY)
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4, 3)).astype(np.float32)
    batch = gan.Batch(rng.random((4, 4, 4, 1), np.float32), z, jax.random.key(0))
    networks = gan.build(plain, (4, 4, 1))

    @jax.jit
    def both(state, batch):
        losses = [gan.update_generator(config, networks, state, batch)[1]["g_loss"] for config in (plain, smooth)]
        return losses, gan.apply_generator(networks, state.generator.params, state.generator.statistics, batch.z)[0]

    losses, images = both(state, batch)
    np.testing.assert_allclose(losses[1] - losses[0], 2.0 * total_variation(images), rtol=1e-3)
