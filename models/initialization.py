"""Initial values, drawn with numpy on the host: compiling a random draw per parameter costs seconds."""

import functools
import zlib
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from ganscape.models.forward import Context

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


class Drawn(struct.PyTreeNode, nn.meta.AxisMetadata):
    """A parameter together with the function that draws its initial value."""

    value: Any
    draw: Draw = struct.field(pytree_node=False)

    def unbox(self):
        return self.value

    def replace_boxed(self, val):
        return self.replace(value=val)

    def add_axis(self, index, params):
        return self

    def remove_axis(self, index, params):
        return self


def drawn(draw: Draw):
    """Returns a Flax initializer of a placeholder, in whose place `initialise` puts the drawn value."""

    def initializer(key, shape):
        return Drawn(jnp.zeros(shape, jnp.float32), draw)

    return initializer


@functools.cache
def normal(deviation: float) -> Draw:
    """Independent normal draws of this standard deviation."""
    return lambda generator, shape: standard_normal(generator, shape) * np.float32(deviation)


def standard_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Independent standard normal draws, float32."""
    return generator.standard_normal(shape, dtype=np.float32)


@functools.cache
def truncated_normal(deviation: float) -> Draw:
    """Normal draws of this standard deviation, each drawn again while beyond two deviations."""

    def draw(generator, shape):
        values = standard_normal(generator, shape)
        while (outside := np.abs(values) > 2.0).any():
            values[outside] = standard_normal(generator, (int(outside.sum()),))
        return values * np.float32(deviation)

    return draw


def he_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal draws of variance 2 / fan-in, fan-in being all axes but the last (He et al. 2015)."""
    fan_in = int(np.prod(shape[:-1]))
    return standard_normal(generator, shape) * np.float32(np.sqrt(2.0 / fan_in))


def glorot_uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform draws of variance 2 / (fan-in + fan-out), both with the places of a filter (Glorot and Bengio 2010)."""
    places = int(np.prod(shape[:-2]))
    limit = np.sqrt(6.0 / (places * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape).astype(np.float32)


def orthogonal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A kernel [..., in, out] whose columns as a matrix [everything else, out] are orthonormal, or whose rows are where
    there are more columns: uniform among all such (Saxe et al. 2014)."""
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    tall = standard_normal(generator, (max(rows, columns), min(rows, columns)))
    basis, triangle = np.linalg.qr(tall)
    basis = basis * np.where(np.diag(triangle) < 0.0, -1.0, 1.0).astype(np.float32)
    return np.ascontiguousarray(basis if rows >= columns else basis.T).reshape(shape)


@functools.cache
def constant(value: float) -> Draw:
    """The same value everywhere."""
    return lambda generator, shape: np.full(shape, value, np.float32)


def initialise(module: nn.Module, key: np.ndarray, *input_shapes: tuple[int, ...], classes: int | None = None) -> dict:
    """Returns the module's variables as numpy arrays, each leaf drawn from a random stream of its own.

    A leaf's stream is named by the key (uint32 words) and the leaf's path, so a layer added to a
    network leaves the draws of the others as they were.
    """

    def draw(path, leaf: Drawn):
        name = zlib.crc32(jax.tree_util.keystr(path).encode())
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([*map(int, key), name])))
        return leaf.draw(generator, leaf.value.shape)

    variables = _abstract(module, input_shapes, classes)
    return jax.tree_util.tree_map_with_path(draw, variables, is_leaf=lambda x: isinstance(x, Drawn))


def parameter_count(module: nn.Module, *input_shapes: tuple[int, ...], classes: int | None = None) -> int:
    """The number of trainable values of a module for inputs of these shapes and so many classes."""
    leaves = jax.tree.leaves(nn.meta.unbox(_abstract(module, input_shapes, classes)["params"]))
    return sum(leaf.size for leaf in leaves)


def variable_shapes(module: nn.Module, *input_shapes: tuple[int, ...], classes: int | None = None) -> dict:
    """Returns shape and type of each of the module's variables, as a tree like that of `initialise`."""
    variables = _abstract(module, input_shapes, classes)
    return jax.tree.map(lambda leaf: leaf.value, variables, is_leaf=lambda leaf: isinstance(leaf, Drawn))


@functools.lru_cache(maxsize=256)
def _abstract(module: nn.Module, input_shapes: tuple[tuple[int, ...], ...], classes: int | None) -> dict:
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in input_shapes]

    def variables(key, *inputs):
        extra = [] if classes is None else [Context(classes=jnp.zeros((len(inputs[0]), classes)))]
        return module.init(key, *inputs, *extra)

    return jax.eval_shape(variables, jax.ShapeDtypeStruct((2,), jnp.uint32), *inputs)
