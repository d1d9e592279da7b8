"""The places of a network where a normalization acts, and activations to put there."""

import functools
from typing import Any

import flax.linen as nn
import jax
import numpy as np
import pytest

from ganscape.models.initialization import initialise, initializer, standard_normal
from ganscape.models.normalizations import NORMALIZATIONS, STATISTICS, NormContext

KEY = np.array([0, 7], np.uint32)


class Kernel(nn.Module):
    """The kernel that a layer with this normalization would use."""

    normalization: str
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self):
        kernel = self.param("kernel", initializer(standard_normal), self.shape)
        return NORMALIZATIONS[self.normalization].kernel(self, kernel)


class Activations(nn.Module):
    """What an architecture gets where it normalises."""

    normalization: str
    context: NormContext

    @nn.compact
    def __call__(self, x, condition=None):
        context = self.context._replace(condition=condition)
        return NORMALIZATIONS[self.normalization].activations(context, "norm")(x)


@functools.cache
def program(module):
    return jax.jit(functools.partial(module.apply, mutable=[STATISTICS]))


@pytest.fixture
def kernel():
    """(normalization, shape) -> (the module, its variables)."""

    def make(normalization, shape) -> tuple[nn.Module, dict[str, Any]]:
        module = Kernel(normalization, shape)
        return module, initialise(module, KEY)

    return make


@pytest.fixture
def passes():
    """(module, variables, count) -> (the kernel of the last of count passes, the variables that it leaves)."""

    def go(module, variables, count):
        for _ in range(count):
            kernel, left = program(module)(variables)
            variables = {**variables, **left}
        return np.asarray(kernel), variables

    return go


@pytest.fixture
def place():
    """(normalization, settings of its context) -> the module."""

    def make(normalization, **settings) -> nn.Module:
        return Activations(normalization, NormContext(**({"momentum": 0.9, "epsilon": 1e-3} | settings)))

    return make


@pytest.fixture
def run():
    """(module, variables, inputs) -> (what it returns, the statistics that it leaves), as one program: many
    small ones would take longer to compile."""
    return lambda module, variables, *inputs: program(module)(variables, *inputs)


@pytest.fixture
def variables_of():
    """(module, input shapes) -> its variables, parameters of the normalization drawn at random where `params`."""

    def make(module, *shapes, params=False) -> dict[str, Any]:
        variables = {"params": {}, **initialise(module, KEY, *shapes)}
        if params:
            generator = np.random.default_rng(3)
            leaves, structure = jax.tree.flatten(variables["params"])
            random = [np.float32(generator.normal(size=leaf.shape)) for leaf in leaves]
            variables["params"] = jax.tree.unflatten(structure, random)
        return variables

    return make


@pytest.fixture
def batches():
    """Twenty batches whose channels have unlike means and deviations: float32 [20, 6, 5, 4, 3]."""
    draws = np.random.default_rng(0).normal(size=(20, 6, 5, 4, 3))
    return np.float32(draws * [0.5, 1.0, 20.0] + [-3.0, 0.0, 100.0])
