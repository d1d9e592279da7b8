"""Initial values of parameters, drawn with numpy on the host, as compiling a draw per parameter takes seconds."""

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


class Placeholder(struct.PyTreeNode, nn.meta.AxisMetadata):
    """A parameter's zeros, boxed together with the function that draws its initial value (`initialise`)."""

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


def initializer(draw: Draw):
    """Returns a Flax initializer that makes a `Placeholder`, which `initialise` replaces by the drawn value."""

    def make_placeholder(key, shape):
        return Placeholder(jnp.zeros(shape, jnp.float32), draw)

    return make_placeholder


@functools.cache
def normal(deviation: float) -> Draw:
    """Returns a function that draws independent normal values of this standard deviation."""
    return lambda generator, shape: standard_normal(generator, shape) * np.float32(deviation)


def standard_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws independent standard normal values, float32."""
    return generator.standard_normal(shape, dtype=np.float32)


@functools.cache
def truncated_normal(deviation: float) -> Draw:
    """Returns a function that draws normal values of this deviation, each again while beyond two deviations."""

    def draw(generator, shape):
        values = standard_normal(generator, shape)
        while (outside := np.abs(values) > 2.0).any():
            values[outside] = standard_normal(generator, (int(outside.sum()),))
        return values * np.float32(deviation)

    return draw


def he_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws normal values of variance 2 / fan-in, the product of all axes but the last (He et al. 2015)."""
    fan_in = int(np.prod(shape[:-1]))
    return standard_normal(generator, shape) * np.float32(np.sqrt(2.0 / fan_in))


@functools.cache
def fan_in_normal(gain: float) -> Draw:
    """Returns a function that draws normal values of deviation gain / sqrt(fan-in), the product of all axes but the
    last."""
    return lambda generator, shape: standard_normal(generator, shape) * np.float32(gain * np.prod(shape[:-1]) ** -0.5)


def glorot_uniform(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws uniform values of variance 2 / (fan-in + fan-out), both times the taps (Glorot and Bengio 2010)."""
    taps = int(np.prod(shape[:-2]))
    limit = np.sqrt(6.0 / (taps * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape).astype(np.float32)


def orthogonal(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draws a kernel [..., in, out] that is orthonormal as a matrix [everything else, out] (Saxe et al. 2014).

    Its columns are orthonormal, or its rows if there are more columns than rows; uniform among all such matrices.
    """
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    tall = standard_normal(generator, (max(rows, columns), min(rows, columns)))
    basis, triangle = np.linalg.qr(tall)
    basis = basis * np.where(np.diag(triangle) < 0.0, -1.0, 1.0).astype(np.float32)
    return np.ascontiguousarray(basis if rows >= columns else basis.T).reshape(shape)


@functools.cache
def constant(value: float) -> Draw:
    """Returns a function that fills a shape with this value."""
    return lambda generator, shape: np.full(shape, value, np.float32)


def initialise(module: nn.Module, key: np.ndarray, *input_shapes: tuple[int, ...], classes: int | None = None) -> dict:
    """Returns the module's variables as numpy arrays, each leaf drawn from its own random stream.

    A leaf's stream is seeded with the key (uint32 words) and the leaf's path, so adding a layer to a network does not
    change the initial values of the others. Renaming one does.
    """

    def draw(path, leaf: Placeholder):
        name = zlib.crc32(jax.tree_util.keystr(path).encode())
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([*map(int, key), name])))
        return leaf.draw(generator, leaf.value.shape)

    variables = _abstract(module, input_shapes, classes)
    return jax.tree_util.tree_map_with_path(draw, variables, is_leaf=lambda x: isinstance(x, Placeholder))


def parameter_count(module: nn.Module, *input_shapes: tuple[int, ...], classes: int | None = None) -> int:
    """Returns the number of trainable values of a module for these input shapes and number of classes."""
    leaves = jax.tree.leaves(nn.meta.unbox(_abstract(module, input_shapes, classes)["params"]))
    return sum(leaf.size for leaf in leaves)


def variable_shapes(module: nn.Module, *input_shapes: tuple[int, ...], classes: int | None = None) -> dict:
    """Returns the shape and type of each variable of a module, as a tree like that of `initialise`."""
    variables = _abstract(module, input_shapes, classes)
    return jax.tree.map(lambda leaf: leaf.value, variables, is_leaf=lambda leaf: isinstance(leaf, Placeholder))


@functools.lru_cache(maxsize=256)
def _abstract(module: nn.Module, input_shapes: tuple[tuple[int, ...], ...], classes: int | None) -> dict:
    inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in input_shapes]

    def variables(key, *inputs):
        extra = [] if classes is None else [Context(classes=jnp.zeros((len(inputs[0]), classes)))]
        return module.init(key, *inputs, *extra)

    return jax.eval_shape(variables, jax.ShapeDtypeStruct((2,), jnp.uint32), *inputs)
