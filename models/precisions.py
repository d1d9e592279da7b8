"""The precision of products in layers during training; weights, optimizers and sums stay float32.

The name is put in force with `jax.default_matmul_precision`, which is part of what JAX compiles by, and the layers
read it there. Scores are computed in float32 whatever it is.

Reference: Micikevicius et al. 2018 (arXiv:1710.03740), with bfloat16, which needs no scaling of losses.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import jax
import jax.numpy as jnp
from jax import Array

PRECISIONS = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def multiplying_in(precision: str) -> AbstractContextManager:
    """Returns a context manager inside which traced programs multiply in this precision, a key of PRECISIONS."""
    return contextlib.nullcontext() if precision == "float32" else jax.default_matmul_precision(precision)


def rounded(function: Callable[..., Array]) -> Callable[..., Array]:
    """Returns the function with its two arrays rounded to the precision in force before it is called."""

    def multiplied(left: Array, right: Array, *numbers: int) -> Array:
        precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
        if precision not in PRECISIONS or precision == "float32":
            return function(left, right, *numbers)
        dtype = PRECISIONS[precision]
        return function(left.astype(dtype), right.astype(dtype), *numbers).astype(jnp.float32)

    return multiplied


times = rounded(jnp.matmul)
