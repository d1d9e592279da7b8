import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ganscape.models.networks import init_network
from ganscape.models.optimizers import OPTIMIZERS

GRADIENTS = np.random.default_rng(0).normal(size=(6, 40)) * np.logspace(-6, 3, 40)


def descend(optimizer, gradients):
    """Sum of updates after each gradient, in float32."""
    position, state, path = jnp.zeros(gradients.shape[1]), optimizer.init(jnp.zeros(gradients.shape[1])), []
    for gradient in jnp.float32(gradients):
        updates, state = optimizer.update(gradient, state, position)
        position = optax.apply_updates(position, updates)
        path.append(position)
    return np.stack(path)


def numpy_adam(gradients, rate, beta1, beta2, epsilon=1e-8):
    """Kingma and Ba 2015, algorithm 1."""
    position = first = second = np.zeros(gradients.shape[1])
    path = []
    for t, gradient in enumerate(gradients, 1):
        first = beta1 * first + (1 - beta1) * gradient
        second = beta2 * second + (1 - beta2) * gradient**2
        position = position - rate * (first / (1 - beta1**t)) / (np.sqrt(second / (1 - beta2**t)) + epsilon)
        path.append(position)
    return np.stack(path)


def tensorflow_rmsprop(gradients, rate, decay=0.9, epsilon=1e-10):
    """tf.train.RMSPropOptimizer: the mean square starts at one, epsilon is inside the root."""
    position, square = np.zeros(gradients.shape[1]), np.ones(gradients.shape[1])
    path = []
    for gradient in gradients:
        square = decay * square + (1 - decay) * gradient**2
        position = position - rate * gradient / np.sqrt(square + epsilon)
        path.append(position)
    return np.stack(path)


@pytest.mark.parametrize(("beta1", "beta2"), [(0.5, 0.999), (0.0, 0.9), (0.9, 0.999), (0.0, 0.0)])
def test_adam_is_algorithm_1_of_its_paper(complete, beta1, beta2):
    config = complete(optimizer="adam", beta1=beta1, beta2=beta2)
    ours = descend(OPTIMIZERS["adam"](config, 1e-3), GRADIENTS)
    np.testing.assert_allclose(ours, numpy_adam(GRADIENTS, 1e-3, beta1, beta2), rtol=1e-4, atol=1e-8)


def test_adam_first_step_is_the_learning_rate():
    """Whatever the size of the gradient, as long as it is far above epsilon."""
    for_any = OPTIMIZERS["adam"](Numbers(beta1=0.5, beta2=0.999), 0.25)
    first = descend(for_any, np.array([[1e-3, -2.0, 5e4]]))
    np.testing.assert_allclose(first[0], [-0.25, 0.25, -0.25], rtol=1e-4)


def test_rmsprop_is_tensorflows(complete):
    config = complete(optimizer="rmsprop")
    ours = descend(OPTIMIZERS["rmsprop"](config, 5e-5), GRADIENTS)
    np.testing.assert_allclose(ours, tensorflow_rmsprop(GRADIENTS, 5e-5), rtol=1e-5, atol=1e-12)


def test_rmsprop_torch_is_pytorchs(complete):
    torch = pytest.importorskip("torch")
    position = torch.zeros(GRADIENTS.shape[1], dtype=torch.float64, requires_grad=True)
    theirs, path = torch.optim.RMSprop([position], lr=5e-5), []
    for gradient in GRADIENTS:
        position.grad = torch.tensor(gradient)
        theirs.step()
        path.append(position.detach().numpy().copy())
    ours = descend(OPTIMIZERS["rmsprop_torch"](complete(optimizer="rmsprop_torch"), 5e-5), GRADIENTS)
    np.testing.assert_allclose(ours, np.stack(path), rtol=1e-4, atol=1e-9)


def test_sgd_is_the_learning_rate_times_the_gradient(complete):
    ours = descend(OPTIMIZERS["sgd"](complete(optimizer="sgd"), 1e-3), GRADIENTS)
    np.testing.assert_allclose(ours, -1e-3 * np.cumsum(GRADIENTS, axis=0), rtol=1e-4, atol=1e-12)


def test_an_optimizer_descends(complete, optimizer):
    transformation = OPTIMIZERS[optimizer](complete(optimizer=optimizer), 0.02)
    target = jnp.array([1.0, -2.0, 0.5])

    def one(carry, _):
        position, state = carry
        updates, state = transformation.update(position - target, state, position)
        return (optax.apply_updates(position, updates), state), None

    start = jnp.zeros(3)
    (end, _), _ = jax.lax.scan(one, (start, transformation.init(start)), length=2000)
    np.testing.assert_allclose(end, target, atol=0.05)


def test_the_state_does_not_depend_on_the_numbers(complete, optimizer):
    """So a state that was begun at one learning rate goes on at another in the same program."""
    params = {"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)}
    slow = OPTIMIZERS[optimizer](complete(optimizer=optimizer), 1e-5).init(params)
    fast = OPTIMIZERS[optimizer](complete(optimizer=optimizer), 10.0).init(params)
    assert jax.tree.structure(slow) == jax.tree.structure(fast)
    for a, b in zip(jax.tree.leaves(slow), jax.tree.leaves(fast), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_learning_rate_can_be_traced(complete, optimizer):
    """One program for two rates, and each rate has its effect: twice the rate, twice the first update."""
    config, traces = complete(optimizer=optimizer), []

    @jax.jit
    def first(config, rate):
        traces.append(1)
        transformation = OPTIMIZERS[optimizer](config, rate)
        gradient = jnp.array([0.3, -4.0])
        return transformation.update(gradient, transformation.init(gradient), gradient)[0]

    np.testing.assert_allclose(first(config, 0.2), 2.0 * first(config, 0.1), rtol=1e-6)
    assert len(traces) == 1


class Numbers:
    """What an optimizer reads of a config."""

    def __init__(self, beta1, beta2):
        self.beta1, self.beta2 = beta1, beta2


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_player_begins_with_what_its_optimizer_begins_with(name, complete):
    config = complete(optimizer=name)
    params = {"kernel": np.ones((3, 2), np.float32), "bias": np.ones(2, np.float32)}
    begun = init_network({"params": params}, config, 1e-3).optimizer
    wanted = OPTIMIZERS[name](config, 1e-3).init(params)
    assert jax.tree.structure(begun) == jax.tree.structure(wanted)
    for ours, theirs in zip(jax.tree.leaves(begun), jax.tree.leaves(wanted), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
