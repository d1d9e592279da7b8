import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.normalizations import STATISTICS

SPECTRAL = ["spectral_norm", "batch_norm+spectral_norm", "conditional_batch_norm+spectral_norm"]


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("name", SPECTRAL)
@pytest.mark.parametrize("shape", [(6, 4), (3, 7), (4, 4, 3, 8), (5, 1)])
def test_the_largest_singular_value_becomes_one(kernel, passes, name, shape):
    """Axes [height, width, in] against [out], as a matrix: numpy's singular values of it."""
    module, variables = kernel(name, shape)
    used, _ = passes(module, variables, 400)
    np.testing.assert_allclose(np.linalg.norm(used.reshape(-1, shape[-1]), 2), 1.0, rtol=1e-4)


def test_the_spectral_kernel_is_a_multiple_of_the_kernel(kernel, passes):
    module, variables = kernel("spectral_norm", (4, 4, 3, 8))
    used, _ = passes(module, variables, 400)
    raw = variables["params"]["kernel"]
    np.testing.assert_allclose(used * np.linalg.norm(raw.reshape(-1, 8), 2), raw, rtol=1e-4, atol=1e-5)


def test_one_pass_is_one_power_iteration(kernel, passes):
    module, variables = kernel("spectral_norm", (2, 2, 3, 8))
    matrix, u = np.float64(variables["params"]["kernel"]).reshape(-1, 8), np.float64(variables[STATISTICS]["u"])
    assert u.shape == (2 * 2 * 3,)
    for _ in range(3):
        used, variables = passes(module, variables, 1)
        v = unit(matrix.T @ u)
        u = unit(matrix @ v)
        np.testing.assert_allclose(variables[STATISTICS]["u"], u, atol=1e-5)
        np.testing.assert_allclose(used.reshape(-1, 8), matrix / (u @ matrix @ v), rtol=1e-4, atol=1e-5)


def test_no_gradient_flows_through_the_singular_vectors(kernel, passes):
    """With u and v held, d/dW sum(C W / s) = C / s - sum(C W) u v^T / s^2, s = u^T W v (Miyato et al. 2018, 10)."""
    module, variables = kernel("spectral_norm", (6, 4))
    matrix, u = np.float64(variables["params"]["kernel"]), np.float64(variables[STATISTICS]["u"])
    direction = np.random.default_rng(1).normal(size=(6, 4))

    def objective(params):
        used, _ = module.apply({**variables, "params": params}, mutable=[STATISTICS])
        return jnp.sum(jnp.float32(direction) * used)

    v = unit(matrix.T @ u)
    u = unit(matrix @ v)
    size = u @ matrix @ v
    expected = direction / size - np.sum(direction * matrix) / size**2 * np.outer(u, v)
    gradient = jax.grad(objective)(variables["params"])["kernel"]
    np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("factor", [1e-3, 0.5, 1e4])
def test_the_spectral_kernel_does_not_depend_on_the_scale(kernel, passes, factor):
    module, variables = kernel("spectral_norm", (6, 4))
    scaled = {**variables, "params": {"kernel": np.float32(factor) * variables["params"]["kernel"]}}
    np.testing.assert_allclose(passes(module, scaled, 1)[0], passes(module, variables, 1)[0], rtol=1e-4, atol=1e-6)


def test_the_vector_stays_where_statistics_do(kernel):
    """In sampling the iteration is made and not kept."""
    module, variables = kernel("spectral_norm", (6, 4))
    used, _ = module.apply(variables, mutable=[STATISTICS])
    np.testing.assert_array_equal(module.apply(variables), used)


def test_a_kernel_that_was_zero_is_normalised_again(kernel, passes):
    module, variables = kernel("spectral_norm", (6, 4))
    raw = variables["params"]["kernel"]
    _, variables = passes(module, {**variables, "params": {"kernel": np.zeros_like(raw)}}, 3)
    used, _ = passes(module, {**variables, "params": {"kernel": raw}}, 200)
    np.testing.assert_allclose(np.linalg.norm(used, 2), 1.0, rtol=1e-4)


@pytest.mark.parametrize("shape", [(6, 4), (4, 4, 3, 8)])
def test_weight_norm_learns_the_length_of_each_unit_s_kernel_apart(kernel, shape):
    module, variables = kernel("weight_norm", shape)
    raw = np.float64(variables["params"]["kernel"])
    columns = raw / np.linalg.norm(raw.reshape(-1, shape[-1]), axis=0)
    np.testing.assert_allclose(module.apply(variables), columns, rtol=1e-5)
    lengths = np.float32(np.linspace(-1.0, 3.0, shape[-1]))
    learnt = {"params": {"kernel": raw, "g": lengths}}
    np.testing.assert_allclose(module.apply(learnt), lengths * columns, rtol=1e-5, atol=1e-7)


def test_weight_norm_of_torch_agrees_with_its_gradients(kernel):
    torch = pytest.importorskip("torch")
    module, variables = kernel("weight_norm", (6, 4))
    params = {**variables["params"], "g": np.float32([0.5, 1.0, -2.0, 3.0])}
    direction = np.float32(np.random.default_rng(1).normal(size=(6, 4)))
    v, g = (torch.tensor(np.asarray(params[name]).T, requires_grad=True) for name in ("kernel", "g"))
    theirs = torch._weight_norm(v, g.reshape(-1, 1), 0)
    (theirs * torch.from_numpy(direction.T.copy())).sum().backward()

    gradient = jax.grad(lambda params: jnp.sum(direction * module.apply({"params": params})))(params)
    np.testing.assert_allclose(module.apply({"params": params}), theirs.detach().numpy().T, rtol=1e-5)
    np.testing.assert_allclose(gradient["kernel"], v.grad.numpy().T, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradient["g"], g.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_weight_norm_does_not_explode_at_short_kernels(kernel):
    module, variables = kernel("weight_norm", (6, 4))
    for factor in (1e-5, 1e-20, 1e-38):
        params = {**variables["params"], "kernel": np.float32(factor) * variables["params"]["kernel"]}
        gradient = jax.grad(lambda params: jnp.sum(module.apply({"params": params})))(params)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
