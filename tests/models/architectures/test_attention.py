import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganscape.models.architectures.attention import SelfAttention
from ganscape.models.initialization import initialise, normal
from ganscape.models.normalizations import STATISTICS

KEY = np.array([0, 1], np.uint32)


def variables_for(shape, normalization="none", gamma=0.7):
    module = SelfAttention(normal(0.5), normalization)
    variables = initialise(module, KEY, shape)
    started = float(variables["params"]["gamma"])
    variables["params"]["gamma"] = np.float32(gamma)
    return module, variables, started


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def attended(p, x):
    """Place after place, by the sums of the paper, in float64."""
    query, key, value = (
        np.einsum("bhwc,co->bhwo", x, p[name]["kernel"], dtype=float) for name in ("query", "key", "value")
    )
    key, value = pooled(key), pooled(value)
    result = np.zeros_like(x, dtype=float)
    for b, i, j in np.ndindex(x.shape[:3]):
        scores = np.array([query[b, i, j] @ key[b, k, m] for k, m in np.ndindex(key.shape[1:3])])
        weights = np.exp(scores) / np.exp(scores).sum()
        seen = sum(w * value[b, k, m] for w, (k, m) in zip(weights, np.ndindex(key.shape[1:3]), strict=True))
        result[b, i, j] = x[b, i, j] + p["gamma"] * (seen @ p["output"]["kernel"])
    return result


def pooled(x):
    corners = [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    return np.maximum.reduce(corners)


@pytest.mark.parametrize("channels", [16, 3])
def test_every_place_sees_the_squares_of_all_others(channels):
    """16: 2 features to compare and 8 to see; 3: fewer than 8 channels compare by one feature."""
    x = images(2, 4, 6, channels)
    module, variables, _ = variables_for(x.shape)
    kernels = {name: leaf["kernel"].shape for name, leaf in variables["params"].items() if name != "gamma"}
    narrow, wide = max(channels // 8, 1), channels // 2
    assert kernels == {
        "query": (channels, narrow),
        "key": (channels, narrow),
        "value": (channels, wide),
        "output": (wide, channels),
    }
    expected = attended(variables["params"], x)
    np.testing.assert_allclose(jax.jit(module.apply)(variables, x), expected, rtol=1e-4, atol=1e-5)


def test_it_starts_as_the_identity_and_gamma_learns():
    """At gamma = 0 the gradient reaches gamma alone; beyond it, every kernel."""
    x = images(1, 4, 4, 8)
    module, variables, started = variables_for(x.shape)
    assert started == 0.0

    @jax.jit
    def gradients(gamma):
        params = {**variables["params"], "gamma": gamma}
        return jax.grad(lambda p: jnp.sum(module.apply({"params": p}, x) ** 3))(params)

    at_start, later = gradients(0.0), gradients(0.5)
    np.testing.assert_array_equal(module.apply({"params": {**variables["params"], "gamma": 0.0}}, x), x)
    assert abs(at_start["gamma"]) > 1e-3
    for name in ("query", "key", "value", "output"):
        assert not at_start[name]["kernel"].any()
        assert np.abs(later[name]["kernel"]).max() > 1e-6


def test_every_kernel_goes_through_the_normalization():
    """Kernels ten times as large leave spectrally normalised attention as it is."""
    x = images(1, 4, 4, 8)
    module, variables, _ = variables_for(x.shape, "spectral_norm")
    assert set(variables[STATISTICS]) == {"query", "key", "value", "output"}
    larger = {name: p if name == "gamma" else {"kernel": 10.0 * p["kernel"]} for name, p in variables["params"].items()}
    apply = jax.jit(module.apply)
    np.testing.assert_allclose(apply({**variables, "params": larger}, x), apply(variables, x), rtol=1e-4, atol=1e-5)
