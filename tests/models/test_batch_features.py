import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.batch_features import BATCH_FEATURES, DIMENSION, KERNELS
from ganscape.models.initialization import initialise

ADDED = {"none": 0, "minibatch_discrimination": KERNELS, "minibatch_stddev": 1}
SHAPES = [(6, 7), (4, 2, 3, 5)]
NAMES = sorted(BATCH_FEATURES)


class Host(nn.Module):
    name_of_slot: str

    @nn.compact
    def __call__(self, features):
        return BATCH_FEATURES[self.name_of_slot](self, features)


def features_of(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def applied(name, features, scale=1.0):
    """What comes out, and the parameters."""
    variables = initialise(Host(name), np.array([1, 2], np.uint32), features.shape)
    variables = jax.tree.map(lambda x: scale * x, variables)
    return np.asarray(jax.jit(Host(name).apply)(variables, features)), variables.get("params", {})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_features_stay_and_more_come_last(name, shape):
    features = features_of(shape)
    made, _ = applied(name, features)
    assert (made.shape, made.dtype) == ((*shape[:-1], shape[-1] + ADDED[name]), np.float32)
    np.testing.assert_array_equal(made[..., : shape[-1]], features)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_learnt_is_the_same_in_every_place(name):
    made, _ = applied(name, features_of(SHAPES[1]))
    learnt = made[..., SHAPES[1][-1] :]
    np.testing.assert_array_equal(learnt, np.broadcast_to(learnt[:, :1, :1], learnt.shape))


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_batch_does_not_matter(name):
    features, order = features_of(SHAPES[0]), np.array([3, 0, 5, 1, 4, 2])
    made, _ = applied(name, features, 0.3)
    mixed, _ = applied(name, features[order], 0.3)
    np.testing.assert_allclose(mixed, made[order], rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_finite_also_for_equal_images(name, shape):
    variables = initialise(Host(name), np.array([1, 2], np.uint32), shape)
    differentiated = jax.jit(jax.grad(lambda v, x: jnp.sum(Host(name).apply(v, x) ** 2), argnums=(0, 1)))
    for features in (features_of(shape), np.zeros(shape, np.float32), np.full(shape, 0.7, np.float32)):
        gradients = differentiated(variables, features)
        for gradient in jax.tree.leaves(gradients):
            assert np.isfinite(gradient).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_minibatch_discrimination_is_its_formula(shape):
    """Salimans et al. 2016, section 3.2, image by image and kernel by kernel, others only."""
    features = features_of(shape)
    made, params = applied("minibatch_discrimination", features, 0.3)
    tensor = np.float64(params["minibatch_tensor"])
    assert tensor.shape == (np.prod(shape[1:]), 50, 5)
    rows = np.float64(features.reshape(shape[0], -1)) @ tensor.reshape(tensor.shape[0], -1)
    rows = rows.reshape(shape[0], 50, 5)
    for i in range(shape[0]):
        close = sum(np.exp(-np.abs(rows[i] - rows[j]).sum(-1)) for j in range(shape[0]) if j != i)
        place = made[(i, *(0,) * (len(shape) - 2))]
        np.testing.assert_allclose(place[shape[-1] :], close, rtol=1e-5, atol=1e-9)


def test_equal_images_are_as_close_as_can_be_and_a_lone_one_is_close_to_none():
    equal, _ = applied("minibatch_discrimination", np.full((5, 7), 0.4, np.float32))
    np.testing.assert_array_equal(equal[:, 7:], 4.0)
    far, _ = applied("minibatch_discrimination", 1e4 * features_of((5, 7)))
    np.testing.assert_array_equal(far[:, 7:], 0.0)


def test_the_columns_of_the_tensor_start_at_length_1():
    _, params = applied("minibatch_discrimination", features_of((2, 30)))
    np.testing.assert_allclose(
        np.linalg.norm(params["minibatch_tensor"], axis=0), np.ones((KERNELS, DIMENSION)), rtol=1e-5
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_minibatch_stddev_is_the_mean_deviation(shape):
    features = 3.0 + 2.0 * features_of(shape)
    made, _ = applied("minibatch_stddev", features)
    expected = np.mean(np.std(np.float64(features), axis=0))
    np.testing.assert_allclose(made[..., -1], np.full(shape[:-1], expected), rtol=1e-5)


def test_minibatch_stddev_of_equal_images_is_the_root_of_its_epsilon():
    made, _ = applied("minibatch_stddev", np.full((5, 7), 0.5, np.float32))
    np.testing.assert_allclose(made[:, -1], 1e-4, rtol=1e-5)
