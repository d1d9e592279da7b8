"""The precision of matrix products in layers during training; weights, optimizers and sums stay float32.

`use_precision` sets `jax.default_matmul_precision`, which the layers read, and by which JAX caches programs.
Scores are always computed in float32.

Reference: Micikevicius et al. 2018 (arXiv:1710.03740), with bfloat16, which needs no scaling of losses.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import jax
import jax.numpy as jnp
from jax import Array

PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def use_precision(precision: str) -> AbstractContextManager:
    """Returns a context manager in which traced programs multiply in this precision, a key of PRECISIONS."""
    return contextlib.nullcontext() if precision == "float32" else jax.default_matmul_precision(precision)


def round_operands(function: Callable[..., Array]) -> Callable[..., Array]:
    """Returns the function with its two array arguments rounded to the current precision first (`use_precision`)."""

    def round_and_call(left: Array, right: Array, *numbers: int) -> Array:
        precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
        if precision not in PRECISIONS or precision == "float32":
            return function(left, right, *numbers)
        dtype = PRECISIONS[precision]
        return function(left.astype(dtype), right.astype(dtype), *numbers).astype(jnp.float32)

    return round_and_call


matmul = round_operands(jnp.matmul)
