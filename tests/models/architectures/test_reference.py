import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.architectures.layers import Dense
from ganscape.models.architectures.reference import WithReference
from ganscape.models.initialization import he_normal, initialise
from ganscape.models.normalizations import NORMALIZATIONS, STATISTICS, NormContext

KEY = np.array([0, 3], np.uint32)
SIZE = 4


class Virtual(nn.Module):
    """A layer with virtual batch norm: its outputs, and those scaled."""

    @nn.compact
    def __call__(self, x, factor, *, shift=0.0):
        context = NormContext(0.9, 1e-3, reference=SIZE)
        y = NORMALIZATIONS["virtual_batch_norm"].activations(context, "norm")(Dense(3, he_normal)(x))
        return {"plain": y, "scaled": (factor * y + shift,)}


@pytest.fixture(scope="module")
def x():
    return np.float32(np.random.default_rng(0).normal(size=(3, SIZE, 5)))


@pytest.fixture(scope="module")
def module():
    return WithReference(Virtual(), SIZE)


@pytest.fixture(scope="module")
def variables(module):
    return initialise(module, KEY, (2, 5), ())


@pytest.fixture(scope="module")
def train(module):
    return jax.jit(lambda variables, x: module.apply(variables, x, 2.0, mutable=[STATISTICS]))


def test_the_network_keeps_its_names(variables):
    assert variables["params"].keys() == {"network"}
    assert variables["params"]["network"].keys() == {"Dense_0", "norm"}
    assert {name: leaf.shape for name, leaf in variables[STATISTICS].items()} == {"reference": (SIZE, 5), "seen": ()}
    assert not variables[STATISTICS]["seen"]


def test_the_first_batch_in_training_is_the_reference_for_good(train, variables, x):
    """Also for itself; the network alone on both, one behind the other, says the same of the second."""
    for batch in (x[0], x[1]):
        outputs, left = train(variables, batch)
        variables = {**variables, **left}
        np.testing.assert_array_equal(left[STATISTICS]["reference"], x[0])
        assert left[STATISTICS]["seen"] == 1.0
        alone = {"params": variables["params"]["network"]}
        expected = Virtual().apply(alone, np.concatenate([x[0], batch]), 2.0)["plain"][SIZE:]
        np.testing.assert_allclose(outputs["plain"], expected, rtol=1e-4, atol=1e-5)


def test_every_output_loses_the_reference_and_arguments_pass_through(module, variables, x):
    """Sampling takes batches of any size and leaves nothing."""
    outputs = module.apply(variables, x[1, :3], 2.0, shift=1.0)
    assert outputs["plain"].shape == (3, 3)
    np.testing.assert_allclose(outputs["scaled"][0], 2.0 * outputs["plain"] + 1.0, rtol=1e-5)


def test_before_training_the_reference_is_zeros_and_after_it_the_first_batch(module, train, variables, x):
    alone = {"params": variables["params"]["network"]}
    for kept, seen in ((np.zeros_like(x[0]), variables), (x[0], {**variables, **train(variables, x[0])[1]})):
        expected = Virtual().apply(alone, np.concatenate([kept, x[1]]), 2.0)["plain"][SIZE:]
        np.testing.assert_allclose(module.apply(seen, x[1], 2.0)["plain"], expected, rtol=1e-4, atol=1e-5)


def test_an_average_from_before_the_reference_on_has_the_reference(module, train, variables, x):
    left = train(variables, x[0])[1]
    average = jax.tree.map(lambda old, latest: 0.9 * old + 0.1 * latest, {**variables}, {**variables, **left})
    expected = module.apply({**variables, **left}, x[1], 2.0)["plain"]
    np.testing.assert_allclose(module.apply(average, x[1], 2.0)["plain"], expected, rtol=1e-4, atol=1e-5)


def test_no_gradient_flows_into_the_reference(module, variables, x):
    """The gradient at the first batch is that of the examples alone, the reference being the same and held."""
    left = {STATISTICS: {"reference": x[0], "seen": np.float32(1.0)}}

    def objective(x, variables):
        return jnp.sum(module.apply(variables, x, 2.0, mutable=[STATISTICS])[0]["plain"] ** 3)

    gradient = jax.jit(jax.grad(objective, (0, 1)))
    first, _ = gradient(x[0], variables)
    then, into = gradient(x[0], {**variables, **left})
    np.testing.assert_allclose(first, then, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(into[STATISTICS]["reference"], np.zeros_like(x[0]))
    assert np.any(first != 0.0)


def test_members_side_by_side_have_references_of_their_own(train, variables, x):
    together = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), variables)
    _, left = jax.vmap(train)(together, x[:2])
    np.testing.assert_array_equal(left[STATISTICS]["reference"], x[:2])


def test_a_batch_of_another_size_in_training_is_refused(train, variables, x):
    with pytest.raises(ValueError, match="a reference of 4 examples cannot be made of a batch of 3"):
        train(variables, x[0, :3])
